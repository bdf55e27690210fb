import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { InMemoryLoom } from '../fabric/memory/index.ts'
import { raftNode } from '../raft/raft-node.ts'
import { seamTransport } from '../raft/seam-transport.ts'
import { seededRandom, VirtualClock } from '../sim/index.ts'
import { int32, json } from './codec.ts'
import { commandAt, ScriptedNode, take } from './test-support/scripted-node.ts'
import { TurnSequencer } from './turn-sequencer.ts'

describe('TurnSequencer', () => {
  it('[TURN-1] proposes the encoded action and resolves with its place', async () => {
    const node = new ScriptedNode('ann')
    const action = { cell: 4 }
    const indexed = await new TurnSequencer(node, json<{ cell: number }>()).propose(action)
    expect(indexed).toEqual({
      index: 1,
      action,
      proposer: 'ann',
      dedupKey: { clientId: 'auto:test', requestId: 1 },
      timeMs: 1001,
    })
    expect(indexed.action).toBe(action)
    expect(node.log).toMatchObject([{ entry: { command: utf8('{"cell":4}') } }])
  })

  it('[TURN-1] proposes nothing when the codec refuses the action', async () => {
    const node = new ScriptedNode()
    await expect(new TurnSequencer(node, int32()).propose(0.5)).rejects.toThrow(RangeError)
    expect(node.log).toEqual([])
  })

  it('[TURN-2] replays every turn, then goes on live; each iteration starts over', async () => {
    const node = new ScriptedNode()
    const turns = new TurnSequencer(node, int32())
    await turns.propose(10)
    await turns.propose(20)
    const live = take(turns.events, 3)
    await turns.propose(30)
    const all = await take(turns.events, 3)
    expect(await live).toEqual(all)
    expect(all.map((event) => event.kind === 'committed' && event.indexed.action)).toEqual([10, 20, 30])
  })

  it('[TURN-2] starts at an index of the log, inclusive', async () => {
    const node = new ScriptedNode()
    const turns = new TurnSequencer(node, int32())
    for (const action of [10, 20, 30]) await turns.propose(action)
    expect(await take(turns.eventsFrom(2), 2)).toMatchObject([{ indexed: { index: 2 } }, { indexed: { index: 3 } }])
  })

  it('[TURN-2] leaves out what is no turn', async () => {
    const node = new ScriptedNode()
    node.push({ kind: 'internal', index: 1 }, commandAt(2, 'ann', int32().encode(7)))
    expect(await take(new TurnSequencer(node, int32()).events, 1)).toMatchObject([{ indexed: { index: 2, action: 7 } }])
  })

  it('[TURN-3] a command that cannot be read is rejected at its index, and the stream goes on', async () => {
    const node = new ScriptedNode()
    node.push(commandAt(1, 'eve', utf8('poison')), commandAt(2, 'ann', int32().encode(7)))
    const [rejected, next] = await take(new TurnSequencer(node, int32()).events, 2)
    expect(rejected).toEqual({
      kind: 'rejected',
      index: 1,
      proposer: 'eve',
      reason: 'a 32-bit number has 4 bytes, not 6',
    })
    expect(next).toMatchObject({ kind: 'committed', indexed: { index: 2 } })
  })

  it('[TURN-4] a snapshot is a reset', async () => {
    const node = new ScriptedNode()
    const snapshot = { index: 5, term: 1, state: utf8('s') }
    node.push({ kind: 'install', snapshot }, commandAt(6, 'ann', int32().encode(1)))
    expect(await take(new TurnSequencer(node, int32()).events, 2)).toMatchObject([
      { kind: 'reset', snapshot },
      { kind: 'committed' },
    ])
  })

  it('[TURN-5] ending an iteration frees its cursor, even while it waits', async () => {
    const node = new ScriptedNode()
    const iterator = new TurnSequencer(node, int32()).events[Symbol.asyncIterator]()
    const waiting = iterator.next()
    await iterator.return?.()
    expect(node.cursors).toBe(0)
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it('[TURN-5] closing the node ends every iteration', async () => {
    const node = new ScriptedNode()
    const turns = new TurnSequencer(node, int32())
    await turns.propose(1)
    const reading = take(turns.events, 2)
    await node.close()
    expect(await reading).toHaveLength(1)
  })

  it('[TURN-6] serves a bare Raft node, whose commands are then the actions alone', async () => {
    const clock = new VirtualClock()
    const seam = await new InMemoryLoom().host({ sessionName: 'bare' })
    const id = seam.selfId
    const cluster = { voters: new Set([id]), learners: new Set<string>() }
    const node = await raftNode({ id, cluster, transport: seamTransport(seam), clock, random: seededRandom(1) })
    const turns = new TurnSequencer(node, int32())
    const { index } = await clock.run(turns.propose(7))
    const [event] = await clock.run(take(turns.events, 1))
    expect(event).toMatchObject({ kind: 'committed', indexed: { index, action: 7, proposer: id } })
    const [raw] = await clock.run(take(node.committedFrom(index), 1))
    expect(raw).toMatchObject({ kind: 'entry', entry: { command: int32().encode(7) } })
    await node.close()
  })
})
