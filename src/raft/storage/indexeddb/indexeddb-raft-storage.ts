import { entries } from 'idb-keyval'
import { systemClock, tracked, type Clock } from '../../../base/clock.ts'
import { ClosedError, OverloadedError, StorageFailedError } from '../../../base/errors.ts'
import type { PeerIdentity } from '../../../seam/contract.ts'
import type { RaftState, RaftStorage, RaftWrite } from '../../contract.ts'
import { readRecords, recordChange, type RecordChange } from '../record-layout.ts'
import { checkRaftWrite, EMPTY_LOG, extentOf, type LogExtent } from '../raft-write.ts'
import { answered } from '../../../base/bounded-wait.ts'
import { holdLock, type HeldLock } from './held-lock.ts'
import { completed, OPEN_TIMEOUT_MS, RecordDatabase, type Durability } from './record-database.ts'
import { storedIdentity } from './stored-identity.ts'

export interface IndexedDbRaftStorageOptions {
  /**
   * `strict` (default): a write resolves when it is on the disk. `relaxed`: when the operating system has it, which
   * is faster, and a crash of the operating system or a power cut may forget it: a vote too, so that a node may vote
   * twice in one term. A crash of the page or of the browser forgets nothing in either.
   */
  readonly durability?: Durability | undefined
  /** How long to wait for a former holder of the name, milliseconds: a reload meets its own ghost. Default 2000. */
  readonly lockTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/** Default of `lockTimeoutMs`. */
export const LOCK_TIMEOUT_MS = 2000

/** Longest name of a database, UTF-16 units. */
export const MAX_NAME_LENGTH = 2048

/** Writes that may be under way at once; one more is refused with `OverloadedError`. */
export const MAX_WRITES_UNDER_WAY = 65_536

/** Writes that share one transaction at the most. */
export const MAX_WRITES_PER_TRANSACTION = 4096

/** Longest that one transaction may take, milliseconds; a page frozen meanwhile has half of it after the thaw. */
export const WRITE_TIMEOUT_MS = 30_000

interface PendingWrite {
  readonly change: RecordChange
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * A {@link RaftStorage} in an IndexedDB database of its own, held by a Web Lock while it is open: the log, and the
 * key that the peer's id is the hash of. Each write is one transaction; writes called while one is under way share
 * the next, so a burst costs one flush. A connection that the browser severed is opened again, once for each
 * transaction.
 */
export class IndexedDbRaftStorage implements RaftStorage {
  readonly peerIdentity: PeerIdentity
  readonly #database: RecordDatabase
  readonly #lock: HeldLock
  readonly #clock: Clock
  #pending: PendingWrite[] = []
  #flushing: Promise<void> | null = null
  /** Where the log lies once all pending writes are stored; `null` until it was loaded. */
  #extent: LogExtent | null = null
  /** Counts the writes called. */
  #writes = 0
  /** Why every further write is refused. */
  #ended: Error | null = null
  #closing: Promise<void> | null = null

  /**
   * Opens the database `name` (1 to 2048 characters), or creates it with a fresh identity. Rejects with
   * `StorageLockedError` where another tab or handle holds it past `lockTimeoutMs`, `StorageFailedError` where the
   * browser refuses, `CorruptStateError` where the database is not one of ours; then nothing is left open.
   */
  static async open(name: string, options: IndexedDbRaftStorageOptions = {}): Promise<IndexedDbRaftStorage> {
    const { durability = 'strict', lockTimeoutMs = LOCK_TIMEOUT_MS, clock = systemClock, signal } = options
    if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
      throw new RangeError(`the name of a storage has 1 to ${MAX_NAME_LENGTH} characters, not ${name.length}`)
    }
    if (!(lockTimeoutMs >= 0 && lockTimeoutMs < 2 ** 31))
      throw new RangeError(`lockTimeoutMs is not from 0 to 2^31: ${lockTimeoutMs}`)
    const lock = await tracked(clock, holdLock(lockNameOf(name), { clock, waitMs: lockTimeoutMs, signal }))
    let database: RecordDatabase | null = null
    try {
      database = await tracked(clock, RecordDatabase.open(name, { durability, clock, signal }))
      const bound = { clock, ms: OPEN_TIMEOUT_MS, signal }
      const identity = await tracked(
        clock,
        answered(storedIdentity(database.use), bound, () => mute(OPEN_TIMEOUT_MS)),
      )
      signal?.throwIfAborted()
      return new IndexedDbRaftStorage(database, lock, identity, clock)
    } catch (error) {
      database?.close(closed(name))
      await lock.release()
      throw error
    }
  }

  private constructor(database: RecordDatabase, lock: HeldLock, peerIdentity: PeerIdentity, clock: Clock) {
    this.peerIdentity = peerIdentity
    this.#database = database
    this.#lock = lock
    this.#clock = clock
    database.onEnded((error) => this.#fail(error))
    void lock.lost.then(() => this.#loseLock())
  }

  async load(): Promise<RaftState | null> {
    if (this.#closing !== null) throw closed(this.#database.name)
    await this.#flushing
    const before = this.#writes
    const state = readRecords(await tracked(this.#clock, this.#bounded(entries(this.#database.use))))
    // Writes called meanwhile were held against nothing, so where they left the log's end is not known.
    if (this.#extent === null && this.#writes === before) this.#extent = state === null ? EMPTY_LOG : extentOf(state)
    return state
  }

  write(batch: RaftWrite): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    this.#writes++
    try {
      if (this.#pending.length >= MAX_WRITES_UNDER_WAY) {
        throw new OverloadedError(
          `${MAX_WRITES_UNDER_WAY} writes are under way: nothing was stored; wait for some of them`,
        )
      }
      const extent = checkRaftWrite(batch, this.#extent)
      const change = recordChange(batch)
      this.#extent = extent
      const written = new Promise<void>((resolve, reject) => this.#pending.push({ change, resolve, reject }))
      this.#flushing ??= this.#flush()
      return tracked(this.#clock, written)
    } catch (error) {
      this.#ended = earlierFailed(error)
      return Promise.reject(error)
    }
  }

  /** Idempotent. Waits for the writes under way; then the name is free for others. */
  close(): Promise<void> {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  async #shut(): Promise<void> {
    this.#ended = closed(this.#database.name)
    await this.#flushing
    this.#database.close(this.#ended)
    await this.#lock.release()
  }

  async #flush(): Promise<void> {
    // All writes of the current turn of the page travel together.
    await Promise.resolve()
    while (this.#pending.length > 0) {
      const group = this.#pending.slice(0, MAX_WRITES_PER_TRANSACTION)
      try {
        await this.#bounded(this.#commit(group))
      } catch (error) {
        this.#fail(error as Error)
        break
      }
      // A failure elsewhere has answered and dropped them already.
      if (this.#pending[0] !== group[0]) break
      this.#pending.splice(0, group.length)
      for (const write of group) write.resolve()
    }
    this.#flushing = null
  }

  #commit(group: readonly PendingWrite[]): Promise<void> {
    return this.#database.use('readwrite', (store) => {
      for (const { change } of group) {
        for (const { from, to } of change.deletions) store.delete(IDBKeyRange.bound(from, to))
        for (const [key, value] of change.puts) store.put(value, key)
      }
      return completed(store.transaction)
    })
  }

  #bounded<T>(io: Promise<T>): Promise<T> {
    return answered(io, { clock: this.#clock, ms: WRITE_TIMEOUT_MS }, () => mute(WRITE_TIMEOUT_MS))
  }

  #fail(error: Error): void {
    const pending = this.#pending
    this.#pending = []
    if (!(this.#ended instanceof ClosedError)) this.#ended = earlierFailed(error)
    for (const write of pending) write.reject(error)
  }

  #loseLock(): void {
    const error = new StorageFailedError(
      `another script took the lock of ${this.#database.name}: nothing more is stored here; reload the page`,
    )
    this.#database.close(error)
    this.#fail(error)
  }
}

/** Name of the Web Lock that keeps a database for one handle. */
export function lockNameOf(database: string): string {
  return `selvage/lock/${database}`
}

function mute(ms: number): StorageFailedError {
  return new StorageFailedError(`the browser's storage did not answer within ${ms} ms; reload the page`)
}

function closed(name: string): ClosedError {
  return new ClosedError(`the storage ${name} is closed: nothing was stored; open it again`)
}

function earlierFailed(cause: unknown): StorageFailedError {
  const message = 'an earlier write failed: nothing was stored; open the storage again and start from what it holds'
  return new StorageFailedError(message, { outcome: 'refused', cause })
}
