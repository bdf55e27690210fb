/**
 * Time, passed in. Everything that waits takes a `clock` option that defaults to {@link systemClock};
 * nothing else in the library reads a clock or arms a timer, so that a virtual clock owns all of it.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin: for durations and deadlines. */
  now(): number
  /** Milliseconds since the Unix epoch: for people and for stamps, never for durations. */
  wallNow(): number
  /** Runs `run` once, `ms` milliseconds from now (0 at the least). Returns a handle for {@link clearTimeout}. */
  setTimeout(run: () => void, ms: number): unknown
  /** Disarms a timer. A handle that has fired, or `undefined`, does nothing. */
  clearTimeout(handle: unknown): void
  /**
   * Names input or output that does not settle in microtasks (WebCrypto, IndexedDB), so that a virtual
   * clock can wait for it before it moves on. Returns `io` itself. Real clocks leave it out.
   */
  track?<T>(io: Promise<T>): Promise<T>
}

/** Some 24 days. */
export const LONGEST_TIMEOUT_MS = 2_147_483_647

/** The platform's own timers. A delay of more than 24 days ends after 24 days. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  // Platforms keep delays in 32 bits and fire a longer one at once.
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, LONGEST_TIMEOUT_MS)),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout> | undefined),
}

/** `io`, made known to a clock that wants to know. */
export function tracked<T>(clock: Clock, io: Promise<T>): Promise<T> {
  return clock.track === undefined ? io : clock.track(io)
}
