import { ClosedError } from '../../base/errors.ts'
import { observable } from '../../base/observable.ts'
import type { ClusterConfig, Committed, LogEntry, LogSize, RaftNode, RaftRole } from '../../raft/contract.ts'

type PreinitializedAtom<T> = ReturnType<typeof observable<T>>

/** A node whose committed log is what the test pushes, and whose own proposals commit at once. */
export class ScriptedNode implements RaftNode {
  readonly id: string
  readonly role: PreinitializedAtom<RaftRole> = observable<RaftRole>('leader')
  readonly leader: PreinitializedAtom<string | null> = observable<string | null>(null)
  readonly membership: PreinitializedAtom<ClusterConfig> = observable<ClusterConfig>({
    voters: new Set(),
    learners: new Set(),
  })
  readonly commitIndex: PreinitializedAtom<number> = observable(0)
  readonly compactionFloor: PreinitializedAtom<number> = observable(0)
  readonly failure: RaftNode['failure'] = observable(null)
  readonly ended: AbortSignal = new AbortController().signal
  readonly trace: AsyncIterable<never> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
  readonly log: Committed[] = []
  readonly published: { readonly index: number; readonly state: Uint8Array }[] = []
  /** Iterations of {@link committedFrom} not yet ended. */
  cursors = 0
  #wake: (() => void)[] = []
  #closed = false

  constructor(id = 'ann') {
    this.id = id
  }

  push(...items: Committed[]): void {
    this.log.push(...items)
    this.commitIndex.set(indexOf(items.at(-1)))
    this.#stir()
  }

  propose(command: Uint8Array): Promise<LogEntry> {
    if (this.#closed) return Promise.reject(new ClosedError('closed'))
    const index = this.commitIndex.get() + 1
    const dedupKey = { clientId: 'auto:test', requestId: index }
    const entry: LogEntry = { index, term: 1, command, dedupKey, proposer: this.id, timeMs: 1000 + index }
    this.push({ kind: 'entry', entry })
    return Promise.resolve(entry)
  }

  committedFrom(index: number): AsyncIterable<Committed> {
    return {
      [Symbol.asyncIterator]: () => {
        let at = 0
        let ended = false
        this.cursors++
        const next = async (): Promise<IteratorResult<Committed>> => {
          for (;;) {
            const item = this.log[at]
            if (ended || (item === undefined && this.#closed)) return { done: true, value: undefined }
            if (item === undefined) await new Promise<void>((resolve) => this.#wake.push(resolve))
            else {
              at++
              if (indexOf(item) >= index) return { done: false, value: item }
            }
          }
        }
        const end = async (): Promise<IteratorResult<Committed>> => {
          if (!ended) this.cursors--
          ended = true
          this.#stir()
          return { done: true, value: undefined }
        }
        return { next, return: end }
      },
    }
  }

  changeMembership(): Promise<ClusterConfig> {
    return Promise.resolve(this.membership.get())
  }

  publishSnapshot(throughIndex: number, state: Uint8Array): Promise<number> {
    this.published.push({ index: throughIndex, state })
    return Promise.resolve(throughIndex)
  }

  metrics(): never {
    throw new Error('a scripted node counts nothing')
  }

  logSize(): LogSize {
    return { entries: this.log.length, bytes: 0, maxEntries: Infinity, maxBytes: Infinity }
  }

  readIndex(): Promise<number> {
    return Promise.resolve(this.commitIndex.get())
  }

  transferLeadership(): Promise<void> {
    return Promise.resolve()
  }

  pause(): Promise<void> {
    return Promise.resolve()
  }

  resume(): void {}

  awaitLeadership(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#closed = true
    this.#stir()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #stir(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}

/** A committed command of `proposer`. */
export function commandAt(index: number, proposer: string | null, command: Uint8Array): Committed {
  const dedupKey = { clientId: `auto:${proposer}`, requestId: index }
  return { kind: 'entry', entry: { index, term: 1, command, dedupKey, proposer, timeMs: 1000 + index } }
}

/** The first `count` items of a stream, which is then ended. */
export async function take<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = []
  if (count === 0) return items
  for await (const item of stream) {
    items.push(item)
    if (items.length === count) break
  }
  return items
}

function indexOf(item: Committed | undefined): number {
  if (item === undefined) return 0
  if (item.kind === 'internal') return item.index
  return item.kind === 'entry' ? item.entry.index : item.snapshot.index
}
