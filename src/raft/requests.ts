import type { ClusterConfig, LogEntry } from './contract.ts'
import type { Outcome } from './core/replica.ts'
import { Stopwatch } from './raft-metrics.ts'
import type { DriverNote, RequestKind } from './trace-event.ts'

interface Request {
  readonly kind: RequestKind
  readonly sinceMs: number
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

/** Calls of a node's caller that wait for their outcome, by the token under which the core knows them. */
export class Requests {
  /** Proposals that committed, and how long that took. */
  readonly proposals: Stopwatch = new Stopwatch()
  failedProposals = 0
  readonly #waiting: Map<number, Request> = new Map()
  #lastToken = 0

  get size(): number {
    return this.#waiting.size
  }

  nextToken(): number {
    return ++this.#lastToken
  }

  wait<T>(token: number, kind: RequestKind, sinceMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(token, { kind, sinceMs, resolve: resolve as (value: never) => void, reject })
    })
  }

  /** The caller gave up. False: it was answered before. */
  forget(token: number): boolean {
    return this.#waiting.delete(token)
  }

  /** Answers a request; of one that is not forgotten, `tell` hears what is worth a trace. */
  settle(outcome: Outcome, nowMs: number, tell: ((note: DriverNote) => void) | null): void {
    const request = this.#waiting.get(outcome.token)
    if (request === undefined) return
    this.#waiting.delete(outcome.token)
    const elapsedMs = nowMs - request.sinceMs
    if (outcome.kind === 'failed') {
      if (request.kind === 'propose') this.failedProposals++
      tell?.({ kind: 'request-failed', request: request.kind, error: outcome.error, elapsedMs })
      request.reject(outcome.error)
      return
    }
    if (outcome.kind === 'proposed') {
      this.proposals.add(elapsedMs)
      tell?.({ kind: 'proposed', index: outcome.entry.index, elapsedMs })
    }
    request.resolve(answerOf(outcome) as never)
  }

  /** Nothing will be answered any more. */
  failAll(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}

function answerOf(outcome: Exclude<Outcome, { kind: 'failed' }>): LogEntry | ClusterConfig | number | undefined {
  switch (outcome.kind) {
    case 'proposed':
      return outcome.entry
    case 'changed':
      return outcome.config
    case 'compacted':
      return outcome.floor
    case 'read':
      return outcome.index
    case 'done':
      return undefined
  }
}
