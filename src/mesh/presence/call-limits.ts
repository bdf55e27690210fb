import type { PeerId } from '../../seam/contract.ts'
import { TokenBucket } from '../../signal/token-bucket.ts'

/**
 * How often others may make this peer open a link: who proved a key can still call without end, and each
 * call costs a connection until it has failed. Honest peers, who wait longer after each failure, never meet it.
 */
export class CallLimits {
  readonly #all: TokenBucket
  readonly #byPeer: Map<PeerId, TokenBucket> = new Map()

  constructor(nowMs: number) {
    this.#all = new TokenBucket(ALL_CALLS_PER_SECOND, ALL_CALLS_BURST, nowMs)
  }

  /** Whether `peer` may call now; if so, the call is counted. */
  take(peer: PeerId, nowMs: number): boolean {
    const own = this.#byPeer.get(peer) ?? this.#newBucket(peer, nowMs)
    return own?.take(nowMs) === true && this.#all.take(nowMs)
  }

  /** `null` where too many peers are counted that may not call a whole burst yet. */
  #newBucket(peer: PeerId, nowMs: number): TokenBucket | null {
    if (this.#byPeer.size >= MAX_CALLERS) {
      for (const [other, bucket] of this.#byPeer) if (bucket.isFull(nowMs)) this.#byPeer.delete(other)
      if (this.#byPeer.size >= MAX_CALLERS) return null
    }
    const bucket = new TokenBucket(CALLS_PER_SECOND, CALLS_BURST, nowMs)
    this.#byPeer.set(peer, bucket)
    return bucket
  }
}

/** Of one peer, all its sessions together: at once, and sustained. */
export const CALLS_BURST = 32
export const CALLS_PER_SECOND = 4

/** Of all peers together: a room of the largest size may come at once, thrice. */
export const ALL_CALLS_BURST = 192
export const ALL_CALLS_PER_SECOND = 16

const MAX_CALLERS = 1_024
