import type { UseStore } from 'idb-keyval'
import type { Clock } from '../../../base/clock.ts'
import { SelvageError, StorageFailedError } from '../../../base/errors.ts'
import { boundedWait } from '../../../base/bounded-wait.ts'

/** `strict`: on the disk before a write resolves. `relaxed`: handed to the operating system. */
export type Durability = 'strict' | 'relaxed'

const OBJECT_STORE = 'records'
const DATABASE_VERSION = 1

/** Longest that opening a database may take, milliseconds: longer, and a deletion elsewhere or the browser is stuck. */
export const OPEN_TIMEOUT_MS = 10_000

/** Failures that mean that the connection is gone, not that the data is: Safari severs those of background tabs. */
const SEVERED: ReadonlySet<string> = new Set([
  'InvalidStateError',
  'TransactionInactiveError',
  'AbortError',
  'UnknownError',
])

export interface DatabaseOptions {
  readonly durability: Durability
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
}

/**
 * One IndexedDB database with one object store of records, for idb-keyval's functions through {@link use}. It opens
 * each transaction with the durability asked for, and mends a severed connection: what failed by that is run once
 * more on a new connection, so everything run through it must bear being run twice.
 *
 * A database that vanished meanwhile (the user cleared the site's data) is never made anew: a node that wrote on
 * would have forgotten its votes. It fails, as does everything after another page asked to delete the database.
 */
export class RecordDatabase {
  readonly name: string
  readonly #durability: Durability
  readonly #clock: Clock
  #connection: Promise<IDBDatabase> | null = null
  /** The same once it is open: a transaction then begins in the very turn it is asked for. */
  #opened: IDBDatabase | null = null
  #ended: Error | null = null
  #onEnded: ((error: Error) => void) | null = null

  /** Opens or creates it. Rejects with `StorageFailedError`, its cause the browser's error. */
  static async open(name: string, options: DatabaseOptions): Promise<RecordDatabase> {
    const database = new RecordDatabase(name, options)
    await database.#connect({ create: true, signal: options.signal })
    return database
  }

  private constructor(name: string, { durability, clock }: DatabaseOptions) {
    this.name = name
    this.#durability = durability
    this.#clock = clock
  }

  /** Called, once, when the database is lost for good. */
  onEnded(report: (error: Error) => void): void {
    this.#onEnded = report
  }

  /** Runs `run` in a transaction of its own; a throw of it aborts the transaction. */
  readonly use: UseStore = async (mode, run) => {
    try {
      return await this.#attempt(mode, run)
    } catch (error) {
      if (this.#ended !== null || !SEVERED.has(nameOf(error))) throw failure(this.name, error)
      this.#disconnect()
    }
    try {
      return await this.#attempt(mode, run)
    } catch (error) {
      throw failure(this.name, error)
    }
  }

  /** Idempotent. Transactions under way still complete. */
  close(error: Error): void {
    if (this.#ended !== null) return
    this.#ended = error
    this.#disconnect()
  }

  async #attempt<T>(mode: IDBTransactionMode, run: (store: IDBObjectStore) => T | PromiseLike<T>): Promise<T> {
    if (this.#ended !== null) throw this.#ended
    const connection = this.#opened ?? (await (this.#connection ?? this.#connect({ create: false })))
    // Closed while it was opening: its lock may be another's already.
    if (this.#ended !== null) throw this.#ended
    const transaction = connection.transaction(OBJECT_STORE, mode, { durability: this.#durability })
    try {
      return await run(transaction.objectStore(OBJECT_STORE))
    } catch (error) {
      // What `run` has put before it threw must not be committed when the transaction falls idle.
      abort(transaction)
      throw error
    }
  }

  #connect(how: { create: boolean; signal?: AbortSignal | undefined }): Promise<IDBDatabase> {
    const opening = openConnection(this.name, how.create, {
      clock: this.#clock,
      ms: OPEN_TIMEOUT_MS,
      signal: how.signal,
    })
    this.#connection = opening
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = this.#opened = null
    }
    opening.then((connection) => {
      if (this.#connection === opening) this.#opened = connection
      connection.onclose = forget
      connection.onversionchange = () => this.#end(deletedElsewhere(this.name))
    }, forget)
    return opening
  }

  #disconnect(): void {
    const connection = this.#connection
    this.#connection = this.#opened = null
    connection?.then(
      (open) => open.close(),
      () => {},
    )
  }

  #end(error: Error): void {
    this.close(error)
    this.#onEnded?.(error)
    this.#onEnded = null
  }
}

/**
 * Resolves when the browser calls the transaction complete. (idb-keyval's own promise of a transaction rejects
 * already at the first failed request, where the transaction does not yet know why.) It is left to commit by itself:
 * after `commit()`, Firefox keeps the rest of a transaction one of whose requests failed, and calls it complete.
 */
export function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () =>
      reject(transaction.error ?? new DOMException('the transaction was aborted', 'AbortError'))
  })
}

function openConnection(
  name: string,
  create: boolean,
  bound: { clock: Clock; ms: number; signal: AbortSignal | undefined },
): Promise<IDBDatabase> {
  const late = (): Error =>
    new StorageFailedError(
      `the database ${name} did not open within ${bound.ms} ms: nothing was stored; reload the page`,
      {
        outcome: 'refused',
      },
    )
  return boundedWait<IDBDatabase>(bound, late, (resolve, reject, isSettled) => {
    const factory = indexedDbOf(globalThis)
    let request: IDBOpenDBRequest
    try {
      request = factory.open(name, DATABASE_VERSION)
    } catch (error) {
      throw failure(name, error)
    }
    let vanished = false
    request.onupgradeneeded = () => {
      vanished = !create
      if (vanished) request.transaction?.abort()
      else request.result.createObjectStore(OBJECT_STORE)
    }
    request.onsuccess = () => {
      const connection = request.result
      if (isSettled() || !connection.objectStoreNames.contains(OBJECT_STORE)) connection.close()
      if (!connection.objectStoreNames.contains(OBJECT_STORE)) reject(foreign(name))
      else resolve(connection)
    }
    request.onerror = () => reject(vanished ? cleared(name) : failure(name, request.error))
  })
}

function indexedDbOf(scope: typeof globalThis): IDBFactory {
  let factory: IDBFactory | undefined
  try {
    factory = scope.indexedDB
  } catch (cause) {
    throw new StorageFailedError('the browser refuses storage to this page: nothing was stored', {
      outcome: 'refused',
      cause,
    })
  }
  if (factory !== undefined && factory !== null) return factory
  const cause = new DOMException('there is no indexedDB here', 'NotSupportedError')
  throw new StorageFailedError('there is no IndexedDB here: nothing was stored', { outcome: 'refused', cause })
}

/** The typed error of what IndexedDB reported; errors of the library pass through. */
function failure(name: string, error: unknown): Error {
  if (error instanceof SelvageError) return error
  const cause = nameOf(error)
  if (cause === 'QuotaExceededError') {
    const message = `no room left for the database ${name} (QuotaExceededError): this write was not stored; free space and reload`
    return new StorageFailedError(message, { outcome: 'refused', cause: error })
  }
  return new StorageFailedError(
    `the database ${name} failed (${cause || String(error)}); reload the page to start from what is stored`,
    {
      cause: error,
    },
  )
}

function cleared(name: string): StorageFailedError {
  const message = `the database ${name} was deleted while in use: nothing more is stored; reload to take a new place`
  return new StorageFailedError(message, { outcome: 'refused' })
}

function deletedElsewhere(name: string): StorageFailedError {
  const message = `another page asked to delete or upgrade the database ${name}: nothing more is stored; reload to take a new place`
  return new StorageFailedError(message)
}

function foreign(name: string): StorageFailedError {
  const message = `the database ${name} belongs to another program: nothing was stored; open another name`
  return new StorageFailedError(message, { outcome: 'refused' })
}

function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : ''
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch {
    // It had ended already.
  }
}
