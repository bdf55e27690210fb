import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import { CorruptStateError } from '../base/errors.ts'
import { InMemoryLoom } from '../fabric/memory/index.ts'
import { MuxSeam } from '../seam/mux-seam.ts'
import { NamedMux } from '../seam/named-mux.ts'
import { VirtualClock } from '../sim/index.ts'
import type { GameSession } from './contract.ts'
import { decodeTableSnapshot, encodeTableSnapshot } from './table-snapshot.ts'
import { ApplicationNode } from './application-node.ts'
import { Presence } from './presence.ts'
import { RunningGame } from './running-game.ts'
import { TableSession } from './table-session.ts'
import { ScriptedNode, take } from './test-support/scripted-node.ts'
import { seated, TestRoom, turnsOf } from './test-support/table.ts'

/** No tail: who lacks a compacted entry gets a snapshot. */
const raftConfig = { expectVirtualTime: true, tailEntries: 0 }

async function play(room: TestRoom, session: GameSession, ...actions: number[]): Promise<number> {
  let index = 0
  for (const action of actions) index = (await room.run(turnsOf(session).propose(action))).index
  return index
}

/** What a session shows from the beginning: turns as numbers, resets as their text. */
async function shown(room: TestRoom, session: GameSession, count: number): Promise<(number | string)[]> {
  const events = await room.run(take(turnsOf(session).events, count), 10_000)
  return events.map((event) => {
    if (event.kind === 'reset') return fromUtf8(event.snapshot.state)
    return event.kind === 'committed' ? event.indexed.action : event.reason
  })
}

describe('[GAME-19] a game that compacts its log', () => {
  it('keeps its seats, and seats a latecomer that gets the snapshot instead of the log', async () => {
    const room = new TestRoom()
    const options = { peerCount: 3, returnAt: 'quorum', raftConfig } as const
    const [host, bob] = await room.run(Promise.all([room.host('ann', options), room.join('bob', { raftConfig })]))
    const index = await play(room, bob, 1, 2, 3)
    await room.clock.advance(200)
    for (const session of [host, bob]) await room.run(session.node.publishSnapshot(index, utf8('1 2 3')))
    await play(room, host, 4)
    const cat = await room.run(room.join('cat', { raftConfig }))
    expect(cat.node.compactionFloor.get()).toBe(index)
    await play(room, cat, 5)
    await room.clock.advance(200)
    for (const session of [host, bob, cat]) {
      expect(seated(session)).toEqual(['ann', 'bob', 'cat'])
      expect(await shown(room, session, 3)).toEqual(['1 2 3', 4, 5])
    }
  })

  it('is resumed from the snapshot: seats, votes and turns', async () => {
    const room = new TestRoom()
    const [ann, bob] = await room.two()
    const index = await play(room, ann, 1, 2)
    await room.run(ann.node.publishSnapshot(index, utf8('1 2')))
    await ann.close()
    await bob.close()
    const sessions = await room.run(Promise.all([room.host('ann'), room.join('bob')]))
    await play(room, sessions[1], 3)
    await room.clock.advance(200)
    for (const session of sessions) expect(seated(session)).toEqual(['ann', 'bob'])
    expect(await shown(room, sessions[0], 2)).toEqual(['1 2', 3])
    expect(await shown(room, sessions[1], 3)).toEqual([1, 2, 3])
  })

  it('refuses a snapshot of what has not committed, or is compacted already', async () => {
    const room = new TestRoom()
    const [ann] = await room.two()
    const index = await play(room, ann, 1, 2)
    await expect(room.run(ann.node.publishSnapshot(index + 1, utf8('')))).rejects.toBeInstanceOf(RangeError)
    expect(await room.run(ann.node.publishSnapshot(index - 1, utf8('1')))).toBe(index - 1)
    for (const below of [0, index - 2, index - 1])
      await expect(room.run(ann.node.publishSnapshot(below, utf8('')))).rejects.toBeInstanceOf(RangeError)
    expect(await shown(room, ann, 2)).toEqual(['1', 2])
  })
})

describe('[GAME-20] a snapshot that is no table', () => {
  it('ends the node, and the session can still be closed', async () => {
    const seam = await new InMemoryLoom().host({ sessionName: 'broken' })
    const mux = new MuxSeam(seam)
    const [presence, channels] = [new Presence(mux.channel(2)), new NamedMux(mux.channel(3))]
    const node = new ScriptedNode()
    const game = new RunningGame({ gameId: 'g', lineage: 'l', node, presence, clock: new VirtualClock() })
    const session = new TableSession({ seam, game, presence, channels })
    node.push({ kind: 'install', snapshot: { index: 5, term: 1, state: Uint8Array.of(9) } })
    await expect(game.ended).rejects.toBeInstanceOf(CorruptStateError)
    await expect(session.node.propose(utf8('on'))).rejects.toMatchObject({ code: 'ClosedError' })
    await session.close()
    expect(seam.state.get().kind).toBe('torn')
  })
})

describe('[GAME-19] the snapshot of a table', () => {
  const seats = [
    { number: 0, peer: 'ann' },
    { number: 1, peer: null },
  ]

  it('holds the seats as of its index, which the application never sees', async () => {
    expect(decodeTableSnapshot(encodeTableSnapshot({ seats, state: utf8('s') }))).toEqual({ seats, state: utf8('s') })
    const node = new ScriptedNode()
    node.push({
      kind: 'install',
      snapshot: { index: 5, term: 1, state: encodeTableSnapshot({ seats, state: utf8('s') }) },
    })
    const [seen] = await take(new ApplicationNode(node).committedFrom(1), 1)
    expect(seen).toEqual({ kind: 'install', snapshot: { index: 5, term: 1, state: utf8('s') } })
  })

  it.each([[], [2, 0], [1, 255], [1, 1, 2], [1, 1, 1, 0], [1, 1, 1, 5, 97], [1, 128, 2]])(
    'that is none (%j) is CorruptStateError',
    (...bytes) => {
      expect(() => decodeTableSnapshot(Uint8Array.from(bytes))).toThrow(CorruptStateError)
    },
  )
})
