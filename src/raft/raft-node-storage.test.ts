import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { seededRandom, testIdentity, VirtualClock } from '../sim/index.ts'
import type { NodeId, RaftWrite } from './contract.ts'
import { STORE_COMMIT_DELAY_MS } from './core/commit.ts'
import { raftNode } from './raft-node.ts'
import { seamTransport } from './seam-transport.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { Cluster, readEntries, voters } from './test-support/cluster.ts'
import { nowhere } from './test-support/nowhere.ts'

describe('raftNode: failing writes and restarts', () => {
  it('[RNODE-8] after a failed write the node acknowledges nothing more', async () => {
    const cluster = new Cluster({ seed: 8, latencyMs: 10 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    const leader = await cluster.leader()
    await cluster.clock.advance(300)
    cluster.storages.get(leader.id)?.failNextWrite()
    const lost = leader.propose(utf8('lost?'))
    lost.catch(() => {})
    await cluster.clock.advance(1)
    await expect(lost).rejects.toMatchObject({ name: 'StorageFailedError', outcome: 'unknown' })
    await expect(leader.propose(utf8('more'))).rejects.toMatchObject({ name: 'StorageFailedError', outcome: 'refused' })
    expect(leader.leader.get()).toBeNull()
    expect(leader.role.get()).toBe('follower')
    const rest = nodes.filter((node) => node !== leader)
    await cluster.clock.run(Promise.race(rest.map((node) => node.awaitLeadership())), { limitMs: 10_000 })
    await cluster.close()
  })

  it('[RNODE-8] a storage that throws instead of rejecting has failed just the same', async () => {
    const clock = new VirtualClock()
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    const node = await raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), storage, clock })
    await clock.run(node.awaitLeadership())
    storage.write = () => {
      throw new Error('no promise')
    }
    await expect(node.propose(utf8('x'))).rejects.toMatchObject({ name: 'StorageFailedError', outcome: 'unknown' })
    expect(node.role.get()).toBe('follower')
    await node.close()
  })

  it('[RNODE-10] after a restart the history up to the stored commit index is readable before anyone else is back', async () => {
    const cluster = new Cluster({ seed: 10, latencyMs: 10 })
    await cluster.startAll('a', 'b')
    const leader = await cluster.leader()
    for (const text of ['x', 'o', 'x']) await cluster.clock.run(leader.propose(utf8(text)))
    await cluster.clock.advance(10 + STORE_COMMIT_DELAY_MS)
    for (const node of cluster.nodes.values()) await node.close()
    for (const id of ['a', 'b']) {
      await cluster.seams.get(id)?.close()
      cluster.seams.delete(id)
    }
    const alone = await cluster.start('a', voters('a', 'b'))
    expect(await cluster.clock.run(readEntries(alone, 3), { limitMs: 1 })).toEqual(['x', 'o', 'x'])
    expect(alone.commitIndex.get()).toBeGreaterThanOrEqual(4)
    await cluster.close()
  })

  it('[RNODE-10] whatever number of its writes a crash lets a node keep, it starts from them', async () => {
    const cluster = new Cluster({ seed: 21, latencyMs: 10 })
    const batches = new Map<NodeId, RaftWrite[]>()
    const random = seededRandom(21)
    for (const id of ['a', 'b', 'c']) {
      const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity(id) })
      const write = storage.write.bind(storage)
      const kept: RaftWrite[] = []
      batches.set(id, kept)
      storage.write = (batch) => {
        kept.push(structuredClone(batch))
        return write(batch)
      }
      const transport = seamTransport(await cluster.attach(id))
      const { clock } = cluster
      const options = { id, cluster: voters('a', 'b', 'c'), transport, storage, clock, random }
      cluster.nodes.set(id, await raftNode(options))
    }
    const leader = await cluster.leader()
    for (let i = 0; i < 10; i++) await cluster.clock.run(leader.propose(utf8(`${i}`)))
    // A leader that has to give way has entries cut from its log.
    const others = [...cluster.nodes.values()].filter((node) => node !== leader)
    for (const other of others) cluster.network.cut(leader.id, other.id)
    const stranded = leader.propose(utf8('stranded'))
    await cluster.clock.run(Promise.race(others.map((node) => node.awaitLeadership())), { limitMs: 20_000 })
    await cluster.clock.run((others[0] as typeof leader).propose(utf8('carried')))
    cluster.network.heal()
    await cluster.clock.run(stranded, { limitMs: 20_000 })
    await cluster.clock.advance(500)
    await cluster.close()
    let whole = 0
    for (const [id, kept] of batches) {
      const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity(id) })
      for (const batch of kept) await storage.write(batch)
      const final = (await storage.load())?.entries ?? []
      for (let count = 1; count <= kept.length; count++) {
        const crashed = await InMemoryRaftStorage.create({ peerIdentity: testIdentity(id) })
        for (const batch of kept.slice(0, count)) await crashed.write(batch)
        const { commit = 0, entries = [] } = (await crashed.load()) ?? {}
        const options = { id, cluster: voters(), transport: nowhere(id), storage: crashed, clock: new VirtualClock() }
        const node = await raftNode(options)
        expect(node.commitIndex.get()).toBe(commit)
        // What the hint covers is there, and is what stayed.
        expect(entries.slice(0, commit)).toEqual(final.slice(0, commit))
        expect(entries.length).toBeGreaterThanOrEqual(commit)
        if (commit === entries.length) whole++
        await node.close()
      }
    }
    expect([...batches.values()].some((kept) => kept.some((batch) => batch.truncateFrom !== undefined))).toBe(true)
    expect(whole).toBeGreaterThan(batches.size)
  })

  it('[RNODE-15] a restarted node keeps its term and its vote: both back, play goes on under one history', async () => {
    const cluster = new Cluster({ seed: 15, latencyMs: 10 })
    await cluster.startAll('a', 'b', 'c')
    const before = await cluster.leader()
    await cluster.clock.run(before.propose(utf8('one')))
    await cluster.clock.advance(300)
    for (const id of ['a', 'b', 'c']) {
      await cluster.nodes.get(id)?.close()
      cluster.nodes.delete(id)
      await cluster.start(id, voters('a', 'b', 'c'))
    }
    const after = await cluster.leader()
    await cluster.clock.run(after.propose(utf8('two')))
    expect(await cluster.clock.run(readEntries(cluster.nodes.get('c') as typeof after, 2))).toEqual(['one', 'two'])
    await cluster.close()
  })
})
