/** Lets something be done at once, `most` times in an interval. */
export class Pace {
  readonly #most: number
  readonly #intervalMs: number
  #sinceMs = -Infinity
  #count = 0

  constructor(most: number, intervalMs: number) {
    this.#most = most
    this.#intervalMs = intervalMs
  }

  take(nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= this.#intervalMs) {
      this.#sinceMs = nowMs
      this.#count = 0
    }
    if (this.#count >= this.#most) return false
    this.#count++
    return true
  }
}
