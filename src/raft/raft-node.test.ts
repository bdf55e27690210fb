import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { seededRandom, VirtualClock } from '../sim/index.ts'
import { raftNode } from './raft-node.ts'
import { Cluster, collect, readEntries, voters } from './test-support/cluster.ts'
import type { RaftTraceEvent } from './trace-event.ts'
import { nowhere } from './test-support/nowhere.ts'

describe('raftNode', () => {
  it('[RAFT-1] a voter alone leads at once and commits', async () => {
    const cluster = new Cluster({ seed: 1 })
    const node = await cluster.start('a', voters('a'))
    const entry = await cluster.clock.run(node.propose(utf8('hello')), { limitMs: 10 })
    expect(node.role.get()).toBe('leader')
    expect(node.leader.get()).toBe('a')
    expect(entry).toMatchObject({ index: 2, term: 1, proposer: 'a' })
    await cluster.close()
    expect(cluster.clock.pendingTimers).toBe(0)
  })

  it('[RAFT-2] three voters elect one leader, and every one of them may propose', async () => {
    const cluster = new Cluster({ seed: 2, latencyMs: 20 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    await cluster.leader()
    const proposals = nodes.map((node) => node.propose(utf8(`from ${node.id}`)))
    await cluster.clock.run(Promise.all(proposals), { limitMs: 3000 })
    const texts = await cluster.clock.run(Promise.all(nodes.map((node) => readEntries(node, 3))))
    expect([...(texts[0] as string[])].sort()).toEqual(['from a', 'from b', 'from c'])
    expect(texts[1]).toEqual(texts[0])
    expect(texts[2]).toEqual(texts[0])
    await cluster.close()
    await cluster.clock.advance(1000)
    expect(cluster.clock.pendingTimers).toBe(0)
  })

  it('[RAFT-12] with two nodes a proposal of either is committed on both within two round trips', async () => {
    const cluster = new Cluster({ seed: 3, latencyMs: 50 })
    const [a, b] = (await cluster.startAll('a', 'b')) as [never, never]
    const leader = await cluster.leader()
    const follower = leader === a ? b : a
    await cluster.clock.advance(500)
    const start = cluster.clock.now()
    const entry = await cluster.clock.run(leader.propose(utf8('x')))
    expect(cluster.clock.now() - start).toBeLessThan(110)
    await cluster.clock.run(readEntries(follower, 1, entry.index))
    expect(cluster.clock.now() - start).toBeLessThan(160)
    const again = cluster.clock.now()
    await cluster.clock.run((follower as typeof leader).propose(utf8('y')))
    expect(cluster.clock.now() - again).toBeLessThan(210)
    await cluster.close()
  })

  it('[RAFT-5] a leader cut off from the majority stops leading, and the others go on; healed, all agree', async () => {
    const cluster = new Cluster({ seed: 4, latencyMs: 10 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    const old = await cluster.leader()
    const others = nodes.filter((node) => node !== old)
    for (const other of others) cluster.network.cut(old.id, other.id)
    await cluster.clock.advance(2200)
    expect(old.role.get()).toBe('follower')
    await cluster.clock.run(Promise.race(others.map((node) => node.awaitLeadership())), { limitMs: 10_000 })
    const stranded = old.propose(utf8('stranded'))
    await cluster.clock.run((others[0] as typeof old).propose(utf8('carried')))
    cluster.network.heal()
    const late = await cluster.clock.run(stranded, { limitMs: 20_000 })
    const texts = await cluster.clock.run(Promise.all(nodes.map((node) => readEntries(node, 2))))
    expect(texts).toEqual([
      ['carried', 'stranded'],
      ['carried', 'stranded'],
      ['carried', 'stranded'],
    ])
    expect(late.proposer).toBe(old.id)
    await cluster.close()
  })

  it('[RAFT-15] a joiner without a configuration is added, catches up, and is promoted', async () => {
    const cluster = new Cluster({ seed: 5, latencyMs: 10 })
    const host = await cluster.start('host', voters('host'))
    for (let i = 0; i < 20; i++) await cluster.clock.run(host.propose(utf8(`turn ${i}`)))
    const joiner = await cluster.start('joiner', voters())
    expect(joiner.role.get()).toBe('learner')
    const config = await cluster.clock.run(host.changeMembership({ addLearners: ['joiner'], promote: ['joiner'] }))
    expect([...config.voters].sort()).toEqual(['host', 'joiner'])
    await cluster.clock.advance(100)
    expect(joiner.role.get()).toBe('follower')
    expect([...joiner.membership.get().voters].sort()).toEqual(['host', 'joiner'])
    expect(await cluster.clock.run(readEntries(joiner, 20))).toHaveLength(20)
    await cluster.close()
  })

  it('[RAFT-15] promoting one who is not there is refused in time, and may be given up before', async () => {
    const cluster = new Cluster({ seed: 6 })
    const host = await cluster.start('host', voters('host'), { catchUpTimeoutMs: 3000 })
    await cluster.clock.run(host.awaitLeadership())
    const giveUp = new AbortController()
    const refused = host.changeMembership({ addLearners: ['ghost'], promote: ['ghost'] }, { signal: giveUp.signal })
    refused.catch(() => {})
    await cluster.clock.advance(1000)
    giveUp.abort(new Error('enough'))
    await expect(refused).rejects.toThrow('enough')
    const second = host.changeMembership({ promote: ['ghost'] })
    second.catch(() => {})
    await cluster.clock.advance(3001)
    await expect(second).rejects.toMatchObject({ name: 'LearnerNotCaughtUpError', learners: ['ghost'] })
    expect([...host.membership.get().voters]).toEqual(['host'])
    expect((await cluster.clock.run(host.propose(utf8('still alone')))).proposer).toBe('host')
    await cluster.close()
  })

  it('[RAFT-17] changes of membership: the leader only, one at a time, never to nonsense, compared if asked', async () => {
    const cluster = new Cluster({ seed: 7, latencyMs: 10 })
    const nodes = await cluster.startAll('a', 'b')
    const leader = await cluster.leader()
    await cluster.clock.advance(200)
    const follower = nodes.find((node) => node !== leader) as typeof leader
    const outcome = async (change: Promise<unknown>): Promise<unknown> =>
      cluster.clock.run(
        change.then(
          () => 'done',
          (error: Error) => error.name,
        ),
      )
    expect(await outcome(follower.changeMembership({ addLearners: ['c'] }))).toBe('NotLeaderError')
    expect(await outcome(leader.changeMembership({ promote: ['stranger'] }))).toBe('RangeError')
    expect(await outcome(leader.changeMembership({ remove: ['a', 'b'] }))).toBe('RangeError')
    expect(await outcome(leader.changeMembership({ addLearners: ['c'], remove: ['c'] }))).toBe('RangeError')
    const first = leader.changeMembership({ addLearners: ['c'] })
    expect(await outcome(leader.changeMembership({ addLearners: ['d'] }))).toBe('MembershipChangeInProgressError')
    const config = await cluster.clock.run(first)
    expect(config.index).toBe(leader.membership.get().index)
    expect(await outcome(leader.changeMembership({ addLearners: ['d'] }, { ifConfigIndex: 1 }))).toBe(
      'MembershipChangeInProgressError',
    )
    expect(
      await outcome(leader.changeMembership({ addLearners: ['d'] }, { ifConfigIndex: config.index as number })),
    ).toBe('done')
    await cluster.close()
  })

  it("[RNODE-5] a command over the transport's budget is refused before anything is done; at the limit it commits", async () => {
    const clock = new VirtualClock()
    const node = await raftNode({
      id: 'a',
      cluster: voters('a'),
      transport: nowhere('a', 1000),
      clock,
      random: seededRandom(1),
    })
    const error = await node.propose(new Uint8Array(1000)).catch((e: unknown) => e)
    expect(error).toMatchObject({ name: 'PayloadTooLargeError', payloadBytes: 1000, outcome: 'refused' })
    const { maxBytes } = error as { maxBytes: number }
    expect(await clock.run(node.propose(new Uint8Array(maxBytes)))).toMatchObject({
      index: 2,
      dedupKey: { requestId: 2 },
    })
    await expect(node.propose(new Uint8Array(maxBytes + 1))).rejects.toMatchObject({ name: 'PayloadTooLargeError' })
    await node.close()
  })

  it('[RNODE-6] with no leader propose waits, bounded in number, and an abort ends the wait with its reason', async () => {
    const clock = new VirtualClock()
    const config = { maxPendingProposals: 2 }
    const node = await raftNode({ id: 'a', cluster: voters('a', 'b'), transport: nowhere('a'), clock, config })
    const reason = new Error('changed my mind')
    const abort = new AbortController()
    const first = node.propose(utf8('1'), { signal: abort.signal })
    const second = node.propose(utf8('2'))
    second.catch(() => {})
    await expect(node.propose(utf8('3'))).rejects.toMatchObject({ name: 'OverloadedError' })
    await clock.advance(5000)
    abort.abort(reason)
    await expect(first).rejects.toBe(reason)
    await expect(node.propose(utf8('4'), { signal: abort.signal })).rejects.toBe(reason)
    await node.close()
    await expect(second).rejects.toMatchObject({ name: 'ClosedError', outcome: 'unknown' })
  })

  it('[RNODE-7] close fails what waits, ends streams, disarms timers, and refuses what comes after', async () => {
    const clock = new VirtualClock()
    const node = await raftNode({ id: 'a', cluster: voters('a', 'b'), transport: nowhere('a'), clock })
    const leading = node.awaitLeadership()
    leading.catch(() => {})
    const stream = node.committedFrom(1)[Symbol.asyncIterator]().next()
    const trace = (async () => {
      for await (const _ of node.trace);
    })()
    await Promise.all([node.close(), node.close()])
    await expect(leading).rejects.toMatchObject({ name: 'ClosedError' })
    expect(await stream).toMatchObject({ done: true })
    await trace
    expect(clock.pendingTimers).toBe(0)
    await expect(node.propose(utf8('x'))).rejects.toMatchObject({ name: 'ClosedError', outcome: 'refused' })
    await expect(node.changeMembership({})).rejects.toMatchObject({ name: 'ClosedError' })
    await expect(node.awaitLeadership()).rejects.toMatchObject({ name: 'ClosedError' })
    expect(await node.committedFrom(1)[Symbol.asyncIterator]().next()).toMatchObject({ done: true })
  })

  it('[RNODE-9] committedFrom replays and goes on, each index once, from any index, for any number of readers', async () => {
    const cluster = new Cluster({ seed: 9 })
    const node = await cluster.start('a', voters('a'))
    for (const text of ['1', '2', '3']) await cluster.clock.run(node.propose(utf8(text)))
    const all = collect(node, 7)
    const some = readEntries(node, 4, 3)
    for (const text of ['4', '5', '6']) await cluster.clock.run(node.propose(utf8(text)))
    const items = await cluster.clock.run(all)
    expect(items.map((item) => (item.kind === 'entry' ? item.entry.index : -1))).toEqual([-1, 2, 3, 4, 5, 6, 7])
    expect(items[0]).toEqual({ kind: 'internal', index: 1 })
    expect(await cluster.clock.run(some)).toEqual(['2', '3', '4', '5'])
    expect(() => node.committedFrom(-1)).toThrow(RangeError)
    const abort = new AbortController()
    const waiting = node.committedFrom(8, { signal: abort.signal })[Symbol.asyncIterator]().next()
    abort.abort(new Error('stop reading'))
    await expect(waiting).rejects.toThrow('stop reading')
    await cluster.close()
  })

  it('[RNODE-11] every proposal is stamped with who asks and for which time; a durable client names its requests', async () => {
    const cluster = new Cluster({ seed: 11 })
    const node = await cluster.start('a', voters('a'))
    const first = await cluster.clock.run(node.propose(utf8('1')))
    const named = await cluster.clock.run(node.propose(utf8('2'), { requestId: 10 }))
    const next = await cluster.clock.run(node.propose(utf8('3')))
    expect(first.dedupKey?.clientId).toMatch(/^auto:a-[0-9a-f]{16}$/)
    expect([first, named, next].map((entry) => entry.dedupKey?.requestId)).toEqual([1, 10, 11])
    expect(next.timeMs).toBeGreaterThanOrEqual(first.timeMs)
    await cluster.close()
    const clock = new VirtualClock()
    const options = { id: 'a', cluster: voters('a'), transport: nowhere('a'), clock }
    const durable = await raftNode({ ...options, identity: { kind: 'durable', clientId: 'me' } })
    await expect(durable.propose(utf8('x'))).rejects.toThrow(TypeError)
    await expect(durable.propose(utf8('x'), { requestId: -1 })).rejects.toThrow(RangeError)
    expect((await clock.run(durable.propose(utf8('x'), { requestId: 5 }))).dedupKey).toEqual({
      clientId: 'me',
      requestId: 5,
    })
    await durable.close()
    await expect(raftNode({ ...options, identity: { kind: 'durable', clientId: 'auto:me' } })).rejects.toThrow(
      RangeError,
    )
  })

  it('[RNODE-12] what has committed is readable before commitIndex moves, and that before propose resolves', async () => {
    const cluster = new Cluster({ seed: 12 })
    const node = await cluster.start('a', voters('a'))
    await cluster.clock.run(node.awaitLeadership())
    const order: string[] = []
    const reader = node.committedFrom(2)[Symbol.asyncIterator]()
    node.commitIndex.listen((index) => {
      order.push(`commit ${index}`)
      void reader.next().then((item) => order.push(`item ${item.value.entry.index}`))
    })
    const asked = node.propose(utf8('x')).then((entry) => order.push(`resolved ${entry.index}`))
    await cluster.clock.run(asked)
    await cluster.clock.advance(0)
    expect(order[0]).toBe('commit 2')
    expect(order).toHaveLength(3)
    await cluster.close()
  })

  it('[RNODE-14] a listener that throws, or proposes, does no harm', async () => {
    const cluster = new Cluster({ seed: 14 })
    const node = await cluster.start('a', voters('a'))
    let again: Promise<unknown> | null = null
    node.commitIndex.listen((index) => {
      if (index === 2) again = node.propose(utf8('nested'))
    })
    await cluster.clock.run(node.propose(utf8('outer')))
    expect(await cluster.clock.run(again as unknown as Promise<{ index: number }>)).toMatchObject({ index: 3 })
    await cluster.close()
  })

  it('[RNODE-14] a listener that closes the node finds it closed: no timer, no leader, no role', async () => {
    const clock = new VirtualClock()
    const node = await raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), clock })
    node.membership.listen(() => void node.close())
    const leading = node.awaitLeadership()
    await expect(leading).rejects.toMatchObject({ name: 'ClosedError' })
    expect(node.role.get()).toBe('follower')
    expect(node.leader.get()).toBeNull()
    expect(clock.pendingTimers).toBe(0)
  })

  it("[RNODE-18] the bytes of a command are the caller's again as soon as propose has been called", async () => {
    const cluster = new Cluster({ seed: 18 })
    const node = await cluster.start('a', voters('a'))
    for (const command of [Uint8Array.of(1, 2), Buffer.from([1, 2])]) {
      const proposed = node.propose(command)
      command.fill(9)
      expect([...(await cluster.clock.run(proposed)).command]).toEqual([1, 2])
    }
    await cluster.close()
  })

  it('[RNODE-16] frames that nobody understands are dropped and traced', async () => {
    const cluster = new Cluster({ seed: 16, latencyMs: 1 })
    const nodes = await cluster.startAll('a', 'b')
    await cluster.leader()
    const trace = kindsOf((nodes[1] as (typeof nodes)[number]).trace)
    await cluster.seams.get('a')?.sendTo('b', Uint8Array.of(1, 99, 1))
    await cluster.seams.get('a')?.sendTo('b', Uint8Array.of(7))
    await cluster.clock.advance(50)
    await nodes[1]?.close()
    const kinds = await trace
    expect(kinds.filter((kind) => kind === 'frame-malformed')).toHaveLength(2)
    await cluster.close()
  })
})

async function kindsOf(trace: AsyncIterable<RaftTraceEvent>): Promise<string[]> {
  const kinds: string[] = []
  for await (const event of trace) kinds.push(event.kind)
  return kinds
}
