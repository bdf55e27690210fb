import { describe, expect, it } from 'vitest'
import type { Announcement } from './presence-frame.ts'
import { judgeFounding, judgeGame, judgeRival, judgeTables, type Room } from './verdict.ts'

/** A room as `self` sees it: what each listed peer said, `null` for nothing yet. */
function room(selfId: string, said: Record<string, Announcement | null>): Room {
  const heard = Object.entries(said).filter((pair): pair is [string, Announcement] => pair[1] !== null)
  return { selfId, peers: new Set([selfId, ...Object.keys(said)]), heard: new Map(heard) }
}

function player(gameId: string, ...peers: (string | null)[]): Announcement {
  return { role: 'player', gameId, lineage: 'l', seats: peers.map((peer, number) => ({ number, peer })) }
}

const founder: Announcement = { role: 'founder' }
const joiner: Announcement = { role: 'joiner', gameId: null }

describe('judgeFounding', () => {
  it('[GAME-2] founds at once when alone, else when everybody has spoken or time is up', () => {
    expect(judgeFounding(room('m', {}), false)).toEqual({ kind: 'found' })
    expect(judgeFounding(room('m', { a: joiner, z: null }), false)).toEqual({ kind: 'wait' })
    expect(judgeFounding(room('m', { a: joiner, z: null }), true)).toEqual({ kind: 'found' })
    expect(judgeFounding(room('m', { a: joiner, z: { role: 'bystander' } }), false)).toEqual({ kind: 'found' })
  })

  it('[GAME-3] of several founders the lowest id goes on', () => {
    expect(judgeFounding(room('m', { z: founder }), false)).toEqual({ kind: 'found' })
    expect(judgeFounding(room('m', { z: founder, b: founder, a: joiner }), false)).toEqual({
      kind: 'duplicate',
      host: 'b',
    })
  })

  it('[GAME-3] a game that runs comes before every founder, whatever the ids, full or not', () => {
    expect(judgeFounding(room('a', { z: player('g', 'y', null) }), false)).toEqual({ kind: 'duplicate', host: 'y' })
    expect(judgeFounding(room('a', { z: player('g', 'z', 'y') }), true)).toEqual({ kind: 'duplicate', host: 'z' })
  })
})

describe('judgeRival', () => {
  const alone = {
    gameId: 'ours',
    seats: [
      { number: 0, peer: 'm' },
      { number: 1, peer: null },
    ],
  }

  it('[GAME-3] of two tables the fuller goes on, between equals the one of the lower host', () => {
    expect(judgeRival(room('m', { z: player('theirs', 'z', 'y') }), alone)).toBe('z')
    expect(judgeRival(room('m', { z: player('theirs', 'z', null) }), alone)).toBeNull()
    expect(judgeRival(room('m', { a: player('theirs', 'a', null) }), alone)).toBe('a')
  })

  it('[GAME-3] players of our own game are no rivals', () => {
    expect(judgeRival(room('m', { a: player('ours', 'm', 'a'), b: joiner }), alone)).toBeNull()
  })
})

describe('judgeTables', () => {
  it('[GAME-4] takes a table that has a free seat', () => {
    const there = room('m', { a: player('full', 'a', 'b'), c: player('open', 'c', null) })
    expect(judgeTables(there, null)).toEqual({ kind: 'take', gameId: 'open', lineage: 'l' })
  })

  it('[GAME-5] hears that all tables are full', () => {
    expect(judgeTables(room('m', { a: player('full', 'a', 'b') }), null)).toEqual({ kind: 'full' })
  })

  it('[GAME-17] is told that it sits there already, without the log to prove its votes', () => {
    expect(judgeTables(room('m', { a: player('g', 'a', 'm') }), null)).toEqual({ kind: 'forgotten', gameId: 'g' })
  })

  it('[GAME-10] prefers the game whose log it holds, and takes another where that has no seat', () => {
    const there = room('m', { a: player('open', 'a', null), b: player('held', 'b', null) })
    expect(judgeTables(there, 'held')).toMatchObject({ kind: 'take', gameId: 'held' })
    const full = room('m', { b: player('held', 'b', 'c'), d: player('open', 'd', null) })
    expect(judgeTables(full, 'held')).toMatchObject({ kind: 'take', gameId: 'open' })
    expect(judgeTables(room('m', { b: player('held', 'b', 'm') }), 'held')).toMatchObject({ kind: 'take' })
  })

  it('[GAME-6] waits where nobody plays', () => {
    expect(judgeTables(room('m', { a: founder, b: joiner, c: null }), null)).toEqual({ kind: 'wait' })
  })
})

describe('judgeGame', () => {
  it('[GAME-9] is content with one player of the same game', () => {
    const there = room('m', { z: null, a: player('other', 'a', null), b: player('g', 'b', 'm') })
    expect(judgeGame(there, 'g', false)).toMatchObject({ kind: 'take', gameId: 'g' })
  })

  it('[GAME-5] hears that the game goes on without it', () => {
    expect(judgeGame(room('m', { b: player('g', 'b', 'c') }), 'g', false)).toEqual({ kind: 'full' })
  })

  it('[GAME-7] calls it another game when everybody has spoken, or time is up, and none plays ours', () => {
    const other = player('other', 'a', null)
    expect(judgeGame(room('m', { a: other, z: null }), 'g', false)).toEqual({ kind: 'wait' })
    expect(judgeGame(room('m', { a: other, z: null }), 'g', true)).toEqual({ kind: 'mismatch', gameId: 'other' })
    expect(judgeGame(room('m', { a: other, z: joiner }), 'g', false)).toEqual({ kind: 'mismatch', gameId: 'other' })
    expect(judgeGame(room('m', { z: joiner }), 'g', true)).toEqual({ kind: 'wait' })
  })
})
