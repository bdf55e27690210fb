import { describe, expect, it } from 'vitest'
import { ConfigError, GameMismatchError, JoinTimeoutError } from '../base/errors.ts'
import type { GameSession } from './contract.ts'
import { seated, TestRoom, turnsOf } from './test-support/table.ts'

/** A table of two on which 1, 2, 3 have been played, and known to be agreed on both sides. */
async function played(room: TestRoom): Promise<[GameSession, GameSession]> {
  const [host, joiner] = await room.two()
  for (const [i, session] of [host, joiner, host].entries()) await room.run(turnsOf(session).propose(i + 1))
  await room.clock.advance(1_000)
  return [host, joiner]
}

async function expectPlayGoesOn(room: TestRoom, ann: GameSession, bob: GameSession): Promise<void> {
  await room.run(Promise.all([turnsOf(ann).propose(4), turnsOf(bob).propose(5)]), 20_000)
  await room.clock.advance(1_000)
  const turns = await room.turns(ann)
  expect(turns.slice(0, 3)).toEqual([1, 2, 3])
  expect(turns.slice(3).toSorted()).toEqual([4, 5])
  expect(await room.turns(bob)).toEqual(turns)
  expect(seated(ann)).toEqual(['ann', 'bob'])
  expect(seated(bob)).toEqual(['ann', 'bob'])
}

describe('a storage that holds a game', { timeout: 60_000 }, () => {
  it('[GAME-9] the joiner reloads', async () => {
    const room = new TestRoom()
    const [ann, bob] = await played(room)
    await bob.close()
    const back = await room.run(room.join('bob'), 1_000)
    expect(await room.turns(back)).toEqual([1, 2, 3])
    await expectPlayGoesOn(room, ann, back)
  })

  it('[GAME-9] the founder reloads', async () => {
    const room = new TestRoom()
    const [ann, bob] = await played(room)
    await ann.close()
    await room.clock.advance(5_000)
    const back = await room.run(room.host('ann'), 1_000)
    expect(await room.turns(back)).toEqual([1, 2, 3])
    await expectPlayGoesOn(room, back, bob)
  })

  it.each([
    ['the founder first', ['ann', 'bob']],
    ['the joiner first', ['bob', 'ann']],
  ])('[GAME-9] both reload, %s: who is alone sees the history at once', async (_, [first, second]) => {
    for (const [call, other] of [
      ['host', 'join'],
      ['join', 'host'],
      ['join', 'join'],
      ['host', 'host'],
    ] as const) {
      const room = new TestRoom()
      const sessions = await played(room)
      await Promise.all(sessions.map((session) => session.close()))
      const before = room.clock.now()
      const early = await room.run(room[call](first as string))
      expect(room.clock.now()).toBe(before)
      expect(seated(early)).toEqual(['ann', 'bob'])
      expect(await room.turns(early)).toEqual([1, 2, 3])
      await room.clock.advance(60_000)
      const late = await room.run(room[other](second as string), 1_000)
      await expectPlayGoesOn(room, first === 'ann' ? early : late, first === 'ann' ? late : early)
    }
  })

  it('[GAME-9] both reload at once', async () => {
    const room = new TestRoom()
    const sessions = await played(room)
    await Promise.all(sessions.map((session) => session.close()))
    const [ann, bob] = await room.run(Promise.all([room.host('ann'), room.join('bob')]), 2_000)
    await expectPlayGoesOn(room, ann, bob)
  })

  it('[GAME-9] a turn proposed while the other is away is agreed when it is back', async () => {
    const room = new TestRoom()
    const [ann, bob] = await played(room)
    await bob.close()
    const proposed = turnsOf(ann).propose(4)
    await room.clock.advance(30_000)
    const back = await room.run(room.join('bob'))
    expect((await room.run(proposed, 20_000)).action).toBe(4)
    await room.clock.advance(1_000)
    expect(await room.turns(back)).toEqual([1, 2, 3, 4])
  })

  it('[GAME-9] a founder that reloads before anybody came goes on admitting', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const first = room.host('ann', {}, seam).catch((error: unknown) => error)
    await room.clock.advance(1_000)
    await seam.close()
    await room.run(first)
    const back = await room.run(room.host('ann'), 100)
    expect(seated(back)).toEqual(['ann', null])
    const joiner = await room.run(room.join('bob'), 5_000)
    await room.clock.advance(100)
    expect(seated(back)).toEqual(['ann', 'bob'])
    expect(joiner.gameId).toBe(back.gameId)
  })

  it('[GAME-9] resumes with the number of seats it has: another is a ConfigError', async () => {
    const room = new TestRoom()
    const sessions = await played(room)
    await Promise.all(sessions.map((session) => session.close()))
    const seam = await room.seam('ann')
    await expect(room.run(room.host('ann', { peerCount: 3 }, seam))).rejects.toThrow(ConfigError)
    await room.run(room.host('ann', {}, seam))
  })

  it('[GAME-10] a joiner that reloads at any moment of its admission gets its seat', async () => {
    for (let turns = 0; turns < 60; turns += 3) {
      const room = new TestRoom()
      const hosting = room.host('ann')
      const seam = await room.seam('bob')
      const first = room.join('bob', {}, seam).catch(() => null)
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      await seam.close()
      await room.run(first)
      await room.clock.advance(turns * 10)
      const bob = await room.run(room.join('bob'), 20_000)
      const ann = await room.run(hosting, 20_000)
      expect(seated(ann), `reloaded after ${turns} turns`).toEqual(['ann', 'bob'])
      await room.run(turnsOf(bob).propose(1), 20_000)
    }
  })

  it('[GAME-10] a resumed learner waits for admission, as long as a joiner does', async () => {
    const room = new TestRoom()
    const storage = await room.storage('bob')
    const entries = [
      { kind: 'config', index: 1, term: 1, config: { voters: ['ann'], learners: [], old: null } },
      { kind: 'config', index: 2, term: 1, config: { voters: ['ann'], learners: ['bob'], old: null } },
    ].map((entry) => ({ ...entry, command: new Uint8Array(0), dedupKey: null, proposer: 'ann', timeMs: 0 }))
    await storage.write({ nodeId: 'bob', gameId: 'g', lineage: 'l', term: 1, entries: entries as never })
    await expect(room.run(room.join('bob', { storage }))).rejects.toThrow(JoinTimeoutError)
    expect(room.clock.now()).toBe(10_000)
  })

  it.each(['join', 'host'] as const)('[GAME-7] another game is played here: a %s is refused', async (call) => {
    const room = new TestRoom()
    const sessions = await played(room)
    const storage = await room.storage('bob')
    await Promise.all(sessions.map((session) => session.close()))
    const elsewhere = new TestRoom(2)
    await elsewhere.run(
      Promise.all([elsewhere.host('cat', { peerCount: 3, returnAt: 'quorum' }), elsewhere.join('dan')]),
    )
    const seam = await elsewhere.seam('bob')
    await expect(elsewhere.run(elsewhere[call]('bob', { storage }, seam))).rejects.toThrow(GameMismatchError)
    expect(elsewhere.clock.now()).toBeLessThan(1_000)
    const fresh = await elsewhere.run(elsewhere.join('bob', {}, seam), 5_000)
    expect(seated(fresh)).toEqual(['cat', 'dan', 'bob'])
  })

  it('[GAME-9] a log that is no game is refused', async () => {
    const room = new TestRoom()
    const storage = await room.storage('ann')
    const config = { voters: ['ann'], learners: [], old: null }
    const command = new Uint8Array(0)
    await storage.write({
      nodeId: 'ann',
      term: 1,
      entries: [{ kind: 'config', index: 1, term: 1, command, config, dedupKey: null, proposer: null, timeMs: 0 }],
    })
    await expect(room.run(room.host('ann', { storage }))).rejects.toThrow(ConfigError)
  })

  it('[GAME-14] without a storage, a call on the same seam goes on from the log of the last', async () => {
    const room = new TestRoom()
    const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
    const controller = new AbortController()
    const none = { storage: undefined }
    const hosting = room.host('ann', { ...none, peerCount: 3, signal: controller.signal }, ann)
    const outcome = hosting.catch((error: unknown) => error)
    const joiner = await room.run(room.join('bob', none, bob))
    controller.abort(new Error('enough'))
    await outcome
    const host = await room.run(room.host('ann', { ...none, peerCount: 3 }, ann), 2_000)
    expect(host.gameId).toBe(joiner.gameId)
    await room.clock.advance(5_000)
    expect(seated(host)).toEqual(['ann', 'bob', null])
    await room.run(turnsOf(joiner).propose(1), 20_000)
  })

  it('[GAME-17] a seated peer that comes without its log is refused: its votes would be forgotten', async () => {
    const room = new TestRoom()
    const [, bob] = await played(room)
    await bob.close()
    const seam = await room.seam('bob')
    await expect(room.run(room.join('bob', { storage: undefined }, seam))).rejects.toThrow(ConfigError)
    await room.run(room.join('bob', {}, seam), 1_000)
  })
})
