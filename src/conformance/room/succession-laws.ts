import { expect } from 'vitest'
import { roomLaw, type RoomLaw } from './room-harness.ts'
import { bytesOf } from './room-harness.ts'

export const successionLaws: readonly RoomLaw[] = [
  roomLaw(
    'SUCC-1',
    'a host that leaves hands over to the member that came first, and newcomers find it',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      const beganMs = trial.harness.clock.now()
      await trial.settle(ann.leave())
      await trial.hosted([bob, cat], 'bob')
      expect(trial.harness.clock.now() - beganMs, 'without a window').toBeLessThan(trial.timing.windowMs)
      expect(bob.role.get()).toBe('host')
      await trial.shows(cat, 'bob*')
      expect(trial.kinds(cat).slice(-2)).toEqual(['left:left', 'host-changed'])
      const dan = await trial.join('dan')
      expect(dan.roomId.get()).toBe(cat.roomId.get())
      await trial.shows(dan, 'bob*', 'cat')
    },
  ),

  roomLaw(
    'SUCC-2',
    'a host that vanishes is succeeded after its window, roster, rules and tokens intact',
    async (trial) => {
      const ann = await trial.host('ann', { policy: { password: 'oak', maxMembers: 4 } })
      const bob = await trial.join('bob', { password: 'oak' })
      const cat = await trial.join('cat', { password: 'oak' })
      const dan = await trial.join('dan', { password: 'oak' })
      ann.setPolicy({ locked: true })
      await trial.eventually(() => bob.policy.get().locked, true)
      await trial.vanish('dan')
      await trial.shows(cat, 'ann*', 'bob', 'dan?')
      const token = dan.resumeToken ?? expect.fail('a member has a token')
      await trial.vanish('ann')
      await trial.shows(cat, 'ann*?', 'bob', 'dan?')
      await trial.hosted([bob, cat], 'bob')
      expect(bob.policy.get()).toMatchObject({ password: 'oak', locked: true, maxMembers: 4 })
      expect(cat.policy.get()).toMatchObject({ password: 'oak', locked: true, maxMembers: 4 })
      expect(await trial.failure(trial.join('eve', { password: 'oak' }))).toMatchObject({ reason: 'room-locked' })
      if (bob.roster.get().has(dan.selfId)) await trial.join('dan', { token })
      expect(trial.kinds(cat, 'ann').slice(-2)).toEqual(['away:transport-closed', 'left:expired'])
    },
  ),

  roomLaw('SUCC-3', 'the one who is left of two takes over, and lets others in', async (trial) => {
    const [, bob] = await trial.gather('ann', 'bob')
    await trial.vanish('ann')
    await trial.hosted([bob], 'bob')
    expect(bob.role.get()).toBe('host')
    const cat = await trial.join('cat')
    await trial.shows(cat, 'bob*')
  }),

  roomLaw('SUCC-4', 'with the best placed gone as well, the next takes over', async (trial) => {
    const [, , cat, dan] = await trial.gather('ann', 'bob', 'cat', 'dan')
    await trial.vanish('ann')
    await trial.vanish('bob')
    await trial.hosted([cat, dan], 'cat')
    await trial.shows(dan, 'cat*')
    await trial.shows(cat, 'dan')
  }),

  roomLaw('SUCC-5', 'who is cut off from the host, and hears that it is well, does not take over', async (trial) => {
    const rooms = await trial.gather('ann', 'bob', 'cat')
    await trial.session.cut('ann', 'bob')
    await trial.elapse(2 * trial.timing.windowMs)
    await trial.hosted(rooms, 'ann')
    for (const room of rooms) expect(trial.kinds(room)).not.toContain('host-changed')
  }),

  roomLaw(
    'SUCC-6',
    'two hosts after a healed split become the one with more members, and nobody loses its name',
    async (trial) => {
      const names = ['ann', 'bob', 'cat', 'dan', 'eve'] as const
      const rooms = await trial.gather(...names)
      const [ann, bob, cat, dan, eve] = rooms
      await trial.cut(['ann', 'bob'], ['cat', 'dan', 'eve'])
      await trial.hosted([cat, dan, eve], 'cat')
      await trial.hosted([ann, bob], 'ann')
      await trial.heal()
      await trial.hosted(rooms, 'cat')
      for (const [i, room] of rooms.entries()) {
        const others = names.filter((_, j) => j !== i).map((name) => (name === 'cat' ? 'cat*' : name))
        await trial.shows(room, ...others)
        expect(room.status.get()).toEqual({ kind: 'member' })
      }
      const heard = trial.hear(eve.incoming)
      await trial.settle(ann.broadcast(bytesOf('here again')))
      await trial.eventually(() => heard, ['ann: here again'])
    },
  ),

  roomLaw('SUCC-7', 'a stranger that says that it hosts is not believed', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const seam = await trial.seam('mal')
    const forger = await trial.adopt('mal', seam, { role: 'host', roomId: ann.roomId.get() ?? '' })
    await trial.elapse(trial.timing.maxTimeoutMs)
    await trial.hosted([ann, bob], 'ann')
    await trial.vanish('ann')
    await trial.hosted([bob], 'bob')
    expect(forger.roster.get().size).toBe(0)
    expect(trial.shown(bob)).toEqual([])
  }),

  roomLaw('SUCC-8', 'a host that is heard again inside its window is still the host', async (trial) => {
    const rooms = await trial.gather('ann', 'bob', 'cat')
    await trial.cut(['ann'], ['bob', 'cat'])
    await trial.shows(rooms[1], 'ann*?', 'cat')
    await trial.elapse(trial.timing.windowMs / 4)
    await trial.heal()
    await trial.shows(rooms[1], 'ann*', 'cat')
    await trial.elapse(1.5 * trial.timing.windowMs)
    await trial.hosted(rooms, 'ann')
    for (const room of rooms) expect(room.roster.get().size).toBe(2)
  }),
]
