import { describe, expect, it } from 'vitest'
import { MuxSeam } from '../seam/mux-seam.ts'
import { STEP_TIMEOUT_MS } from './admission.ts'
import { decodePresence, encodePresence } from './presence-frame.ts'
import { seated, TestRoom, turnsOf } from './test-support/table.ts'

describe('admission at a running table', () => {
  it('[ADM-1] goes on when the founder is gone', async () => {
    const room = new TestRoom()
    const hosting = room.host('ann', { peerCount: 4, returnAt: 'quorum' })
    const [ann, bob] = await room.run(Promise.all([hosting, room.join('bob'), room.join('cat')]))
    await room.clock.advance(1_000)
    await ann.close()
    const dan = await room.run(room.join('dan'), 10_000)
    expect(dan.seats.get()[3]).toEqual({ number: 3, peer: 'dan' })
    await room.run(turnsOf(dan).propose(1), 10_000)
    await room.clock.advance(1_000)
    expect(seated(bob)).toEqual(seated(dan))
  })

  it('[ADM-2] peers that only are there, or want another game, are left alone', async () => {
    const room = new TestRoom()
    const hosting = room.host('ann')
    await room.seam('silent')
    const stranger = new MuxSeam(await room.seam('stranger')).channel(2)
    await stranger.broadcast(encodePresence({ announcement: { role: 'joiner', gameId: 'another' }, asks: false }))
    await room.clock.advance(10_000)
    const [host] = await room.run(Promise.all([hosting, room.join('bob')]))
    expect(seated(host)).toEqual(['ann', 'bob'])
    expect(host.node.membership.get().learners.size).toBe(0)
  })

  it('[ADM-4] a joiner that announces itself and never answers is passed over, never promoted', async () => {
    const room = new TestRoom()
    const ann = await room.seam('ann')
    const ghost = new MuxSeam(await room.seam('aaa')).channel(2)
    const hosting = room.host('ann', {}, ann)
    const gameId = await room.run(gameIdHeardOn(ghost))
    await ghost.broadcast(encodePresence({ announcement: { role: 'joiner', gameId }, asks: false }))
    await room.clock.advance(100)
    const [host] = await room.run(Promise.all([hosting, room.join('bob')]), 2 * STEP_TIMEOUT_MS)
    expect(seated(host)).toEqual(['ann', 'bob'])
    await room.run(turnsOf(host).propose(1), 1_000)
    await room.clock.advance(1_000)
    expect(host.node.membership.get()).toMatchObject({ voters: new Set(['ann', 'bob']), learners: new Set() })
  })

  it('[GAME-15] garbage on every channel stops nobody', async () => {
    const room = new TestRoom()
    const ann = await room.seam('ann')
    const mux = new MuxSeam(await room.seam('mallory'))
    const hosting = room.host('ann', {}, ann)
    const joining = room.join('bob')
    for (let i = 0; i < 200; i++) {
      for (const tag of [1, 2, 3, 4]) {
        await mux.channel(tag).broadcast(Uint8Array.from({ length: i % 23 }, (_, at) => (i * 31 + at * 7) & 0xff))
      }
    }
    const [host, joiner] = await room.run(Promise.all([hosting, joining]))
    await room.run(turnsOf(joiner).propose(1), 1_000)
    expect(seated(host)).toEqual(['ann', 'bob'])
  })
})

/** The id of the game that a player announces. */
async function gameIdHeardOn(channel: { incoming: AsyncIterable<{ payload: Uint8Array }> }): Promise<string> {
  for await (const { payload } of channel.incoming) {
    const announcement = decodePresence(payload)?.announcement
    if (announcement?.role === 'player') return announcement.gameId
  }
  throw new Error('the channel ended')
}
