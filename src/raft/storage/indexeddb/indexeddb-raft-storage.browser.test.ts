import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../../base/clock.ts'
import { StorageFailedError, StorageLockedError } from '../../../base/errors.ts'
import { command, unwritten } from '../../../conformance/raft-storage-samples.ts'
import { verifySignature } from '../../../seam/peer-identity.ts'
import { abortNextTransaction, deleteDatabase } from '../test-support/indexeddb-harness.ts'
import { IndexedDbRaftStorage, lockNameOf, type IndexedDbRaftStorageOptions } from './indexeddb-raft-storage.ts'

let name = ''
let opened: IndexedDbRaftStorage[] = []

async function open(options: IndexedDbRaftStorageOptions = {}): Promise<IndexedDbRaftStorage> {
  const storage = await IndexedDbRaftStorage.open(name, { lockTimeoutMs: 0, ...options })
  opened.push(storage)
  return storage
}

/** Runs `change` on the records behind the library's back, while no handle is open. */
async function tamper(change: (store: IDBObjectStore) => void): Promise<void> {
  const request = indexedDB.open(name)
  await new Promise((resolve) => (request.onsuccess = resolve))
  const transaction = request.result.transaction('records', 'readwrite')
  change(transaction.objectStore('records'))
  await new Promise((resolve) => (transaction.oncomplete = resolve))
  request.result.close()
}

/** The system's clock, except that only the test fires its timers. */
function handClock(): { clock: Clock; armed: () => { run: () => void }[] } {
  const timers = new Set<{ run: () => void }>()
  const clock: Clock = {
    ...systemClock,
    setTimeout(run) {
      const timer = { run: () => timers.delete(timer) && run() }
      timers.add(timer)
      return timer
    },
    clearTimeout: (timer) => void timers.delete(timer as { run: () => void }),
  }
  return { clock, armed: () => [...timers] }
}

/** Makes the browser answer nothing about transactions opened from now on, until the function returned is called. */
function muteTransactions(): () => void {
  const { transaction } = IDBDatabase.prototype
  const { get } = IDBObjectStore.prototype
  const mute = <T extends object>(target: T, ...names: string[]): T =>
    Object.defineProperties(target, Object.fromEntries(names.map((handler) => [handler, { set() {} }])))
  IDBDatabase.prototype.transaction = function (...args) {
    return mute(transaction.apply(this, args), 'oncomplete', 'onabort')
  }
  IDBObjectStore.prototype.get = function (...args) {
    return mute(get.apply(this, args), 'onsuccess', 'onerror')
  }
  return () => {
    IDBDatabase.prototype.transaction = transaction
    IDBObjectStore.prototype.get = get
  }
}

/** What `IDBFactory.open` hands out from now on until the test ends. */
const connections: IDBDatabase[] = []
const { open: openDatabase } = IDBFactory.prototype

beforeEach(() => {
  name = `storage ${crypto.randomUUID()}`
  opened = []
  connections.length = 0
  IDBFactory.prototype.open = function (...args) {
    const request = openDatabase.apply(this, args)
    request.addEventListener('success', () => connections.push(request.result))
    return request
  }
})

afterEach(async () => {
  IDBFactory.prototype.open = openDatabase
  for (const storage of opened) await storage.close()
  await deleteDatabase(name)
})

describe('the lock', () => {
  it('[IDB-1] a second handle of one name is refused, until the first is closed', async () => {
    const first = await open()
    await expect(open()).rejects.toBeInstanceOf(StorageLockedError)
    await first.close()
    expect((await open()).peerIdentity.id).toBe(first.peerIdentity.id)
  })

  it('[IDB-1] a second handle waits for the first as long as it may', async () => {
    const first = await open()
    const second = open({ lockTimeoutMs: 5000 })
    await first.close()
    expect((await second).peerIdentity.id).toBe(first.peerIdentity.id)
  })

  it('[IDB-1] a refused or aborted open leaves no lock, no request and no connection', async () => {
    const reason = new Error('enough')
    const stop = new AbortController()
    const holder = await open()
    const waiting = open({ lockTimeoutMs: 60_000, signal: stop.signal })
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(open({ lockTimeoutMs: 20 })).rejects.toBeInstanceOf(StorageLockedError)
    await holder.close()
    const { held = [], pending = [] } = await navigator.locks.query()
    expect([...held, ...pending].filter((lock) => lock.name === lockNameOf(name))).toEqual([])
    expect(connections).toHaveLength(1)
  })

  it('[IDB-1] a lock that another script steals ends the storage', async () => {
    const storage = await open()
    await navigator.locks.request(lockNameOf(name), { steal: true }, () => {})
    await expect.poll(() => storage.write({ term: 1 }).then(String, (error) => error.code)).toBe('StorageFailedError')
  })
})

describe('the identity', () => {
  it('[STORE-26] its key proves the same id after a reopen, and its private half cannot be read', async () => {
    const before = await open()
    await before.close()
    const after = await open()
    const bytes = Uint8Array.of(4, 5, 6)
    expect(after.peerIdentity.id).toBe(before.peerIdentity.id)
    expect(await verifySignature(before.peerIdentity.publicKey, bytes, await after.peerIdentity.sign(bytes))).toBe(true)
    await after.close()
    const keys: CryptoKeyPair[] = []
    await tamper(
      (store) => (store.get('identity').onsuccess = (event) => keys.push((event.target as IDBRequest).result)),
    )
    expect(keys[0]?.privateKey.extractable).toBe(false)
  })

  it.each([
    ['identity', (store: IDBObjectStore) => store.delete('identity')],
    ['identity', (store: IDBObjectStore) => store.put({ privateKey: 'mine' }, 'identity')],
    ['creation', (store: IDBObjectStore) => (store.delete('creation'), store.delete('identity'))],
    ['creation', (store: IDBObjectStore) => store.put({ format: 2 }, 'creation')],
    ['creation', (store: IDBObjectStore) => store.put(null, 'creation')],
  ])('[IDB-2] a log without its %s record is refused, never given a new identity', async (record, change) => {
    const storage = await open()
    await storage.write({ term: 3, vote: 'ana' })
    await storage.close()
    await tamper(change)
    await expect(open()).rejects.toMatchObject({ code: 'CorruptStateError', record })
    expect((await navigator.locks.query()).held?.some((lock) => lock.name === lockNameOf(name))).toBe(false)
  })
})

describe('durability', () => {
  it.each(['strict', 'relaxed', undefined] as const)(
    '[IDB-3] every transaction asks for the durability chosen: %s',
    async (durability) => {
      const asked = new Set<unknown>()
      const { transaction } = IDBDatabase.prototype
      IDBDatabase.prototype.transaction = function (...args) {
        asked.add(args[2]?.durability)
        return transaction.apply(this, args)
      }
      try {
        const storage = await open({ durability })
        await storage.write({ term: 1 })
        expect([...asked]).toEqual([durability ?? 'strict'])
      } finally {
        IDBDatabase.prototype.transaction = transaction
      }
    },
  )

  it('[IDB-4] writes called together share a transaction, one flush for all of them', async () => {
    const storage = await open()
    let transactions = 0
    const { transaction } = IDBDatabase.prototype
    IDBDatabase.prototype.transaction = function (...args) {
      transactions++
      return transaction.apply(this, args)
    }
    try {
      await Promise.all(Array.from({ length: 50 }, (_, i) => storage.write({ term: i, entries: [command(i + 1, 0)] })))
      expect(transactions).toBe(1)
      const first = storage.write({ term: 60 })
      await Promise.resolve()
      await Promise.resolve()
      await Promise.all([first, storage.write({ term: 61 }), storage.write({ term: 62 })])
      expect(transactions).toBe(3)
    } finally {
      IDBDatabase.prototype.transaction = transaction
    }
    expect(await storage.load()).toMatchObject({ term: 62 })
  })
})

describe('failure', () => {
  it('[IDB-5] a connection severed behind its back is opened again, and nothing is lost', async () => {
    const storage = await open()
    await storage.write({ term: 1, entries: [command(1, 1)] })
    connections[0]?.close()
    await storage.write({ term: 2 })
    connections[1]?.close()
    expect(await storage.load()).toEqual({ ...unwritten, term: 2, entries: [command(1, 1)] })
    expect(connections).toHaveLength(3)
  })

  it('[IDB-5] a transaction that was cut off runs once more, before any later write', async () => {
    const storage = await open()
    const { put } = IDBObjectStore.prototype
    IDBObjectStore.prototype.put = function (...args) {
      IDBObjectStore.prototype.put = put
      const request = put.apply(this, args)
      this.transaction.abort()
      return request
    }
    const answered: string[] = []
    await Promise.all([
      storage.write({ term: 1, vote: 'ana' }).then(() => answered.push('first')),
      new Promise((resolve) => setTimeout(resolve, 0))
        .then(() => storage.write({ term: 2 }))
        .then(() => answered.push('second')),
    ])
    expect(answered).toEqual(['first', 'second'])
    expect(await storage.load()).toEqual({ ...unwritten, term: 2, vote: 'ana' })
    expect(connections).toHaveLength(2)
  })

  it('[IDB-6] a database deleted behind its back is not made anew: the storage fails', async () => {
    const storage = await open()
    await storage.write({ term: 1, vote: 'ana' })
    const [connection] = connections
    if (connection === undefined) throw new Error('no connection was opened')
    connection.onversionchange = null
    connection.close()
    await deleteDatabase(name)
    await expect(storage.write({ term: 2 })).rejects.toBeInstanceOf(StorageFailedError)
    await storage.close()
    expect((await indexedDB.databases()).map((database) => database.name)).not.toContain(name)
  })

  it('[IDB-6] another page that deletes the database gets its way, and the storage fails', async () => {
    const storage = await open()
    await storage.write({ term: 1 })
    await deleteDatabase(name)
    await expect(storage.write({ term: 2 })).rejects.toBeInstanceOf(StorageFailedError)
    await expect(storage.load()).rejects.toBeInstanceOf(StorageFailedError)
  })

  it('[IDB-7] a full disk is a StorageFailedError that names the quota; nothing of the write is stored', async () => {
    const storage = await open()
    await storage.write({ term: 1 })
    abortNextTransaction()
    const failed = storage.write({ term: 2, vote: 'ana' })
    await expect(failed).rejects.toBeInstanceOf(StorageFailedError)
    await expect(failed).rejects.toMatchObject({ outcome: 'refused', cause: { name: 'QuotaExceededError' } })
    await expect(failed).rejects.toThrow(/QuotaExceededError/)
    await expect(storage.write({ term: 3 })).rejects.toMatchObject({ code: 'StorageFailedError', outcome: 'refused' })
    await storage.close()
    expect(await (await open()).load()).toEqual({ ...unwritten, term: 1 })
  })

  it('[IDB-7] a request that fails half-way takes the whole write with it', async () => {
    const storage = await open()
    const { put } = IDBObjectStore.prototype
    let puts = 0
    IDBObjectStore.prototype.put = function (...args) {
      if (++puts < 3) return put.apply(this, args)
      IDBObjectStore.prototype.put = put
      return this.add(args[0], 'creation')
    }
    await expect(storage.write({ term: 2, vote: 'ana', leader: null })).rejects.toMatchObject({
      code: 'StorageFailedError',
      cause: { name: 'ConstraintError' },
    })
    await storage.close()
    expect(await (await open()).load()).toBeNull()
  })

  it('[IDB-8] a browser that never answers is given up after a bound; the time of a frozen page does not count', async () => {
    const { clock, armed } = handClock()
    const storage = await open({ clock })
    expect(armed()).toEqual([])
    const unmute = muteTransactions()
    const failed = storage.write({ term: 1 })
    failed.catch(() => {})
    await expect.poll(armed).toHaveLength(1)
    unmute()
    const [first] = armed()
    first?.run()
    await expect.poll(() => armed()[0] !== first && armed().length).toBe(1)
    armed()[0]?.run()
    await expect(failed).rejects.toMatchObject({ code: 'StorageFailedError', outcome: 'unknown' })
    await expect(storage.write({ term: 2 })).rejects.toMatchObject({ code: 'StorageFailedError' })
  })

  it('[IDB-8] an open that was overdue when the page was frozen goes on after the thaw', async () => {
    const { clock, armed } = handClock()
    const opening = open({ clock })
    await expect.poll(armed).toHaveLength(1)
    armed()[0]?.run()
    expect((await opening).peerIdentity.id).toHaveLength(22)
    expect(armed()).toEqual([])
  })

  it('[IDB-8] an open whose database is mute is given up after a bound, and can be aborted before', async () => {
    const unmute = muteTransactions()
    try {
      const { clock, armed } = handClock()
      const opening = open({ clock })
      opening.catch(() => {})
      await expect.poll(() => connections.length === 1 && armed().length).toBe(1)
      armed()[0]?.run()
      armed()[0]?.run()
      await expect(opening).rejects.toMatchObject({ code: 'StorageFailedError' })
      const stop = new AbortController()
      const aborted = open({ signal: stop.signal })
      await expect.poll(() => connections).toHaveLength(2)
      stop.abort('enough')
      await expect(aborted).rejects.toBe('enough')
    } finally {
      unmute()
    }
    expect((await open()).peerIdentity.id).toHaveLength(22)
  })

  it('[IDB-9] a damaged record is named, and the log is left as it is', async () => {
    const storage = await open()
    await storage.write({ term: 1, entries: [command(1, 1), command(2, 1), command(3, 1)] })
    await storage.close()
    await tamper((store) => store.delete(2))
    const damaged = await open()
    await expect(damaged.load()).rejects.toMatchObject({ code: 'CorruptStateError', record: 'entry 3' })
    await damaged.close()
    await tamper((store) => store.put(Uint8Array.of(99), 2))
    await expect((await open()).load()).rejects.toMatchObject({ code: 'CorruptStateError', record: 'entry 2' })
  })

  it('[IDB-9] a database of another program is left alone', async () => {
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => request.result.createObjectStore('theirs')
    await new Promise((resolve) => (request.onsuccess = resolve))
    request.result.close()
    await expect(open()).rejects.toBeInstanceOf(StorageFailedError)
    await expect(IndexedDbRaftStorage.open('')).rejects.toBeInstanceOf(RangeError)
    await expect(open({ lockTimeoutMs: Number.NaN })).rejects.toBeInstanceOf(RangeError)
  })
})
