import { describe, expect, it } from 'vitest'
import { JoinTimeoutError, RosterFullError, SeamTornError } from '../base/errors.ts'
import { seated, TestRoom, turnsOf } from './test-support/table.ts'

describe('gameJoin', { timeout: 60_000 }, () => {
  it('[GAME-4] resolves as a voter with a seat, and its first proposal is agreed', async () => {
    const room = new TestRoom()
    const [, joiner] = await room.two()
    expect(joiner.node.role.get()).toBe('follower')
    expect((await room.run(turnsOf(joiner).propose(7), 100)).proposer).toBe('bob')
  })

  it('[GAME-4] joins in whatever order the calls are made', async () => {
    const room = new TestRoom()
    const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
    const joining = room.join('bob', {}, bob)
    await room.clock.advance(3_000)
    const [joiner, host] = await room.run(Promise.all([joining, room.host('ann', {}, ann)]), 2_000)
    expect(seated(joiner)).toEqual(seated(host))
  })

  it('[GAME-4] fills a larger table, whoever comes when', async () => {
    const room = new TestRoom()
    const names = ['bob', 'cat', 'dan', 'eve']
    const hosting = room.host('ann', { peerCount: 5 })
    const sessions = await room.run(Promise.all([hosting, ...names.map((name) => room.join(name))]))
    await room.clock.advance(1_000)
    const seats = seated(sessions[0])
    expect(new Set(seats)).toEqual(new Set(['ann', ...names]))
    expect(seats[0]).toBe('ann')
    for (const session of sessions) expect(seated(session)).toEqual(seats)
  })

  it('[GAME-5] a full table is told at once', async () => {
    const room = new TestRoom()
    await room.two()
    const before = room.clock.now()
    await expect(room.run(room.join('cat'))).rejects.toThrow(RosterFullError)
    expect(room.clock.now() - before).toBeLessThan(100)
  })

  it('[GAME-5] a joiner that waits while the last seat goes to another is told then', async () => {
    const room = new TestRoom()
    const hosting = room.host('ann')
    const outcomes = ['bob', 'cat'].map((name) => room.join(name).catch((error: unknown) => error))
    const [host, ...others] = await room.run(Promise.all([hosting, ...outcomes]))
    const refused = others.filter((outcome) => outcome instanceof RosterFullError)
    expect(refused).toHaveLength(1)
    await room.clock.advance(10_000)
    expect(host.node.membership.get().voters.size).toBe(2)
    expect(host.node.membership.get().learners.size).toBe(0)
  })

  it('[GAME-6] nobody answers: JoinTimeoutError after ten seconds, or as long as the caller gives', async () => {
    const room = new TestRoom()
    await room.seam('silent')
    await expect(room.run(room.join('bob'))).rejects.toThrow(JoinTimeoutError)
    expect(room.clock.now()).toBe(10_000)
    await expect(room.run(room.join('bob', { joinAdmissionTimeoutMs: 50 }))).rejects.toThrow(JoinTimeoutError)
    expect(room.clock.now()).toBe(10_050)
    expect(room.clock.pendingTimers).toBe(0)
  })

  it('[GAME-8] a join that timed out can be repeated on the same seam', async () => {
    for (const options of [{}, { storage: undefined }]) {
      const room = new TestRoom()
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      await expect(room.run(room.join('bob', options, bob))).rejects.toThrow(JoinTimeoutError)
      expect(room.clock.pendingTimers).toBe(0)
      const joining = room.join('bob', options, bob)
      const [host] = await room.run(Promise.all([room.host('ann', {}, ann), joining]))
      expect(seated(host)).toEqual(['ann', 'bob'])
    }
  })

  it('[GAME-8] a join refused by a full table can be repeated, and is refused again at once', async () => {
    const room = new TestRoom()
    await room.two()
    const seam = await room.seam('cat')
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = room.clock.now()
      await expect(room.run(room.join('cat', {}, seam))).rejects.toThrow(RosterFullError)
      expect(room.clock.now() - before).toBeLessThan(100)
    }
  })

  it('[GAME-16] a seam that tears under the waiting joiner rejects the call', async () => {
    const room = new TestRoom()
    const seam = await room.seam('bob')
    const outcome = room.join('bob', {}, seam).catch((error: unknown) => error)
    await room.clock.advance(500)
    await seam.close()
    expect(await outcome).toBeInstanceOf(SeamTornError)
    expect(room.clock.pendingTimers).toBe(0)
  })

  it('[GAME-8] [GAME-14] aborted at any moment of its admission, it can join again on the same seam', async () => {
    for (const options of [{}, { storage: undefined }]) {
      for (let turns = 0; turns < 60; turns += 3) {
        const room = new TestRoom()
        const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
        const hosting = room.host('ann', {}, ann)
        const controller = new AbortController()
        const first = room.join('bob', { ...options, signal: controller.signal }, bob).catch(() => null)
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        controller.abort(new Error(`after ${turns} turns`))
        const session = await room.run(first)
        const joiner = session ?? (await room.run(room.join('bob', options, bob), 20_000))
        const host = await room.run(hosting, 20_000)
        expect(seated(host), `aborted after ${turns} turns`).toEqual(['ann', 'bob'])
        await room.run(turnsOf(joiner).propose(turns), 20_000)
      }
    }
  })
})
