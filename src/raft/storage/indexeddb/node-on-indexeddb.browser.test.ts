import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../../../base/bytes.ts'
import { systemClock } from '../../../base/clock.ts'
import type { RaftNode } from '../../contract.ts'
import { raftNode } from '../../raft-node.ts'
import { voters } from '../../test-support/cluster.ts'
import { nowhere } from '../../test-support/nowhere.ts'
import { abortNextTransaction, deleteDatabase } from '../test-support/indexeddb-harness.ts'
import { IndexedDbRaftStorage, lockNameOf } from './indexeddb-raft-storage.ts'

let name = ''
let storage: IndexedDbRaftStorage
let node: RaftNode
const connections: IDBDatabase[] = []
const { open: openDatabase } = IDBFactory.prototype

/** A leader of its own, whose every entry needs its disk and nobody else. */
async function start(): Promise<void> {
  storage = await IndexedDbRaftStorage.open(name)
  const { id } = storage.peerIdentity
  node = await raftNode({ id, cluster: voters(id), transport: nowhere(id), storage, clock: systemClock })
  await node.awaitLeadership()
}

/** Storage Buckets (WICG): a part of the origin's storage with a quota of its own. */
interface StorageBuckets {
  open(name: string, options: { quota: number }): Promise<{ readonly indexedDB: IDBFactory }>
  delete(name: string): Promise<void>
}

beforeEach(async () => {
  name = `node ${crypto.randomUUID()}`
  connections.length = 0
  IDBFactory.prototype.open = function (...args) {
    const request = openDatabase.apply(this, args)
    request.addEventListener('success', () => connections.push(request.result))
    return request
  }
  await start()
  await node.propose(utf8('kept'))
})

afterEach(async () => {
  IDBFactory.prototype.open = openDatabase
  await node.close()
  await storage.close()
  await deleteDatabase(name)
})

describe('a node whose IndexedDB fails', () => {
  const disasters: [what: string, strike: () => Promise<unknown> | void][] = [
    ['[IDB-7] has a full disk', () => abortNextTransaction()],
    [
      '[IDB-7] has a transaction aborted for no reason told',
      () => abortNextTransaction(new DOMException('', 'DataError')),
    ],
    ['[IDB-6] is deleted', () => deleteDatabase(name)],
    [
      '[IDB-6] is upgraded by another program',
      () =>
        new Promise(
          (resolve) =>
            (openDatabase.call(indexedDB, name, 99).onsuccess = (event) => {
              ;(event.target as IDBOpenDBRequest).result.close()
              resolve(undefined)
            }),
        ),
    ],
    ['[IDB-1] has its lock stolen', () => navigator.locks.request(lockNameOf(name), { steal: true }, () => {})],
    ['[STORE-28] is closed beneath it', () => storage.close()],
  ]

  it.each(disasters)('[RNODE-8] %s: it says so and acknowledges nothing more', async (_, strike) => {
    await strike()
    const proposals = [node.propose(utf8('lost')), node.propose(utf8('lost too'))]
    const outcomes = await Promise.allSettled(proposals)
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'StorageFailedError' } })
    expect(node.failure.get()).toMatchObject({ code: 'StorageFailedError', outcome: 'unknown' })
    expect(node.failure.get()?.cause).toBeInstanceOf(Error)
    expect([node.role.get(), node.leader.get()]).toEqual(['follower', null])
    await expect(node.propose(utf8('more'))).rejects.toMatchObject({ code: 'StorageFailedError', outcome: 'refused' })
  })

  it('[IDB-5] goes on where the browser merely severed the connection', async () => {
    for (let cut = 0; cut < 3; cut++) {
      connections.at(-1)?.close()
      expect((await node.propose(utf8(`after cut ${cut}`))).command).toEqual(utf8(`after cut ${cut}`))
    }
    expect(node.failure.get()).toBeNull()
    expect(connections).toHaveLength(4)
  })

  it('[IDB-7] [RNODE-8] the browser’s own quota: the node stops, and nothing is half-written', async () => {
    const { storageBuckets } = navigator as Navigator & { storageBuckets: StorageBuckets }
    await node.close()
    await storage.close()
    const bucket = await storageBuckets.open('small', { quota: 500_000 })
    const small = await withFactory(bucket.indexedDB, async () => {
      const opened = await IndexedDbRaftStorage.open(name)
      const { id } = opened.peerIdentity
      return { opened, full: await raftNode({ id, cluster: voters(id), transport: nowhere(id), storage: opened }) }
    })
    const large = crypto.getRandomValues(new Uint8Array(65_536))
    const outcomes = await Promise.allSettled(Array.from({ length: 64 }, () => small.full.propose(large)))
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'StorageFailedError', outcome: 'unknown' } })
    const quota = { code: 'StorageFailedError', outcome: 'refused', cause: { name: 'QuotaExceededError' } }
    expect(small.full.failure.get()?.cause).toMatchObject(quota)
    await small.full.close()
    await small.opened.close()
    const again = await withFactory(bucket.indexedDB, () => IndexedDbRaftStorage.open(name))
    expect(again.peerIdentity.id).toBe(small.opened.peerIdentity.id)
    const { length: acknowledged } = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const commands = (await again.load())?.entries.filter((entry) => entry.kind === 'command') ?? []
    expect(commands.length).toBeGreaterThanOrEqual(acknowledged)
    expect(commands.every((entry) => entry.command.length === large.length)).toBe(true)
    await again.close()
    await storageBuckets.delete('small')
  })
})

async function withFactory<T>(factory: IDBFactory, run: () => Promise<T>): Promise<T> {
  const { open } = IDBFactory.prototype
  IDBFactory.prototype.open = (...args) => openDatabase.apply(factory, args)
  try {
    return await run()
  } finally {
    IDBFactory.prototype.open = open
  }
}
