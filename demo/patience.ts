/**
 * Looks again by itself for who may only be late, and stops after a while: a page that is forgotten in some
 * tab shall not ask for ever.
 */
export class Patience {
  readonly #onCount: (count: Count) => void
  #looksLeft = MAX_LOOKS
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(onCount: (count: Count) => void) {
    this.#onCount = onCount
  }

  /** Counts down to the next look, or tells that there is none. */
  wait(): void {
    clearInterval(this.#timer)
    if (this.#looksLeft === 0) {
      this.#onCount('over')
      return
    }
    this.#looksLeft--
    let seconds = LOOK_EVERY_S
    this.#onCount(seconds)
    this.#timer = setInterval(() => {
      seconds--
      if (seconds === 0) clearInterval(this.#timer)
      this.#onCount(seconds === 0 ? 'now' : seconds)
    }, 1000)
  }

  /** Takes all its time again, whenever it is needed next. */
  renew(): void {
    clearInterval(this.#timer)
    this.#looksLeft = MAX_LOOKS
  }
}

/** Seconds to the next look, the look itself, or the end of them. */
export type Count = number | 'now' | 'over'

export const LOOK_EVERY_S = 4
/** With the pause before each, about two minutes. */
export const MAX_LOOKS = 30
