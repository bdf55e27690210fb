/**
 * A rate with room for bursts: holds up to `burst` tokens, gains `perSecond` of them, and each event takes
 * one. Time is passed in; time that runs backwards adds nothing.
 */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  /** Starts full. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Takes a token, or returns false where none is left. */
  take(nowMs: number): boolean {
    this.#refill(nowMs)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Whether a whole burst may come. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs)
    return this.#tokens >= this.#burst
  }

  /** Takes `tokens`, there or not, and returns how long it will be until none is owed, milliseconds. */
  overdraw(tokens: number, nowMs: number): number {
    this.#refill(nowMs)
    this.#tokens -= tokens
    return Math.max(0, Math.ceil((-this.#tokens / this.#perSecond) * 1_000))
  }

  #refill(nowMs: number): void {
    const gained = (Math.max(0, nowMs - this.#atMs) / 1_000) * this.#perSecond
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#atMs = Math.max(this.#atMs, nowMs)
  }
}
