import type { Clock } from '../../base/clock.ts'

/**
 * Whether anything gets through a link, and how long it takes there and back, by asking the other end to
 * answer. It asks only when told to; anything that is heard meanwhile is a sign of life too.
 */
export class LinkPulse {
  readonly #clock: Clock
  readonly #events: PulseEvents
  #serial = 0
  #askedAtMs: number | null = null
  #silent = false
  #bound: unknown
  /** Since it asked last. */
  #heard = false
  /** Smoothed, milliseconds; `null` before the first answer (RFC 6298, section 2). */
  roundTripMs: number | null = null
  /** Mean deviation of the above, milliseconds. */
  jitterMs: number | null = null

  constructor(clock: Clock, events: PulseEvents) {
    this.#clock = clock
    this.#events = events
  }

  /** Asks, unless an answer is awaited already. */
  ask(): void {
    if (this.#askedAtMs !== null && !this.#silent) return
    this.#heard = false
    this.#askedAtMs = this.#clock.now()
    this.#clock.clearTimeout(this.#bound)
    this.#bound = this.#clock.setTimeout(() => this.#due(), PULSE_BOUND_MS)
    this.#events.ask(++this.#serial)
  }

  /** Anything came from the other end. */
  hear(): void {
    this.#heard = true
    if (this.#silent) this.#tell(false)
  }

  answered(serial: number): void {
    if (serial !== this.#serial || this.#askedAtMs === null) return
    const took = this.#clock.now() - this.#askedAtMs
    const { roundTripMs, jitterMs } = this
    this.jitterMs =
      roundTripMs === null || jitterMs === null ? took / 2 : jitterMs + (Math.abs(took - roundTripMs) - jitterMs) / 4
    this.roundTripMs = roundTripMs === null ? took : roundTripMs + (took - roundTripMs) / 8
    this.end()
    this.#events.onMeasured()
  }

  /** No timer runs after it. */
  end(): void {
    this.#clock.clearTimeout(this.#bound)
    this.#askedAtMs = null
  }

  #due(): void {
    if (!this.#heard) this.#tell(true)
    else this.#askedAtMs = null
  }

  #tell(silent: boolean): void {
    if (silent === this.#silent) return
    this.#silent = silent
    this.#events.onSilence(silent)
  }
}

/** How long the other end may be silent after it was asked: a full buffer on a slow link drains in less. */
export const PULSE_BOUND_MS = 3_000

export interface PulseEvents {
  ask(serial: number): void
  onMeasured(): void
  /** `true`: nothing came in time. `false`: something came after all. */
  onSilence(silent: boolean): void
}
