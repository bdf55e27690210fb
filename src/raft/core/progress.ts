import type { SnapshotTransfer } from './snapshot-send.ts'

/** Batches a leader lets one follower have under way. */
export const MAX_INFLIGHT_FRAMES = 64
/** Bytes of entries a leader lets one follower have under way; one batch always goes. */
export const MAX_INFLIGHT_BYTES = 1_048_576

/**
 * What a leader knows of one follower. It starts by *probing*: one frame at a time, until an answer
 * tells where the logs agree. From then on it *streams*: `next` runs ahead of the answers, within a
 * window, and a refusal (a frame was lost) goes back to probing.
 */
export class Progress {
  /** Highest index known to be durable there. */
  match = 0
  /** Index of the next entry to send. */
  next: number
  mode: 'probe' | 'stream' = 'probe'
  /** Probing, and a probe is under way. */
  awaiting = false
  /** When the follower last answered in this term, clock milliseconds. */
  contactMs: number
  /** Highest commit index it was told. */
  toldCommit = 0
  /** Newest round of reads that it answered, and that it was sent. */
  round = 0
  sentRound = 0
  /** How long it takes to answer, milliseconds; `null` before it has. */
  roundTripMs: number | null = null
  /** Set once the follower is no member any more: it is served until it knows, or until then. */
  leaving: { readonly index: number; deadlineMs: number } | null = null
  /** A snapshot on its way there; until it has got there no entries are sent. */
  transfer: SnapshotTransfer | null = null
  readonly #inflight: { readonly last: number; readonly bytes: number }[] = []
  #inflightBytes = 0
  /** The frame that is being timed. */
  #timed: { readonly last: number; readonly sentAtMs: number } | null = null

  constructor(next: number, nowMs: number) {
    this.next = Math.max(1, next)
    this.contactMs = nowMs
  }

  /** Batches under way, and the bytes of their entries. */
  get inflight(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#inflight.length, bytes: this.#inflightBytes }
  }

  get windowIsFull(): boolean {
    return this.#inflight.length >= MAX_INFLIGHT_FRAMES || this.#inflightBytes >= MAX_INFLIGHT_BYTES
  }

  /** A batch that ends at `last` went out. */
  sent(last: number, bytes: number, nowMs: number): void {
    this.#timed ??= { last, sentAtMs: nowMs }
    if (this.mode === 'probe') {
      this.awaiting = true
      return
    }
    this.next = last + 1
    this.#inflight.push({ last, bytes })
    this.#inflightBytes += bytes
  }

  /** Everything up to `index` is durable there. */
  accepted(index: number): void {
    this.awaiting = false
    if (index > this.match) this.match = index
    if (this.mode === 'probe') {
      this.mode = 'stream'
      this.next = this.match + 1
    }
    this.next = Math.max(this.next, this.match + 1)
    while (this.#inflight.length > 0 && (this.#inflight[0] as { last: number }).last <= this.match) {
      this.#inflightBytes -= (this.#inflight.shift() as { bytes: number }).bytes
    }
  }

  /** `index` was acknowledged: how long that took, if that frame was timed. */
  takeSampleMs(index: number, nowMs: number): number | null {
    if (this.#timed === null || index < this.#timed.last) return null
    const sampleMs = nowMs - this.#timed.sentAtMs
    this.#timed = null
    return sampleMs
  }

  /** The logs differ at `prevIndex`; `next` is the leader's guess of where they may agree. False: an old answer. */
  refused(prevIndex: number, next: number): boolean {
    if (prevIndex <= this.match || this.transfer !== null) return false
    if (this.mode === 'probe' && prevIndex !== this.next - 1) return false
    this.mode = 'probe'
    this.awaiting = false
    this.#timed = null
    this.#inflight.length = 0
    this.#inflightBytes = 0
    this.next = Math.max(this.match + 1, Math.min(next, prevIndex))
    return true
  }
}
