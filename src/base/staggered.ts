import type { Clock } from './clock.ts'

/**
 * Makes `attempts` in their order until one succeeds: the next one begins when the last has failed, or has
 * not answered within `headStartMs` (as RFC 8305 does with addresses), so that who is slow holds up nobody. The
 * first success ends the others, through the signal each is given; one that succeeds all the same goes to
 * `discard`. Rejects with what every attempt failed of, in their order, as an `AggregateError`; with the first
 * error that `isFinal`; and with the signal's reason.
 */
export function staggered<T>(
  attempts: readonly ((signal: AbortSignal) => Promise<T>)[],
  options: StaggeredOptions<T>,
): Promise<T> {
  const { clock, headStartMs, isFinal, discard, signal } = options
  const over = new AbortController()
  const failures: unknown[] = []
  let [begun, failed] = [0, 0]
  let timer: unknown
  return new Promise<T>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      settle()
      over.abort(signal?.reason)
    }
    const onAbort = (): void => end(() => reject(signal?.reason))
    const onFailure = (index: number, error: unknown): void => {
      if (over.signal.aborted) return
      failures[index] = error
      failed++
      if (isFinal(error)) end(() => reject(error))
      else if (failed === attempts.length) end(() => reject(new AggregateError(failures, 'every attempt failed')))
      else if (index === begun - 1) beginNext()
    }
    const beginNext = (): void => {
      clock.clearTimeout(timer)
      const index = begun++
      const attempt = attempts[index]
      if (attempt === undefined) return
      if (begun < attempts.length) timer = clock.setTimeout(beginNext, headStartMs)
      attempt(over.signal).then(
        (value) => (over.signal.aborted ? discard(value) : end(() => resolve(value))),
        (error: unknown) => onFailure(index, error),
      )
    }
    if (signal?.aborted === true) return reject(signal.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    beginNext()
  })
}

export interface StaggeredOptions<T> {
  readonly clock: Clock
  readonly headStartMs: number
  /** Whether no other attempt need be made after this failure. */
  readonly isFinal: (error: unknown) => boolean
  readonly discard: (late: T) => void
  readonly signal?: AbortSignal | undefined
}
