import { atom, type PreinitializedWritableAtom, type ReadableAtom } from 'nanostores'

export type { ReadableAtom } from 'nanostores'

/**
 * A nanostores atom whose listeners cannot hurt the library: one that throws is reported (as an
 * uncaught error, where the platform shows those) and the others still run. `equal` keeps two equal
 * consecutive values from being published, also to a listener that hears of two changes at once.
 */
export function observable<T>(initial: T, equal: (a: T, b: T) => boolean = Object.is): PreinitializedWritableAtom<T> {
  const store = atom<T>(initial)
  const { listen, set } = store
  /** Changes made inside a listener are told later, each with the newest value: the second would repeat the first. */
  const once = (listener: Parameters<typeof listen>[0]): typeof listener => {
    let last = store.value as T
    const tell: typeof listener = (value, oldValue) => {
      if (equal(last, value as T)) return
      last = value as T
      listener(value, oldValue)
    }
    return guarded(tell)
  }
  // Reading costs nothing: nanostores would mount a store that nobody listens to, and unmount it again.
  store.get = () => store.value as T
  store.listen = (listener) => listen(once(listener))
  store.subscribe = (listener) => {
    const safe = guarded(listener) as (value: T, oldValue?: T) => void
    const stop = store.listen(safe as Parameters<typeof listen>[0])
    safe(store.get())
    return stop
  }
  store.set = (value) => {
    if (!equal(store.get(), value)) set(value)
  }
  return store
}

/** Two sets with the same members. */
export function sameMembers<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  if (a.size !== b.size) return false
  for (const member of a) if (!b.has(member)) return false
  return true
}

/** Hands an error to the platform the way an uncaught one would be, without unwinding the caller. */
export function reportUncaught(error: unknown): void {
  if (typeof reportError === 'function') reportError(error)
  else console.error(error)
}

/** Waits until `accept` holds of the atom's value. Rejects with the signal's reason when aborted. */
export function until<T, U extends T>(
  source: ReadableAtom<T>,
  accept: ((value: T) => value is U) | ((value: T) => boolean),
  options: { signal?: AbortSignal | undefined } = {},
): Promise<U> {
  const { signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    let stop: () => void = () => {}
    const onAbort = (): void => {
      stop()
      reject(signal?.reason)
    }
    const check = (value: T): void => {
      if (!accept(value)) return
      stop()
      signal?.removeEventListener('abort', onAbort)
      resolve(value as U)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    stop = source.listen((value) => check(value as T))
    check(source.get())
  })
}

function guarded<F extends (...args: never[]) => void>(listener: F): F {
  return ((...args: Parameters<F>) => {
    try {
      listener(...args)
    } catch (error) {
      reportUncaught(error)
    }
  }) as F
}
