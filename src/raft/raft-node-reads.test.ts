import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import {
  ClosedError,
  LeadershipTransferError,
  NotLeaderError,
  OverloadedError,
  ReadTimeoutError,
} from '../base/errors.ts'
import type { RaftNode } from './contract.ts'
import { Cluster } from './test-support/cluster.ts'

let cluster: Cluster
let leader: RaftNode
let others: RaftNode[]

async function start(...ids: string[]): Promise<void> {
  await cluster.startAll(...ids)
  leader = await cluster.leader()
  others = [...cluster.nodes.values()].filter((node) => node !== leader)
}

const leads = (node: RaftNode): Promise<void> => cluster.clock.run(node.awaitLeadership(), { limitMs: 60_000 })

beforeEach(() => {
  cluster = new Cluster({ seed: 3, latencyMs: 20 })
})

afterEach(async () => {
  await cluster.close()
})

describe('readIndex', () => {
  it('[RNODE-40] covers every proposal that was resolved before, on leader, follower and learner', async () => {
    await start('a', 'b', 'c')
    const learner = await cluster.start('d', { voters: new Set(), learners: new Set() })
    await cluster.clock.run(leader.changeMembership({ addLearners: ['d'] }))
    for (const node of [leader, ...others, learner]) {
      const { index } = await cluster.clock.run(leader.propose(utf8('x')))
      expect(await cluster.clock.run(node.readIndex())).toBeGreaterThanOrEqual(index)
      expect(node.commitIndex.get()).toBeGreaterThanOrEqual(index)
    }
  })

  it('[RNODE-40] takes one round trip on the leader, and no heartbeat', async () => {
    await start('a', 'b', 'c')
    await cluster.clock.run(leader.propose(utf8('x')))
    const sinceMs = cluster.clock.now()
    await cluster.clock.run(leader.readIndex())
    expect(cluster.clock.now() - sinceMs).toBe(40)
  })

  it('[RNODE-40] outlives the leader that was asked', async () => {
    await start('a', 'b', 'c')
    const { index } = await cluster.clock.run(leader.propose(utf8('x')))
    const [reader] = others as [RaftNode]
    for (const other of others) cluster.network.cut(leader.id, other.id)
    const read = reader.readIndex()
    expect(await cluster.clock.run(read)).toBeGreaterThan(index)
  })

  it('[RNODE-40] of a leader that was replaced behind its back does not answer from the past', async () => {
    await start('a', 'b', 'c')
    await cluster.clock.run(leader.propose(utf8('x')))
    for (const other of others) cluster.network.cut(leader.id, other.id)
    const stale = leader.readIndex()
    const [next] = (await cluster.clock.run(
      Promise.race(others.map((node) => node.awaitLeadership().then(() => [node]))),
      { limitMs: 60_000 },
    )) as [RaftNode]
    const { index } = await cluster.clock.run(next.propose(utf8('y')))
    cluster.network.heal()
    expect(await cluster.clock.run(stale)).toBeGreaterThanOrEqual(index)
  })

  it('[RNODE-40] fails after ten seconds without a majority, at once when aborted or closed, and over the bound', async () => {
    await start('a', 'b')
    const [other] = others as [RaftNode]
    cluster.network.cut(leader.id, other.id)
    const sinceMs = cluster.clock.now()
    await expect(cluster.clock.run(other.readIndex())).rejects.toThrow(ReadTimeoutError)
    expect(cluster.clock.now() - sinceMs).toBe(10_000)
    const aborting = new AbortController()
    const aborted = other.readIndex({ signal: aborting.signal })
    aborting.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const reads = Array.from({ length: 1000 }, () => other.readIndex().catch((error: unknown) => error))
    for (let i = 0; i < 24; i++) other.readIndex().catch(() => {})
    await expect(other.readIndex()).rejects.toThrow(OverloadedError)
    await other.close()
    expect(new Set((await Promise.all(reads)).map((error) => (error as Error).constructor))).toEqual(
      new Set([ClosedError]),
    )
  })
})

describe('transferLeadership', () => {
  it('[RNODE-41] resolves when the target leads, and what is proposed meanwhile commits', async () => {
    await start('a', 'b', 'c')
    const [target] = others as [RaftNode]
    const transfer = leader.transferLeadership(target.id)
    const proposal = leader.propose(utf8('meanwhile'))
    await cluster.clock.run(transfer)
    expect(target.role.get()).toBe('leader')
    expect(leader.leader.get()).toBe(target.id)
    expect((await cluster.clock.run(proposal)).term).toBeGreaterThan(1)
  })

  it('[RNODE-41] takes no election timeout, also where leases of three other voters stand against it', async () => {
    await start('a', 'b', 'c', 'd', 'e')
    const sinceMs = cluster.clock.now()
    await cluster.clock.run(leader.transferLeadership((others[0] as RaftNode).id))
    expect(cluster.clock.now() - sinceMs).toBeLessThan(500)
  })

  it('[RNODE-41] is the leader’s to make, and fails where the target cannot be reached', async () => {
    await start('a', 'b', 'c')
    const [target, bystander] = others as [RaftNode, RaftNode]
    await expect(target.transferLeadership(leader.id)).rejects.toThrow(NotLeaderError)
    await expect(leader.transferLeadership(leader.id)).rejects.toThrow(RangeError)
    cluster.network.cut(leader.id, target.id)
    await expect(cluster.clock.run(leader.transferLeadership(target.id))).rejects.toThrow(LeadershipTransferError)
    await cluster.clock.run(leader.propose(utf8('goes on')))
    expect(bystander.leader.get()).toBe(leader.id)
  })
})

describe('pause', () => {
  it('[RNODE-42] hands over, and the paused node goes on to follow, acknowledge and propose', async () => {
    await start('a', 'b')
    const [other] = others as [RaftNode]
    await cluster.clock.run(leader.pause('hidden'))
    expect(other.role.get()).toBe('leader')
    await cluster.clock.run(other.propose(utf8('x')))
    await cluster.clock.run(leader.propose(utf8('y')))
    await cluster.clock.advance(20_000)
    expect(other.role.get()).toBe('leader')
    leader.resume()
    await cluster.clock.run(other.pause('hidden'))
    expect(leader.role.get()).toBe('leader')
  })

  it('[RNODE-42] with every other paused, or alone, leads on, and says so at once', async () => {
    await start('a', 'b', 'c')
    for (const other of others) await cluster.clock.run(other.pause('hidden'))
    const sinceMs = cluster.clock.now()
    await cluster.clock.run(leader.pause('hidden'))
    expect(cluster.clock.now() - sinceMs).toBeLessThan(200)
    expect(leader.role.get()).toBe('leader')
    await cluster.clock.run(leader.propose(utf8('x')))
  })

  it('[RNODE-42] keeps a node from campaigning until it is resumed', async () => {
    await start('a', 'b', 'c')
    const [first, second] = others as [RaftNode, RaftNode]
    await cluster.clock.run(first.pause('hidden'))
    await cluster.clock.run(second.pause('hidden'))
    await leader.close()
    await cluster.clock.advance(4000)
    expect([first.role.get(), second.role.get()]).toEqual(['follower', 'follower'])
    second.resume()
    await leads(second)
  })

  it('[RAFT-35] leaves no game without a leader where all pages are hidden', async () => {
    await start('a', 'b', 'c')
    for (const other of others) await cluster.clock.run(other.pause('hidden'))
    await leader.close()
    await cluster.clock.run((others[0] as RaftNode).propose(utf8('x')), { limitMs: 20_000 })
  })

  it('[RNODE-42] is over within the longest election timeout, and does no harm to a node that is closed', async () => {
    await start('a', 'b')
    cluster.network.cut('a', 'b')
    const sinceMs = cluster.clock.now()
    await cluster.clock.run(leader.pause('hidden'))
    expect(cluster.clock.now() - sinceMs).toBeLessThanOrEqual(2000)
    await leader.close()
    leader.resume()
    await expect(leader.pause('left')).rejects.toThrow(ClosedError)
  })
})
