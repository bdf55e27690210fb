import { orAborted, throwIfAborted } from '../../../base/abort.ts'
import { utf8 } from '../../../base/bytes.ts'
import { systemClock, type Clock } from '../../../base/clock.ts'
import { StorageFailedError, StorageLockedError } from '../../../base/errors.ts'
import { observable, type ReadableAtom } from '../../../base/observable.ts'
import type { PeerIdentity, WaitOptions } from '../../../seam/contract.ts'
import type { RaftStorage } from '../../contract.ts'
import { InMemoryRaftStorage } from '../in-memory-raft-storage.ts'
import { storageUsage, type StorageUsage } from '../storage-usage.ts'
import { browserUsage, type BrowserUsage } from './browser-usage.ts'
import { isHeldHere } from './held-lock.ts'
import { IndexedDbRaftStorage, lockNameOf } from './indexeddb-raft-storage.ts'
import { type Persistence, requestPersistence } from './persistence.ts'
import { PlaceNotes } from './place-notes.ts'
import type { Durability } from './record-database.ts'

/** One player's place at a table: who the player is, and the log of the game, kept together. */
export interface Place extends AsyncDisposable {
  /** Counts from 0 within the table and this browser. A page-only place is always 0, and that distinguishes nothing. */
  readonly number: number
  readonly peerIdentity: PeerIdentity
  readonly storage: RaftStorage
  readonly status: PlaceStatus
  /** Whether the browser has promised to keep what is stored here. */
  readonly persistence: ReadableAtom<Persistence>
  /** What the log and the whole site take now. Reads all of the log; rejects as `storage.load` does, or when aborted. */
  usage(options?: WaitOptions): Promise<StorageUsage & BrowserUsage>
  /** Closes the storage and frees the place for other tabs; what it holds stays. Idempotent. */
  close(): Promise<void>
}

/**
 * `page-only`: the browser refuses storage here (private windows, third-party frames); identity and log end with the
 * page, and a reload is a new player.
 */
export type PlaceStatus = { readonly kind: 'stored' } | { readonly kind: 'page-only'; readonly reason: string }

export interface PlaceOptions {
  /** Default `strict`; see `IndexedDbRaftStorageOptions`. */
  readonly durability?: Durability | undefined
  /**
   * Whether to ask the browser not to clear what is stored when room runs low. Firefox then asks the person: a page
   * that knows a better moment passes `false` and calls `navigator.storage.persist()` itself. Default true.
   */
  readonly persist?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/** Places of one table in one browser. */
export const MAX_PLACES = 64

/** Longest name of a table, bytes of UTF-8. */
export const MAX_TABLE_NAME_BYTES = 255

/**
 * How long the place noted by this tab is waited for where its lock is held, milliseconds. It is free at once after
 * a reload as a rule; a duplicated tab, which carries the other's note, waits this long in vain.
 */
export const NOTED_PLACE_GRACE_MS = 400

/** Longest the browser may take to say how much room there is, milliseconds. */
const ESTIMATE_TIMEOUT_MS = 2000

/**
 * Takes this tab's place at `table` (1 to 255 bytes of UTF-8): the one noted in its sessionStorage, if no other tab
 * holds it, else the first free of 0, 1, 2… So two tabs of one browser are two players, a reload finds its own place,
 * and a duplicated tab takes another. Where the browser refuses storage the place lives with the page, and `status`
 * says so.
 *
 * Rejects with `StorageLockedError` when all {@link MAX_PLACES} places are held, and with what opening a
 * {@link IndexedDbRaftStorage} rejects with where a place is there but cannot be read.
 */
export async function openPlace(table: string, options: PlaceOptions = {}): Promise<Place> {
  const bytes = utf8(table).length
  if (bytes === 0 || bytes > MAX_TABLE_NAME_BYTES) {
    throw new RangeError(`the name of a table has 1 to ${MAX_TABLE_NAME_BYTES} bytes of UTF-8, not ${bytes}`)
  }
  const encoded = encodedName(table)
  options.signal?.throwIfAborted()
  const notes = new PlaceNotes(encoded, MAX_PLACES)
  const isOthers = (number: number): boolean => !isHeldHere(lockNameOf(databaseOf(encoded, number)))
  try {
    return await openStoredPlace(encoded, notes, isOthers, options)
  } catch (error) {
    const reason = refusalOf(error)
    // A noted place was stored once: to fall back would lose its seat in silence.
    if (reason === null || notes.read().some(isOthers)) throw error
    const storage = await InMemoryRaftStorage.create()
    options.signal?.throwIfAborted()
    return placeOf(0, storage, { kind: 'page-only', reason }, observable<Persistence>('page'), options)
  }
}

async function openStoredPlace(
  table: string,
  notes: PlaceNotes,
  isOthers: (number: number) => boolean,
  options: PlaceOptions,
): Promise<Place> {
  for (const number of notes.read().filter(isOthers)) {
    const place = await tryPlace(table, number, 0, options)
    if (place !== null) return notedPlace(place, notes)
  }
  // What is still noted and held is held by a ghost of this page or by another tab, unless this very page holds it.
  // The ghosts of one page vanish together, so the first of them is waited for on behalf of all.
  let graceMs = NOTED_PLACE_GRACE_MS
  for (const number of notes.read().filter(isOthers)) {
    const place = await tryPlace(table, number, graceMs, options)
    if (place !== null) return notedPlace(place, notes)
    // Another tab's by now: kept, the note would lead a later reload to the other's place.
    if (isOthers(number)) notes.remove(number)
    graceMs = 0
  }
  for (let number = 0; number < MAX_PLACES; number++) {
    const place = await tryPlace(table, number, 0, options)
    if (place !== null) return notedPlace(place, notes)
  }
  throw new StorageLockedError(
    `all ${MAX_PLACES} places at this table are held by open tabs: nothing was opened; close one of them`,
  )
}

/** `null` where another holds it. */
async function tryPlace(
  table: string,
  number: number,
  lockTimeoutMs: number,
  options: PlaceOptions,
): Promise<Place | null> {
  const { durability, persist = true, signal, clock = systemClock } = options
  try {
    const name = databaseOf(table, number)
    const storage = await IndexedDbRaftStorage.open(name, { durability, signal, clock, lockTimeoutMs })
    return placeOf(number, storage, { kind: 'stored' }, requestPersistence(persist), options)
  } catch (error) {
    if (error instanceof StorageLockedError) return null
    throw error
  }
}

function notedPlace(place: Place, notes: PlaceNotes): Place {
  notes.add(place.number)
  return place
}

function placeOf(
  number: number,
  storage: RaftStorage,
  status: PlaceStatus,
  persistence: ReadableAtom<Persistence>,
  { clock = systemClock }: PlaceOptions,
): Place {
  const close = (): Promise<void> => storage.close()
  const usage = async ({ signal }: WaitOptions = {}): Promise<StorageUsage & BrowserUsage> => {
    throwIfAborted(signal)
    const log = await orAborted(storageUsage(storage), signal)
    return { ...log, ...(await browserUsage({ clock, ms: ESTIMATE_TIMEOUT_MS, signal })) }
  }
  const { peerIdentity } = storage
  return { number, peerIdentity, storage, status, persistence, usage, close, [Symbol.asyncDispose]: close }
}

function databaseOf(table: string, number: number): string {
  return `selvage/place/${table}/${number}`
}

/** Without `/`, so that no two tables share a database; a name that is not well-formed UTF-16 is a TypeError. */
function encodedName(table: string): string {
  try {
    return encodeURIComponent(table)
  } catch (cause) {
    throw new TypeError('the name of the table is not well-formed text', { cause })
  }
}

/** What browsers answer where they keep nothing for a page: sandboxed and third-party frames, private windows, no room. */
const REFUSALS: ReadonlySet<string> = new Set([
  'SecurityError',
  'NotAllowedError',
  'NotSupportedError',
  'InvalidStateError',
  'DataCloneError',
  'QuotaExceededError',
])

/** Why the browser refuses storage, or `null` where it does not and something else is wrong. */
function refusalOf(error: unknown): string | null {
  if (!(error instanceof StorageFailedError)) return null
  const { cause } = error
  return cause instanceof Error && REFUSALS.has(cause.name) ? `${cause.name}: ${cause.message}` : null
}
