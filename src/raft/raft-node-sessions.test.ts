import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { seededRandom, testIdentity, VirtualClock } from '../sim/index.ts'
import type { ClientIdentity, LogEntry, RaftNode, StoredSnapshot } from './contract.ts'
import { raftNode } from './raft-node.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { Cluster, collect, readEntries, voters } from './test-support/cluster.ts'
import { nowhere } from './test-support/nowhere.ts'

const ABC = voters('a', 'b', 'c')
const ANN: ClientIdentity = { kind: 'durable', clientId: 'ann' }

async function three(seed: number): Promise<{ cluster: Cluster; ann: RaftNode; leader: RaftNode }> {
  const cluster = new Cluster({ seed, latencyMs: 10 })
  const ann = await cluster.start('a', ABC, { electionTimeoutMinMs: 5000, electionTimeoutMaxMs: 6000 }, ANN)
  await cluster.start('b', ABC)
  await cluster.start('c', ABC)
  const leader = await cluster.leader()
  expect(leader.id).not.toBe('a')
  return { cluster, ann, leader }
}

const request = (cluster: Cluster, node: RaftNode, requestId: number, text: string): Promise<LogEntry> =>
  cluster.clock.run(node.propose(utf8(text), { requestId }))

describe('client sessions of whole nodes', () => {
  it('[SESS-9] a durable client goes on after a restart of its process, with a snapshot in between or without', async () => {
    const { cluster, ann } = await three(1)
    const first = await request(cluster, ann, 1, 'one')
    await request(cluster, ann, 2, 'two')
    await ann.close()
    let again = await cluster.start('a', ABC, {}, ANN)
    expect(await request(cluster, again, 1, 'one')).toMatchObject({ index: first.index, term: first.term })
    await cluster.clock.run(again.publishSnapshot(again.commitIndex.get(), utf8('one two')))
    await again.close()
    again = await cluster.start('a', ABC, {}, ANN)
    expect(await request(cluster, again, 1, 'one')).toMatchObject({ index: first.index, timeMs: first.timeMs })
    expect((await request(cluster, again, 3, 'three')).index).toBeGreaterThan(first.index)
    for (const id of ['b', 'c']) {
      const node = cluster.nodes.get(id) as RaftNode
      expect(await cluster.clock.run(readEntries(node, 3))).toEqual(['one', 'two', 'three'])
    }
    await cluster.close()
  })

  it('[SESS-9] a request whose leader vanished before it answered takes effect once, though it is made three times', async () => {
    for (const seed of [2, 3, 4, 5, 6]) {
      const { cluster, ann, leader } = await three(seed)
      await request(cluster, ann, 1, 'one')
      const abort = new AbortController()
      const given = ann.propose(utf8('two'), { requestId: 2, signal: abort.signal }).catch(() => 'gave up')
      await cluster.clock.advance(4 * seed)
      await leader.close()
      await (cluster.seams.get(leader.id) as { close(): Promise<void> }).close()
      cluster.nodes.delete(leader.id)
      const both = [ann.propose(utf8('two'), { requestId: 2 })]
      abort.abort()
      await given
      both.push(ann.propose(utf8('two'), { requestId: 2 }))
      const [second, third] = await cluster.clock.run(Promise.all(both), { limitMs: 60_000 })
      expect(third).toEqual(second)
      await request(cluster, ann, 3, 'three')
      for (const node of cluster.nodes.values()) {
        expect(await cluster.clock.run(readEntries(node, 3))).toEqual(['one', 'two', 'three'])
      }
      await cluster.close()
    }
  })

  it('[SESS-3, SESS-8] the client of a member is refused to others, and is theirs when that member has left', async () => {
    const { cluster, ann, leader } = await three(7)
    await request(cluster, ann, 1, 'one')
    const [other] = [...cluster.nodes.values()].filter((node) => node !== ann && node !== leader) as [RaftNode]
    await other.close()
    const pretender = await cluster.start(other.id, ABC, {}, ANN)
    const refused = request(cluster, pretender, 1, 'mine')
    await expect(refused).rejects.toMatchObject({ name: 'ClientIdTakenError', outcome: 'refused' })
    await cluster.clock.run(leader.changeMembership({ remove: ['a'] }))
    await expect(request(cluster, ann, 2, 'two')).rejects.toMatchObject({ name: 'NotMemberError' })
    // What the client did under its first owner stays done.
    expect((await request(cluster, pretender, 1, 'mine')).proposer).toBe('a')
    expect((await request(cluster, pretender, 2, 'two')).proposer).toBe(pretender.id)
    await cluster.close()
  })

  it('[SESS-6] a stored snapshot whose sessions no table wrote is CorruptStateError', async () => {
    const clock = new VirtualClock()
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    const config = { voters: ['a'], learners: [], old: null }
    const sessions = Uint8Array.of(1, 0)
    const snapshot: StoredSnapshot = { index: 1, term: 1, timeMs: 0, config, configIndex: 1, sessions, state: utf8('') }
    await storage.write({ nodeId: 'a', term: 1, snapshot })
    const start = raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), storage, clock })
    await expect(start).rejects.toMatchObject({ name: 'CorruptStateError', record: 'snapshot' })
  })

  it('[SESS-7] what takes no effect is internal for a reader who was there and for one who comes later', async () => {
    const clock = new VirtualClock()
    const node = await raftNode({
      id: 'a',
      cluster: voters('a'),
      transport: nowhere('a'),
      clock,
      random: seededRandom(1),
      storage: await twice(),
    })
    const kinds = async (): Promise<string[]> => (await clock.run(collect(node, 4))).map(({ kind }) => kind)
    const live = kinds()
    expect(await live).toEqual(['internal', 'entry', 'internal', 'internal'])
    expect(await kinds()).toEqual(await live)
    await node.close()
  })
})

/** A log that holds one request twice. */
async function twice(): Promise<InMemoryRaftStorage> {
  const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
  const base = { term: 1, timeMs: 0, dedupKey: null, proposer: null, command: utf8('') }
  const config = { voters: ['a'], learners: [], old: null }
  const move = {
    ...base,
    kind: 'command',
    command: utf8('x'),
    dedupKey: { clientId: 'ann', requestId: 1 },
    proposer: 'a',
  } as const
  const entries = [{ ...base, kind: 'config', index: 1, config } as const, { ...move, index: 2 }, { ...move, index: 3 }]
  await storage.write({ nodeId: 'a', term: 1, entries })
  return storage
}
