import { afterEach, beforeEach, expect, it } from 'vitest'
import { command, snapshotAt } from '../../../conformance/raft-storage-samples.ts'
import { encodeEntry, encodeSnapshot } from '../record-codec.ts'
import { openPlace, type Place, type PlaceOptions } from './place.ts'

const { persist, persisted, estimate } = StorageManager.prototype
const asked: string[] = []
let places: Place[] = []

/** What the browser answers from now on. */
function browserSays(answer: () => Promise<boolean>): void {
  StorageManager.prototype.persist = () => (asked.push('persist'), answer())
  StorageManager.prototype.persisted = () => (asked.push('persisted'), answer())
}

async function open(options: PlaceOptions = {}): Promise<Place> {
  const place = await openPlace(`table ${crypto.randomUUID()}`, options)
  places.push(place)
  return place
}

beforeEach(() => {
  asked.length = 0
  places = []
})

afterEach(async () => {
  Object.assign(StorageManager.prototype, { persist, persisted, estimate })
  for (const place of places) await place.close()
  sessionStorage.clear()
})

it('[PLACE-9] the browser is asked to keep what is stored, and its yes is told', async () => {
  browserSays(() => Promise.resolve(true))
  const { persistence } = await open()
  await expect.poll(() => persistence.get()).toBe('persistent')
  expect(asked).toEqual(['persist'])
})

it('[PLACE-9] a page that asks by itself is only told what holds', async () => {
  browserSays(() => Promise.resolve(true))
  const { persistence } = await open({ persist: false })
  await expect.poll(() => persistence.get()).toBe('persistent')
  expect(asked).toEqual(['persisted'])
})

it.each([
  ['says no', () => Promise.resolve(false)],
  ['fails', () => Promise.reject(new Error('no'))],
  ['waits for the person', () => new Promise<boolean>(() => {})],
])('[PLACE-9] a browser that %s promises nothing, and keeps nobody waiting', async (_, answer) => {
  browserSays(answer)
  const place = await open()
  expect(place.status).toEqual({ kind: 'stored' })
  await new Promise((resolve) => setTimeout(resolve, 0))
  expect(place.persistence.get()).toBe('best-effort')
})

it('[PLACE-10] what the log takes is told, and what the site may take', async () => {
  const place = await open()
  expect(await place.usage()).toMatchObject({ entries: 0, logBytes: 0, snapshotBytes: 0 })
  const [entries, snapshot] = [[command(4, 1), command(5, 1)], snapshotAt(3, 1)]
  await place.storage.write({ term: 1, snapshot, entries })
  const usage = await place.usage()
  expect(usage).toMatchObject({
    entries: 2,
    logBytes: entries.reduce((bytes, entry) => bytes + encodeEntry(entry).length, 0),
    snapshotBytes: encodeSnapshot(snapshot).length,
  })
  expect(usage.quotaBytes).toBeGreaterThan(usage.siteBytes as number)
})

it('[PLACE-10] a browser that does not say how much room there is is waited for shortly, or not at all', async () => {
  const place = await open()
  StorageManager.prototype.estimate = () => new Promise(() => {})
  const reason = new Error('enough')
  const stop = new AbortController()
  const waiting = place.usage({ signal: stop.signal })
  setTimeout(() => stop.abort(reason), 20)
  await expect(waiting).rejects.toBe(reason)
  await expect(place.usage({ signal: stop.signal })).rejects.toBe(reason)
  StorageManager.prototype.estimate = () => Promise.reject(new Error('no'))
  expect(await place.usage()).toEqual({ entries: 0, logBytes: 0, snapshotBytes: 0, siteBytes: null, quotaBytes: null })
})
