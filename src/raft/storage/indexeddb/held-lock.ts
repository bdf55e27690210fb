import type { Clock } from '../../../base/clock.ts'
import { StorageFailedError, StorageLockedError } from '../../../base/errors.ts'
import { boundedWait } from '../../../base/bounded-wait.ts'

/** An exclusive lock on a name, held until it is released, or until another script of the origin steals it. */
export interface HeldLock {
  /** Resolves if the lock was taken away while held; never after {@link release}. */
  readonly lost: Promise<void>
  /** Idempotent; the name is free when it resolves. */
  release(): Promise<void>
}

export interface LockWait {
  readonly clock: Clock
  /** How long to wait for another holder, milliseconds; 0: not at all. */
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes the Web Lock `name`, or rejects with {@link StorageLockedError} where another holder keeps it past `waitMs`.
 * Aborted, it rejects with the signal's reason and holds nothing.
 *
 * Without Web Locks (Node before 24, browsers before 2022) a registry of this process stands in: two handles of one
 * page are kept apart, two tabs are not.
 */
export async function holdLock(name: string, wait: LockWait): Promise<HeldLock> {
  wait.signal?.throwIfAborted()
  const manager = lockManager()
  const lock = manager === null ? await holdInProcess(name, wait) : await holdWebLock(manager, name, wait)
  heldHere.add(name)
  let released: Promise<void> | null = null
  const release = async (): Promise<void> => {
    await lock.release()
    heldHere.delete(name)
  }
  return { lost: lock.lost, release: () => (released ??= release()) }
}

/** Whether this page itself holds the name: then no ghost of a former page can be what keeps it. */
export function isHeldHere(name: string): boolean {
  return heldHere.has(name)
}

const heldHere = new Set<string>()

function lockManager(): LockManager | null {
  return (globalThis.navigator as Navigator | undefined)?.locks ?? null
}

/** Longest the browser may take to answer whether a lock is free, milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000

function holdWebLock(manager: LockManager, name: string, { clock, waitMs, signal }: LockWait): Promise<HeldLock> {
  const withdraw = new AbortController()
  const options: LockOptions = waitMs === 0 ? { ifAvailable: true } : { signal: withdraw.signal }
  const bound = { clock, ms: waitMs === 0 ? ANSWER_TIMEOUT_MS : waitMs, signal }
  const granted = boundedWait<HeldLock>(
    bound,
    () => locked(name),
    (resolve, reject, isSettled) => {
      let free: () => void = () => {}
      const held = new Promise<void>((done) => (free = done))
      const request = manager.request(name, options, async (lock) => {
        if (isSettled()) return
        if (lock === null) {
          reject(locked(name))
          return
        }
        const lost = new Promise<void>((done) => void request.catch(() => done()))
        const release = async (): Promise<void> => {
          free()
          await request.catch(() => {})
        }
        resolve({ lost, release })
        await held
      })
      request.catch((cause: unknown) => {
        reject(
          new StorageFailedError(`the browser refuses the lock ${name}: nothing was opened`, {
            outcome: 'refused',
            cause,
          }),
        )
      })
    },
  )
  granted.catch(() => withdraw.abort())
  return granted
}

/** Names held in this process, each with a promise of its release. */
const inProcess = new Map<string, Promise<void>>()

async function holdInProcess(name: string, { clock, waitMs, signal }: LockWait): Promise<HeldLock> {
  const deadline = clock.now() + waitMs
  for (let held = inProcess.get(name); held !== undefined; held = inProcess.get(name)) {
    const ms = deadline - clock.now()
    if (ms <= 0) throw locked(name)
    const freed = held
    await boundedWait<void>(
      { clock, ms, signal },
      () => locked(name),
      (resolve) => void freed.then(resolve),
    )
  }
  let free: () => void = () => {}
  inProcess.set(name, new Promise<void>((done) => (free = done)))
  const release = (): Promise<void> => {
    inProcess.delete(name)
    free()
    return Promise.resolve()
  }
  return { lost: new Promise(() => {}), release }
}

function locked(name: string): StorageLockedError {
  return new StorageLockedError(
    `${name} is held by another tab or handle: nothing was opened; close that one, or take another name or place`,
  )
}
