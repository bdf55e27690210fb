import { systemClock, type Clock } from '../base/clock.ts'
import { macrotask } from '../base/macrotask.ts'
import { TimerHeap, type Timer } from './timer-heap.ts'

/** A whole virtual hour: what {@link VirtualClock.run} gives a promise unless told otherwise. */
export const DEFAULT_RUN_LIMIT_MS = 3_600_000

/** Virtual 2026-01-01T00:00:00Z is where every clock's wall begins. */
const WALL_EPOCH_MS = 1_767_225_600_000

/** Timers that may fire without time moving on before the clock calls it a loop. */
const MAX_FIRINGS_PER_INSTANT = 100_000

/** Real milliseconds that tracked input and output may take before the clock gives up on it. */
const TRACKED_IO_LIMIT_MS = 10_000

/** Real time alone proves nothing on a machine that was busy elsewhere: so many turns are given as well. */
const MIN_IDLE_TURNS = 500

/**
 * Time that moves only when told to. Timers fire in the order of their due times, and of arming where
 * those are equal; after each one, everything that follows from it in microtasks, and all input and
 * output named by `track`, is finished before the next one fires. One run is like another.
 */
export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap()
  readonly #tracked: Set<Promise<unknown>> = new Set()
  #nowMs: number
  #firedAtInstant = 0

  constructor(options: { startMs?: number } = {}) {
    this.#nowMs = options.startMs ?? 0
  }

  now(): number {
    return this.#nowMs
  }

  wallNow(): number {
    return WALL_EPOCH_MS + this.#nowMs
  }

  setTimeout(run: () => void, ms: number): unknown {
    return this.#timers.add(this.#nowMs + (ms > 0 ? ms : 0), run)
  }

  clearTimeout(handle: unknown): void {
    if (handle !== undefined) this.#timers.cancel(handle as Timer)
  }

  track<T>(io: Promise<T>): Promise<T> {
    this.#tracked.add(io)
    const done = (): void => {
      this.#tracked.delete(io)
    }
    io.then(done, done)
    return io
  }

  /** Timers armed and not yet fired. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Moves `ms` on, firing what falls due on the way, with all that follows from it. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`time cannot go back: advance(${ms})`)
    const untilMs = this.#nowMs + ms
    await this.#drain()
    while (this.#fireNext(untilMs)) await this.#drain()
    this.#moveTo(untilMs)
  }

  /**
   * Moves on, timer by timer, until `promise` settles, and settles like it. Past `limitMs` of virtual
   * time it rejects, saying what still waits; also when nothing is armed that could settle the promise,
   * after `graceMs` of real time for input and output that nobody tracks.
   */
  async run<T>(promise: Promise<T>, options: { limitMs?: number; graceMs?: number } = {}): Promise<T> {
    const { limitMs = DEFAULT_RUN_LIMIT_MS, graceMs = 1000 } = options
    const untilMs = this.#nowMs + limitMs
    let settled = false
    const done = (): void => {
      settled = true
    }
    promise.then(done, done)
    for (;;) {
      await this.#drain()
      if (settled) return promise
      if (this.#fireNext(untilMs)) continue
      if (this.#timers.size > 0) throw new Error(`not settled within ${limitMs} virtual ms: ${this.#waits()}`)
      await this.#idle(graceMs, () => settled || this.#timers.size > 0 || this.#tracked.size > 0)
      if (!settled && this.#timers.size === 0 && this.#tracked.size === 0) {
        throw new Error(`never going to settle: no timer is armed and no tracked input or output is under way`)
      }
    }
  }

  /** Fires the earliest timer if it is due by `untilMs`. */
  #fireNext(untilMs: number): boolean {
    const timer = this.#timers.peek()
    if (timer === undefined || timer.dueMs > untilMs) return false
    this.#timers.pop()
    this.#moveTo(timer.dueMs)
    if (++this.#firedAtInstant > MAX_FIRINGS_PER_INSTANT) {
      throw new Error(`time stands still: over ${MAX_FIRINGS_PER_INSTANT} timers fired at ${this.#nowMs} ms`)
    }
    timer.run()
    return true
  }

  #moveTo(ms: number): void {
    if (ms <= this.#nowMs) return
    this.#nowMs = ms
    this.#firedAtInstant = 0
  }

  /** Lets everything that follows from what has happened happen: microtasks, then tracked input and output. */
  async #drain(): Promise<void> {
    await macrotask()
    if (this.#tracked.size === 0) return
    await this.#idle(TRACKED_IO_LIMIT_MS, () => this.#tracked.size === 0)
    if (this.#tracked.size > 0) {
      throw new Error(`tracked input or output has not settled in ${TRACKED_IO_LIMIT_MS} real ms: ${this.#waits()}`)
    }
    await macrotask()
  }

  /** Turns of the real event loop until `over`, for `limitMs` real milliseconds and {@link MIN_IDLE_TURNS}. */
  async #idle(limitMs: number, over: () => boolean): Promise<void> {
    const startMs = systemClock.now()
    for (let turns = 0; !over(); turns++) {
      if (turns >= MIN_IDLE_TURNS && systemClock.now() - startMs >= limitMs) return
      await macrotask()
    }
  }

  #waits(): string {
    const dues = this.#timers.nextDues(8)
    const more = this.#timers.size > dues.length ? `, and ${this.#timers.size - dues.length} more` : ''
    const timers = dues.length === 0 ? 'no timer' : `timers due at ${dues.join(', ')} ms${more}`
    return `now is ${this.#nowMs} ms; armed: ${timers}; tracked input and output under way: ${this.#tracked.size}`
  }
}
