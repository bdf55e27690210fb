import type { Clock } from '../base/clock.ts'

/** Rings once at the time it was last set to, or before: one that would ring too early is left, rings in vain and is set anew. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: (dueMs: number) => void
  #timer: { readonly handle: unknown; readonly dueMs: number } | null = null

  /** `ring` is told when it was to ring. */
  constructor(clock: Clock, ring: (dueMs: number) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Clock milliseconds; `Infinity` is never. */
  setAt(dueMs: number): void {
    if (this.#timer !== null && this.#timer.dueMs <= dueMs) return
    this.clear()
    if (dueMs === Infinity) return
    const handle = this.#clock.setTimeout(
      () => {
        this.#timer = null
        this.#ring(dueMs)
      },
      Math.max(0, dueMs - this.#clock.now()),
    )
    this.#timer = { handle, dueMs }
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer?.handle)
    this.#timer = null
  }
}
