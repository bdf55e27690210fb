/**
 * Which numbers of a growing count have been seen (RFC 4303, section 3.4.3). Those within
 * {@link REPLAY_WINDOW} of the highest may come in any order, each once; older ones are no longer told
 * apart, and so are all refused.
 */
export class ReplayWindow {
  #highest = 0
  /** Bit i stands for the highest number less i. */
  #seen = 0n

  /** What taking `number`, a whole number from 1, would say; takes nothing. */
  judge(number: number): 'fresh' | 'replayed' | 'stale' {
    const behind = this.#highest - number
    if (behind < 0) return 'fresh'
    if (behind >= REPLAY_WINDOW) return 'stale'
    return (this.#seen >> BigInt(behind)) & 1n ? 'replayed' : 'fresh'
  }

  take(number: number): void {
    const ahead = number - this.#highest
    if (ahead <= 0) {
      this.#seen |= 1n << BigInt(-ahead)
      return
    }
    this.#seen = ahead >= REPLAY_WINDOW ? 1n : BigInt.asUintN(REPLAY_WINDOW, this.#seen << BigInt(ahead)) | 1n
    this.#highest = number
  }
}

/** Numbers below the highest that are told apart. A sender counts for all whom it writes to, so that it is wide. */
export const REPLAY_WINDOW = 1_024
