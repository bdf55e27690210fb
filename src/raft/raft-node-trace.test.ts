import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { VirtualClock } from '../sim/index.ts'
import { raftNode } from './raft-node.ts'
import { Cluster, voters } from './test-support/cluster.ts'
import { nowhere } from './test-support/nowhere.ts'
import type { RaftTraceEvent } from './trace-event.ts'

/** Reads on until the node is closed. */
async function eventsOf(trace: AsyncIterable<RaftTraceEvent>): Promise<RaftTraceEvent[]> {
  const events: RaftTraceEvent[] = []
  for await (const event of trace) events.push(event)
  return events
}

const kindsOf = (events: readonly RaftTraceEvent[]): Set<string> => new Set(events.map(({ kind }) => kind))

describe('the trace of a node', () => {
  it('[TRC-1, TRC-4] tells of elections, votes and what is denied, of configurations, writes and commits', async () => {
    const cluster = new Cluster({ seed: 4, latencyMs: 5 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    const traces = nodes.map((node) => eventsOf(node.trace))
    const leader = await cluster.leader()
    await cluster.clock.run(leader.propose(utf8('x')))
    const follower = nodes.find((node) => node !== leader) as typeof leader
    for (const other of nodes) if (other !== follower) cluster.network.cut(other.id, follower.id, { oneWay: true })
    await cluster.clock.advance(5000)
    for (const node of nodes) await node.close()
    const events = (await Promise.all(traces)).flat()
    const wanted = [
      'pre-vote',
      'candidate',
      'vote-granted',
      'leader',
      'follower',
      'config',
      'stored',
      'commit',
      'stopped',
    ]
    expect([...kindsOf(events)]).toEqual(expect.arrayContaining(wanted))
    expect(events.find(({ kind }) => kind === 'pre-vote-denied')).toMatchObject({
      from: follower.id,
      objections: ['leader lives'],
    })
    for (const [i, event] of (await (traces[0] as Promise<RaftTraceEvent[]>)).entries()) {
      expect(event.atMs).toBeGreaterThanOrEqual((await traces[0])?.[i - 1]?.atMs ?? 0)
    }
    await cluster.close()
  })

  it('[RLINK-7, RWIRE-7] tells of frames that its transport drops, and of names that it does not know', async () => {
    const cluster = new Cluster({ seed: 6, latencyMs: 5 })
    const [a] = await cluster.startAll('a', 'b')
    const events = eventsOf((a as { trace: AsyncIterable<RaftTraceEvent> }).trace)
    const seam = cluster.seams.get('b')
    const token = [9, 9, 9, 9]
    for (const bytes of [
      [0, 9],
      [1, 99],
      [1, 11, 1, 1, 2, ...token],
    ])
      void seam?.sendTo('a', Uint8Array.from(bytes))
    await cluster.clock.advance(50)
    await cluster.close()
    const told = (await events).filter(({ kind }) => kind.startsWith('frame-'))
    expect(told).toMatchObject([
      { kind: 'frame-dropped', peer: 'b', reason: 'malformed' },
      { kind: 'frame-malformed', from: 'b', bytes: 2 },
      { kind: 'frame-unknown-name', from: 'b', bytes: 9 },
    ])
  })

  it('[TRC-5] times a proposal from when it was made until it committed', async () => {
    const cluster = new Cluster({ seed: 5, latencyMs: 20 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    const leader = await cluster.leader()
    const follower = nodes.find((node) => node !== leader) as typeof leader
    await cluster.clock.advance(200)
    const traces = [leader, follower].map((node) => eventsOf(node.trace))
    const { index } = await cluster.clock.run(follower.propose(utf8('x')))
    await leader.close()
    await follower.close()
    const [leaders = [], followers = []] = await Promise.all(traces)
    // There, to a majority, back, and the word that it has: four ways, and never the leader's own count.
    expect(followers.filter(({ kind }) => kind === 'proposed')).toEqual([
      { kind: 'proposed', index, elapsedMs: 80, atMs: expect.any(Number) },
    ])
    expect(kindsOf(leaders)).not.toContain('proposed')
    await cluster.close()
  })

  it('[TRC-5] tells what was refused, and nothing of a caller that gave up', async () => {
    const cluster = new Cluster({ seed: 6 })
    const [node] = await cluster.startAll('a', 'b')
    const trace = eventsOf((node as NonNullable<typeof node>).trace)
    const abort = new AbortController()
    const given = node?.propose(utf8('x'), { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    await expect(node?.changeMembership({ remove: ['b'] })).rejects.toMatchObject({ name: 'NotLeaderError' })
    await cluster.leader()
    await cluster.clock.advance(1000)
    await node?.close()
    const events = await trace
    expect(events.filter(({ kind }) => kind === 'proposed' || kind === 'request-failed')).toMatchObject([
      { kind: 'request-failed', request: 'change', error: { name: 'NotLeaderError' }, elapsedMs: 0 },
    ])
    await cluster.close()
  })

  it('[TRC-3] nothing is told that happened before', async () => {
    const clock = new VirtualClock()
    const node = await raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), clock })
    await clock.run(node.propose(utf8('x')))
    const trace = eventsOf(node.trace)
    await node.close()
    expect(kindsOf(await trace)).toEqual(new Set(['stopped']))
  })
})
