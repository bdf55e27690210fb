import 'fake-indexeddb/auto'
import { describe, expect, it } from 'vitest'
import { StorageLockedError } from '../../../base/errors.ts'
import { verifySignature } from '../../../seam/peer-identity.ts'
import { IndexedDbRaftStorage } from './indexeddb-raft-storage.ts'
import { openPlace } from './place.ts'

const aName = (): string => `storage ${crypto.randomUUID()}`

describe('without a browser', () => {
  it('[IDB-1] two handles of one name are kept apart, in this process at least', async () => {
    const name = aName()
    const first = await IndexedDbRaftStorage.open(name)
    await expect(IndexedDbRaftStorage.open(name, { lockTimeoutMs: 0 })).rejects.toBeInstanceOf(StorageLockedError)
    await expect(IndexedDbRaftStorage.open(name, { lockTimeoutMs: 5 })).rejects.toBeInstanceOf(StorageLockedError)
    const [second, third] = [IndexedDbRaftStorage.open(name), IndexedDbRaftStorage.open(name)]
    await first.close()
    await (await second).close()
    await (await third).close()
  })

  it('[IDB-1] an aborted wait rejects with its reason and leaves the name free', async () => {
    const name = aName()
    const first = await IndexedDbRaftStorage.open(name)
    const stop = new AbortController()
    const waiting = IndexedDbRaftStorage.open(name, { signal: stop.signal })
    stop.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    await first.close()
    await (await IndexedDbRaftStorage.open(name, { lockTimeoutMs: 0 })).close()
  })

  it('[STORE-26] the key pair survives a reopen', async () => {
    const name = aName()
    const before = await IndexedDbRaftStorage.open(name)
    await before.close()
    const after = await IndexedDbRaftStorage.open(name)
    const bytes = Uint8Array.of(1)
    expect(await verifySignature(before.peerIdentity.publicKey, bytes, await after.peerIdentity.sign(bytes))).toBe(true)
    await after.close()
  })

  it('[PLACE-1] [PLACE-2] places are numbered, and freed by close', async () => {
    const table = aName()
    const [first, second] = [await openPlace(table), await openPlace(table)]
    expect([first.number, second.number, first.status]).toEqual([0, 1, { kind: 'stored' }])
    await first[Symbol.asyncDispose]()
    const again = await openPlace(table)
    expect([again.number, again.peerIdentity.id]).toEqual([0, first.peerIdentity.id])
    await Promise.all([again.close(), second.close()])
  })

  it('[PLACE-6] without any IndexedDB the place lives with the process and says so', async () => {
    const kept = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB') as PropertyDescriptor
    Object.defineProperty(globalThis, 'indexedDB', { ...kept, configurable: true, value: undefined })
    try {
      const place = await openPlace(aName())
      expect(place.status).toMatchObject({ kind: 'page-only', reason: expect.stringContaining('no indexedDB') })
      await place.close()
    } finally {
      Object.defineProperty(globalThis, 'indexedDB', kept)
    }
  })
})
