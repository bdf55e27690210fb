import { expect } from 'vitest'
import type { Room } from '../../room/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import { bytesOf, roomLaw, type RoomLaw } from './room-harness.ts'

const INVALID = { kind: 'refused', code: 'resume-token-invalid', retryable: false }
const SUCCESS = { kind: 'success' }

/** As an application keeps it. */
function tokenOf(room: Room): ResumeToken {
  return JSON.parse(JSON.stringify(room.resumeToken ?? expect.fail('a member has a token'))) as ResumeToken
}

export const resumeLaws: readonly RoomLaw[] = [
  roomLaw('RESUME-1', 'a token brings a new page in as the same member: nobody left, nobody joined', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    const token = tokenOf(bob)
    for (const noticed of [true, false]) {
      await trial.vanish('bob')
      if (noticed) await trial.shows(ann, 'bob?', 'cat')
      const before = [ann, cat].map((room) => trial.events(room).length)
      const back = await trial.join('bob', { token })
      await trial.shows(back, 'ann*', 'cat')
      for (const [i, room] of [ann, cat].entries()) {
        await trial.eventually(() => trial.kinds(room, 'bob').at(-1), 'resumed')
        const since = trial
          .events(room)
          .slice(before[i])
          .map(({ kind }) => kind)
        expect(since).not.toContain('joined')
        expect(since).not.toContain('left')
      }
    }
    await trial.shows(cat, 'ann*', 'bob')
  }),

  roomLaw('RESUME-2', 'who returns passes no gate for newcomers', async (trial) => {
    const ann = await trial.host('ann', { policy: { password: 'oak', maxMembers: 2 } })
    const bob = await trial.join('bob', { password: 'oak' })
    ann.setPolicy({ locked: true })
    const token = tokenOf(bob)
    await trial.vanish('bob')
    await trial.join('bob-2', { token, keyOf: 'bob' })
    await trial.shows(ann, 'bob-2')
  }),

  roomLaw(
    'RESUME-3',
    'a token that was forged or altered is refused for good, the genuine one works right after',
    async (trial) => {
      const [ann, bob] = await trial.gather('ann', 'bob')
      const token = tokenOf(bob)
      await trial.vanish('bob')
      await trial.shows(ann, 'bob?')
      const credential = token.credential ?? ''
      const at = credential.length - 8
      const altered = `${credential.slice(0, at)}${credential[at] === 'A' ? 'B' : 'A'}${credential.slice(at + 1)}`
      for (const bad of [
        { ...token, credential: undefined },
        { ...token, credential: 'none' },
        { ...token, credential: altered },
        { ...token, issuedAt: token.issuedAt + 1 },
        { ...token, peerId: ann.selfId },
        { ...token, roomId: 'elsewhere' },
      ]) {
        const refused = await trial.failure(trial.join('bob', { token: bad }))
        expect(refused, JSON.stringify(bad)).toMatchObject({ reason: 'resume-token-invalid', retryable: false })
        expect(trial.shown(ann)).toEqual(['bob?'])
      }
      await trial.join('bob', { token })
      await trial.shows(ann, 'bob')
    },
  ),

  roomLaw('RESUME-4', 'a stolen token is of no use without its owner’s key, under any id', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const token = tokenOf(bob)
    await trial.vanish('bob')
    await trial.shows(ann, 'bob?')
    for (const [name, keyOf] of [
      ['mal', 'mal'],
      ['bob', 'mal'],
    ] as const) {
      const refused = await trial.failure(trial.join(name, { token, keyOf }))
      expect(refused, name).toMatchObject({ reason: 'resume-token-invalid', retryable: false })
    }
    expect(trial.shown(ann)).toEqual(['bob?'])
    await trial.join('bob', { token })
  }),

  roomLaw('RESUME-5', 'its owner may come back under another id, once the old one is away', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    const token = tokenOf(bob)
    const early = trial.failure(
      trial.join('bob-2', { token, keyOf: 'bob', admitTimeoutMs: 5 * trial.timing.intervalMs }),
    )
    expect(await early).toMatchObject({ code: 'JoinTimeoutError' })
    expect(trial.shown(ann).toSorted()).toEqual(['bob', 'cat'])
    await trial.vanish('bob')
    const back = await trial.join('bob-2', { token, keyOf: 'bob' })
    for (const room of [ann, cat]) {
      await trial.eventually(() => trial.events(room).at(-1), { kind: 'resumed', peer: back.selfId, was: bob.selfId })
    }
    await trial.shows(cat, 'ann*', 'bob-2')
    expect(back.resumeToken?.peerId).toBe(back.selfId)
  }),

  roomLaw(
    'RESUME-6',
    'after its window a token is refused as expired, and the peer may come in anew',
    async (trial) => {
      const [ann, bob] = await trial.gather('ann', 'bob')
      const token = tokenOf(bob)
      await trial.vanish('bob')
      await trial.eventually(() => trial.kinds(ann, 'bob').at(-1), 'left:expired')
      const late = await trial.failure(trial.join('bob', { token }))
      expect(late).toMatchObject({ reason: 'resume-window-expired', retryable: false })
      await trial.join('bob')
      await trial.eventually(() => trial.kinds(ann, 'bob').filter((kind) => kind === 'joined').length, 2)
    },
  ),

  roomLaw('RESUME-7', 'a token works with whoever hosts by now, twice over', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    const token = tokenOf(cat)
    await trial.vanish('cat')
    await trial.shows(ann, 'bob', 'cat?')
    await trial.settle(ann.leave())
    await trial.hosted([bob], 'bob')
    const back = await trial.join('cat', { token })
    await trial.shows(back, 'bob*')
    await trial.vanish('cat')
    await trial.shows(bob, 'cat?')
    await trial.shows(await trial.join('cat', { token: tokenOf(back) }), 'bob*')
  }),

  roomLaw('RESUME-8', 'a host whose page reloaded comes back as a member, and another hosts', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    const token = tokenOf(ann)
    await trial.vanish('ann')
    const back = await trial.join('ann', { token })
    await trial.hosted([bob, cat, back], 'bob')
    await trial.shows(cat, 'ann', 'bob*')
    expect(trial.kinds(cat, 'ann')).not.toContain('left:expired')
    expect(trial.kinds(cat, 'ann')).toContain('resumed')
  }),

  roomLaw('RESUME-9', 'a torn seam is replaced, and the member is back: once, twice, three times', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const heard = trial.hear(ann.incoming)
    for (const i of [1, 2, 3]) {
      await trial.vanish('bob')
      await trial.eventually(() => bob.status.get(), { kind: 'rejoining' })
      bob.reattach(await trial.seam('bob'))
      expect(await trial.settle(bob.resume(tokenOf(bob)))).toEqual(SUCCESS)
      expect(await trial.settle(bob.resume(tokenOf(bob)))).toEqual(SUCCESS)
      await trial.shows(ann, 'bob')
      await trial.settle(bob.broadcast(bytesOf(`back ${i}`)))
      await trial.eventually(() => heard.at(-1), `bob: back ${i}`)
    }
    expect(trial.kinds(ann, 'bob').filter((kind) => kind === 'resumed').length).toBeGreaterThanOrEqual(3)
    expect(heard).toHaveLength(3)
  }),

  roomLaw('RESUME-10', 'calls under way share one answer within a bound; the next call asks afresh', async (trial) => {
    const [, bob] = await trial.gather('ann', 'bob')
    const token = tokenOf(bob)
    await trial.vanish('bob')
    const both = Promise.all([bob.resume(token), bob.resume(token)])
    expect(await trial.settle(both)).toEqual([{ kind: 'timed-out' }, { kind: 'timed-out' }])
    const reason = new Error("the caller's own")
    const aborting = new AbortController()
    const abandoned = trial.failure(bob.resume(token, { signal: aborting.signal }))
    aborting.abort(reason)
    expect(await abandoned).toBe(reason)
    bob.reattach(await trial.seam('bob'))
    expect(await trial.settle(bob.resume(token))).toEqual(SUCCESS)
  }),

  roomLaw('RESUME-11', 'a token of another room, or of somebody else, costs the genuine one nothing', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const token = tokenOf(bob)
    await trial.vanish('bob')
    await trial.shows(ann, 'bob?')
    bob.reattach(await trial.seam('bob'))
    expect(await trial.settle(bob.resume({ ...token, roomId: 'elsewhere' }))).toEqual(INVALID)
    expect(await trial.settle(bob.resume(token))).toEqual(SUCCESS)
    expect(await trial.settle(bob.resume({ ...token, roomId: 'elsewhere' }))).toEqual(INVALID)
    expect(await trial.settle(bob.resume(tokenOf(ann)))).toEqual(INVALID)
    await trial.shows(ann, 'bob')
  }),

  roomLaw('RESUME-12', 'a host that reattaches inside its window hosts on', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    await trial.vanish('ann')
    await trial.shows(bob, 'ann*?', 'cat')
    ann.reattach(await trial.seam('ann'))
    await trial.shows(bob, 'ann*', 'cat')
    await trial.shows(ann, 'bob', 'cat')
    await trial.elapse(trial.timing.windowMs)
    await trial.hosted([ann, bob, cat], 'ann')
    expect(ann.role.get()).toBe('host')
  }),

  roomLaw('RESUME-13', 'a torn seam that nobody replaces ends the room with its window', async (trial) => {
    const [, bob] = await trial.gather('ann', 'bob')
    const token = tokenOf(bob)
    await trial.vanish('bob')
    await trial.eventually(() => bob.status.get(), { kind: 'ended', reason: 'unreachable' })
    expect(await trial.settle(bob.resume(token))).toMatchObject({ kind: 'refused', retryable: false })
    await trial.settle(bob.broadcast(bytesOf('nothing comes of this')))
    await trial.settle(bob.leave())
  }),
]
