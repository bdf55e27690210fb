import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import type { RaftNode } from './contract.ts'
import { Cluster } from './test-support/cluster.ts'

async function three(
  seed: number,
  latencyMs: number,
): Promise<{ cluster: Cluster; leader: RaftNode; others: RaftNode[] }> {
  const cluster = new Cluster({ seed, latencyMs })
  const nodes = await cluster.startAll('a', 'b', 'c')
  const leader = await cluster.leader()
  await cluster.clock.advance(500)
  return { cluster, leader, others: nodes.filter((node) => node !== leader) }
}

describe('the metrics of a node', () => {
  it('[TRC-6] count elections, entries, proposals and writes, with how long they took', async () => {
    const { cluster, leader, others } = await three(1, 10)
    expect(leader.metrics()).toMatchObject({ role: 'leader', term: 1, elections: { begun: 1, won: 1 }, committed: 1 })
    for (const text of ['x', 'y']) await cluster.clock.run(leader.propose(utf8(text)))
    const refused = others[0]?.changeMembership({ remove: ['a'] })
    await expect(refused).rejects.toMatchObject({ name: 'NotLeaderError' })
    const { committed, commitIndex, lastIndex, proposals, writes } = leader.metrics()
    expect({ committed, commitIndex, lastIndex }).toEqual({ committed: 3, commitIndex: 3, lastIndex: 3 })
    // To a majority and back.
    expect(proposals).toEqual({ count: 2, totalMs: 40, maxMs: 20, failed: 0 })
    expect(writes.count).toBeGreaterThan(2)
    expect(others[0]?.metrics()).toMatchObject({ role: 'follower', proposals: { count: 0, failed: 0 } })
    expect(others[0]?.metrics().followers.size).toBe(0)
    await leader.close()
    expect(leader.metrics()).toMatchObject({ committed: 3, elections: { won: 1 } })
    await cluster.close()
  })

  it('[TRC-6] count frames and bytes each way, and what was dropped by its reason', async () => {
    const { cluster, leader, others } = await three(2, 5)
    const [other] = others as [RaftNode, RaftNode]
    const before = { leader: leader.metrics(), other: other.metrics() }
    await cluster.clock.run(leader.propose(new Uint8Array(1000)))
    await cluster.clock.advance(20)
    const after = { leader: leader.metrics(), other: other.metrics() }
    expect(after.leader.sent.bytes - before.leader.sent.bytes).toBeGreaterThan(2000)
    expect(after.other.received.bytes - before.other.received.bytes).toBeGreaterThan(1000)
    expect(after.other.received.bytes - before.other.received.bytes).toBeLessThan(1200)
    expect(after.other.sent.frames).toBeGreaterThan(before.other.sent.frames)
    await cluster.seams.get(leader.id)?.sendTo(other.id, Uint8Array.of(77))
    await cluster.clock.advance(20)
    expect(other.metrics().dropped.get('frame-malformed')).toBe(1)
    // What was read before does not change.
    expect(after.other.dropped.size).toBe(0)
    await cluster.close()
  })

  it('[TRC-7] tell how far each follower is behind, and what waits', async () => {
    const { cluster, leader, others } = await three(3, 5)
    const [near, far] = others as [RaftNode, RaftNode]
    cluster.network.cut(leader.id, far.id)
    for (let i = 0; i < 3; i++) await cluster.clock.run(leader.propose(utf8('x')))
    const { followers } = leader.metrics()
    expect([...followers.keys()].sort()).toEqual([near.id, far.id].sort())
    expect(followers.get(near.id)).toMatchObject({ matchIndex: 4, lag: 0, inflight: { frames: 0, bytes: 0 } })
    expect(followers.get(far.id)).toMatchObject({ matchIndex: 1, lag: 3, inflight: { frames: 3 } })
    await cluster.clock.advance(300)
    expect(leader.metrics().followers.get(far.id)?.silentMs).toBeGreaterThan(300)
    expect(leader.metrics().followers.get(near.id)?.silentMs).toBeLessThan(200)
    cluster.network.cut(leader.id, near.id)
    const waiting = leader.propose(utf8('y'))
    waiting.catch(() => {})
    await cluster.clock.advance(20)
    expect(leader.metrics().queues).toMatchObject({ requests: 1, uncommitted: 1, heldFrames: 0 })
    await cluster.close()
  })
})
