const WALL_EPOCH_MS = 1_767_225_600_000

/** The clocks of one node as functions of simulated time: fast or slow, ahead, or behind after a sleep. */
export class LocalClock {
  #rate = 1
  #sinceMs = 0
  #shownMs: number
  #wallAheadMs = WALL_EPOCH_MS

  /** `startMs`: what it shows at simulated time 0. */
  constructor(startMs: number) {
    this.#shownMs = startMs
  }

  now(atMs: number): number {
    return this.#shownMs + (atMs - this.#sinceMs) * this.#rate
  }

  wall(atMs: number): number {
    return this.#wallAheadMs + this.now(atMs)
  }

  /** At what simulated time it will show `localMs`, `atMs` at the earliest. */
  when(localMs: number, atMs: number): number {
    const leftMs = localMs - this.now(atMs)
    return leftMs > 0 ? atMs + leftMs / this.#rate : atMs
  }

  setRate(rate: number, atMs: number): void {
    this.#shownMs = this.now(atMs)
    this.#sinceMs = atMs
    this.#rate = rate
  }

  /** Sets the monotonic clock ahead, as a wake-up from sleep does. */
  skip(ms: number): void {
    this.#shownMs += ms
  }

  /** It did not count the last `ms` of simulated time: the machine slept. */
  oversleep(ms: number): void {
    this.#shownMs -= ms * this.#rate
  }

  /** Sets the wall clock, either way. */
  moveWall(ms: number): void {
    this.#wallAheadMs += ms
  }
}
