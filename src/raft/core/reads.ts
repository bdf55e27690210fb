import type { NodeId } from '../contract.ts'

/** How long a caller waits for a leader that can prove it still leads, milliseconds. */
export const READ_TIMEOUT_MS = 10_000
/** Questions of one member that a leader has under way; further ones are left for it to ask again. */
export const MAX_READS_PER_MEMBER = 1024
/** Serials of one process: from its incarnation times this on, so that an answer to an earlier process answers nothing. */
const SERIALS = 2 ** 21

/** One question of this node's, for all callers that share it. */
export interface OwnRead {
  readonly serial: number
  readonly tokens: Set<number>
  /** The term whose leader was asked; `null` while there was none to ask. */
  askedTerm: number | null
  /** What the leader said. */
  index: number | null
}

/** A question before a leader: a member's, or its own. */
interface ServedRead {
  readonly from: NodeId
  readonly serial: number
}

/** Questions that wait for the same round. */
interface Round {
  readonly number: number
  readonly index: number
  readonly served: readonly ServedRead[]
}

/** What this node asks, and what it is asked while it leads. Decides nothing: see read-index.ts. */
export class Reads {
  resendAtMs: number = Infinity
  /** Leader: the newest round; never the same again in this process, whatever the term. */
  round = 0
  readonly #own: Map<number, OwnRead> = new Map()
  /** The question that tokens still may join: nobody was asked yet. */
  #open: OwnRead | null = null
  /** By token, in the order of deadlines: all wait equally long. */
  readonly #deadlines: Map<number, { readonly dueMs: number; readonly read: OwnRead }> = new Map()
  readonly #firstSerial: number
  #count = 0
  #waiting: ServedRead[] = []
  #rounds: Round[] = []
  readonly #served: Map<NodeId, Set<number>> = new Map()

  constructor(incarnation: number) {
    this.#firstSerial = incarnation * SERIALS
  }

  get deadlineMs(): number {
    for (const { dueMs } of this.#deadlines.values()) return Math.min(dueMs, this.resendAtMs)
    return Infinity
  }

  add(token: number, nowMs: number): void {
    if (this.#open === null || this.#open.askedTerm !== null) {
      const serial = this.#firstSerial + (++this.#count % SERIALS)
      this.#open = { serial, tokens: new Set(), askedTerm: null, index: null }
      this.#own.set(serial, this.#open)
    }
    this.#open.tokens.add(token)
    this.#deadlines.set(token, { dueMs: nowMs + READ_TIMEOUT_MS, read: this.#open })
  }

  own(): IterableIterator<OwnRead> {
    return this.#own.values()
  }

  bySerial(serial: number): OwnRead | null {
    return this.#own.get(serial) ?? null
  }

  withdraw(token: number): void {
    const read = this.#deadlines.get(token)?.read
    if (read === undefined) return
    this.#deadlines.delete(token)
    read.tokens.delete(token)
    if (read.tokens.size === 0) this.#forget(read)
  }

  takeOverdue(nowMs: number): number[] {
    const overdue: number[] = []
    for (const [token, { dueMs }] of this.#deadlines) {
      if (dueMs > nowMs) break
      overdue.push(token)
    }
    for (const token of overdue) this.withdraw(token)
    return overdue
  }

  takeAnswered(commit: number): (OwnRead & { index: number })[] {
    if (this.#own.size === 0) return []
    const answered = [...this.#own.values()].filter(isAnswered).filter(({ index }) => index <= commit)
    for (const read of answered) {
      for (const token of read.tokens) this.#deadlines.delete(token)
      this.#forget(read)
    }
    return answered
  }

  /* ── Leader ────────────────────────────────────────────────────────────────────────────────── */

  /** Whether anybody waits for a round. */
  get isServing(): boolean {
    return this.#rounds.length > 0
  }

  servedFor(from: NodeId): number {
    return this.#served.get(from)?.size ?? 0
  }

  serve(from: NodeId, serial: number): void {
    const serials = this.#served.get(from) ?? new Set()
    if (serials.has(serial)) return
    this.#served.set(from, serials.add(serial))
    this.#waiting.push({ from, serial })
  }

  /** Begins a round for all that wait for one, which will be answered with `index`. */
  open(index: number): void {
    if (this.#waiting.length === 0) return
    this.#rounds.push({ number: ++this.round, index, served: this.#waiting })
    this.#waiting = []
  }

  takeConfirmed(isConfirmed: (round: number) => boolean): (ServedRead & { readonly index: number })[] {
    const confirmed: (ServedRead & { readonly index: number })[] = []
    while (this.#rounds.length > 0 && isConfirmed((this.#rounds[0] as Round).number)) {
      const { index, served } = this.#rounds.shift() as Round
      for (const { from, serial } of served) {
        this.#served.get(from)?.delete(serial)
        confirmed.push({ from, serial, index })
      }
    }
    return confirmed
  }

  stopServing(): void {
    this.#waiting = []
    this.#rounds = []
    this.#served.clear()
  }

  #forget(read: OwnRead): void {
    this.#own.delete(read.serial)
    if (this.#open === read) this.#open = null
  }
}

function isAnswered(read: OwnRead): read is OwnRead & { index: number } {
  return read.index !== null
}
