import type { Clock } from './clock.ts'

export interface WaitBound {
  readonly clock: Clock
  readonly ms: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A promise made by `start`, rejected with `late()` after the bound's milliseconds and with the signal's reason when
 * that fires first. The wait is two timers of half the time: a page that was frozen finds the first overdue, and has
 * the second to hear what was answered meanwhile. However it settles, no timer and no listener of it is left; `start`
 * is told by `isSettled` that what it obtains later has to be given back.
 */
export function boundedWait<T>(
  { clock, ms, signal }: WaitBound,
  late: () => Error,
  start: (resolve: (value: T) => void, reject: (reason: unknown) => void, isSettled: () => boolean) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let settled = false
    const settle = <V>(deliver: (value: V) => void) => {
      return (value: V): void => {
        if (settled) return
        settled = true
        clock.clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        deliver(value)
      }
    }
    const fail = settle(reject)
    const onAbort = (): void => fail(signal?.reason)
    let timer = clock.setTimeout(() => {
      timer = clock.setTimeout(() => fail(late()), ms / 2)
    }, ms / 2)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) {
      onAbort()
      return
    }
    try {
      start(settle(resolve), fail, () => settled)
    } catch (error) {
      fail(error)
    }
  })
}

/** What `io` answers within `bound`; what it answers afterwards is not heard. */
export function answered<T>(io: Promise<T>, bound: WaitBound, late: () => Error): Promise<T> {
  return boundedWait<T>(bound, late, (resolve, reject) => void io.then(resolve, reject))
}
