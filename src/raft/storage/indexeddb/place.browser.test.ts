import { afterEach, beforeEach, expect, it } from 'vitest'
import { verifySignature } from '../../../seam/peer-identity.ts'
import { StorageLockedError } from '../../../base/errors.ts'
import { lockNameOf } from './indexeddb-raft-storage.ts'
import { MAX_PLACES, NOTED_PLACE_GRACE_MS, openPlace, type Place, type PlaceOptions } from './place.ts'

let table = ''
let opened: Place[] = []

/** A place that is closed, and its database deleted, at the end of the test. */
async function open(options?: PlaceOptions): Promise<Place> {
  const place = await openPlace(table, options)
  opened.push(place)
  return place
}

/** Stands for another tab that holds a place; returns how to let go. */
async function holdElsewhere(number: number): Promise<() => Promise<void>> {
  let free: () => void = () => {}
  const held = new Promise<void>((resolve) => (free = resolve))
  let released: Promise<unknown> = Promise.resolve()
  await new Promise<void>((granted) => {
    released = navigator.locks.request(lockNameOf(`selvage/place/${encodeURIComponent(table)}/${number}`), () => {
      granted()
      return held
    })
  })
  return async () => {
    free()
    await released
  }
}

const noteKey = (): string => `selvage/place/${encodeURIComponent(table)}`

beforeEach(() => {
  table = `table ${crypto.randomUUID()}`
  opened = []
})

afterEach(async () => {
  for (const place of opened) await place.close()
  for (const { name } of await indexedDB.databases())
    if (name?.includes(encodeURIComponent(table)) === true) indexedDB.deleteDatabase(name)
  sessionStorage.clear()
})

it('[PLACE-1] two calls in one page are two players; each note outlives the page', async () => {
  const [first, second] = [await open(), await open()]
  expect([first.number, second.number]).toEqual([0, 1])
  expect(first.peerIdentity.id).not.toBe(second.peerIdentity.id)
  expect(first.status).toEqual({ kind: 'stored' })
  expect(sessionStorage.getItem(noteKey())).toBe('0,1')
})

it('[PLACE-1] two calls at once are two players as well, without waiting for one another', async () => {
  const places = await Promise.all([open(), open(), open()])
  expect(new Set(places.map((place) => place.number))).toEqual(new Set([0, 1, 2]))
})

it('[PLACE-2] a closed place is free, and who takes it next is the same player with the same log', async () => {
  const before = await open()
  await before.storage.write({ term: 7, vote: before.peerIdentity.id })
  await before.close()
  const after = await open()
  expect([after.number, after.peerIdentity.id]).toEqual([0, before.peerIdentity.id])
  expect(await after.storage.load()).toMatchObject({ term: 7, vote: before.peerIdentity.id })
  const bytes = Uint8Array.of(1, 2, 3)
  expect(await verifySignature(before.peerIdentity.publicKey, bytes, await after.peerIdentity.sign(bytes))).toBe(true)
})

it('[PLACE-3] a tab finds the place it noted though a lower one is free', async () => {
  sessionStorage.setItem(noteKey(), '3')
  expect((await open()).number).toBe(3)
})

it('[PLACE-3] a reload that meets its own ghost waits for it', async () => {
  const letGo = await holdElsewhere(2)
  sessionStorage.setItem(noteKey(), '2')
  const opening = open()
  setTimeout(() => void letGo(), NOTED_PLACE_GRACE_MS / 4)
  expect((await opening).number).toBe(2)
})

it('[PLACE-3] a tab that noted several places finds the one whose ghost has gone, though another keeps the first', async () => {
  const [others, ghost] = [await holdElsewhere(0), await holdElsewhere(3)]
  sessionStorage.setItem(noteKey(), '0,3')
  const opening = open()
  setTimeout(() => void ghost(), NOTED_PLACE_GRACE_MS / 4)
  expect((await opening).number).toBe(3)
  expect(sessionStorage.getItem(noteKey())).toBe('3')
  await others()
})

it('[PLACE-3] two calls at once after a reload find both noted places when their ghosts have gone', async () => {
  const ghosts = [await holdElsewhere(2), await holdElsewhere(4)]
  sessionStorage.setItem(noteKey(), '2,4')
  const opening = [open(), open()]
  setTimeout(() => ghosts.forEach((letGo) => void letGo()), NOTED_PLACE_GRACE_MS / 4)
  expect((await Promise.all(opening)).map((place) => place.number)).toEqual([2, 4])
  expect(sessionStorage.getItem(noteKey())).toBe('2,4')
})

it('[PLACE-4] a duplicated tab finds its copied note taken, takes another place and forgets the copied one', async () => {
  const letGo = await holdElsewhere(0)
  sessionStorage.setItem(noteKey(), '0')
  const start = performance.now()
  const place = await open()
  expect(performance.now() - start).toBeGreaterThanOrEqual(NOTED_PLACE_GRACE_MS * 0.9)
  expect(place.number).toBe(1)
  expect(sessionStorage.getItem(noteKey())).toBe('1')
  await letGo()
})

it('[PLACE-5] with every place held it says so and opens nothing', async () => {
  const holders = await Promise.all(Array.from({ length: MAX_PLACES }, (_, number) => holdElsewhere(number)))
  await expect(openPlace(table)).rejects.toBeInstanceOf(StorageLockedError)
  for (const letGo of holders) await letGo()
  expect((await open()).number).toBe(0)
})

it.each([
  ['SecurityError', 'third-party frame'],
  ['InvalidStateError', 'private window'],
])('[PLACE-6] where the browser refuses storage (%s, a %s) the place lives with the page and says so', async (name) => {
  const original = IDBFactory.prototype.open
  IDBFactory.prototype.open = () => {
    throw new DOMException('refused', name)
  }
  try {
    const place = await open()
    expect(place.status).toEqual({ kind: 'page-only', reason: `${name}: refused` })
    expect(place.persistence.get()).toBe('page')
    await place.storage.write({ term: 1 })
    expect(await place.storage.load()).toMatchObject({ term: 1 })
    const bytes = Uint8Array.of(1)
    expect(await verifySignature(place.peerIdentity.publicKey, bytes, await place.peerIdentity.sign(bytes))).toBe(true)
  } finally {
    IDBFactory.prototype.open = original
  }
  expect((await navigator.locks.query()).held?.some((lock) => lock.name?.includes(encodeURIComponent(table)))).toBe(
    false,
  )
})

it('[PLACE-6] a place that is there and cannot be read is an error, never a new player', async () => {
  const original = IDBFactory.prototype.open
  const place = await open()
  await place.close()
  IDBFactory.prototype.open = () => {
    throw new DOMException('disk on fire', 'UnknownError')
  }
  try {
    await expect(openPlace(table)).rejects.toMatchObject({ code: 'StorageFailedError' })
  } finally {
    IDBFactory.prototype.open = original
  }
})

it('[PLACE-6] a tab that noted a place does not fall back: a full disk at a reload is an error', async () => {
  const original = IDBFactory.prototype.open
  await (await open()).close()
  IDBFactory.prototype.open = () => {
    throw new DOMException('disk full', 'QuotaExceededError')
  }
  try {
    await expect(openPlace(table)).rejects.toMatchObject({
      code: 'StorageFailedError',
      message: expect.stringContaining('QuotaExceeded'),
    })
  } finally {
    IDBFactory.prototype.open = original
  }
})

it('[PLACE-7] names of tables are bounded, and no two share a database', async () => {
  await expect(openPlace('')).rejects.toBeInstanceOf(RangeError)
  await expect(openPlace('é'.repeat(128))).rejects.toBeInstanceOf(RangeError)
  await expect(openPlace('\ud800')).rejects.toBeInstanceOf(TypeError)
  const root = table
  table = `${root}/0`
  const slashed = await open()
  table = `${root}%2F0`
  const escaped = await open()
  expect(escaped.peerIdentity.id).not.toBe(slashed.peerIdentity.id)
  expect([slashed.number, escaped.number]).toEqual([0, 0])
})

it('[PLACE-8] an aborted call rejects with its reason and leaves the place free', async () => {
  const reason = new Error('changed my mind')
  const stop = new AbortController()
  const letGo = await holdElsewhere(0)
  sessionStorage.setItem(noteKey(), '0')
  const opening = openPlace(table, { signal: stop.signal })
  setTimeout(() => stop.abort(reason), 50)
  await expect(opening).rejects.toBe(reason)
  await expect(openPlace(table, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  await letGo()
  expect((await open()).number).toBe(0)
})
