import { expect } from 'vitest'
import { AdmissionRefusedError, JoinTimeoutError, NotHostError } from '../../base/errors.ts'
import type { PeerId, Seam, SendOptions } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { bytesOf, type LawRoomOptions, roomLaw, type RoomLaw, type RoomTrial } from './room-harness.ts'

/** How `name` is refused, as `reason` and whether to try again. */
async function refusal(
  trial: RoomTrial,
  name: string,
  options: LawRoomOptions = {},
): Promise<readonly [string, boolean]> {
  const failure = await trial.failure(trial.join(name, options))
  expect(failure, `of ${name}`).toBeInstanceOf(AdmissionRefusedError)
  const { reason, retryable } = failure as AdmissionRefusedError
  return [reason, retryable]
}

export const admissionLaws: readonly RoomLaw[] = [
  roomLaw('ADMIT-1', 'a room holds so many members and so many spectators; a place left is free', async (trial) => {
    const ann = await trial.host('ann', { policy: { maxMembers: 2, maxSpectators: 1 } })
    const bob = await trial.join('bob')
    await trial.join('eve', { spectator: true })
    expect(await refusal(trial, 'cat')).toEqual(['room-full', true])
    expect(await refusal(trial, 'fay', { spectator: true })).toEqual(['room-full', true])
    await trial.settle(bob.leave())
    await trial.join('cat')
    await trial.shows(ann, 'cat', 'eve')
  }),

  roomLaw('ADMIT-2', 'who does not know the password is kept out, and never told it', async (trial) => {
    const ann = await trial.host('ann', { policy: { password: 'sesame' } })
    const overheard: string[] = []
    const spy = new SpiedSeam(await trial.seam('mal'), (text) => overheard.push(text))
    const sneaking = await trial.failure(trial.adopt('mal', spy, { role: 'joiner', password: 'guess' }))
    expect(sneaking).toMatchObject({ reason: 'wrong-password', retryable: false })
    expect(await refusal(trial, 'cat')).toEqual(['wrong-password', false])
    await trial.join('bob', { password: 'sesame' })
    await trial.shows(ann, 'bob')
    expect(overheard.length, 'frames that were spied on').toBeGreaterThan(0)
    expect(overheard.join('\n')).not.toContain('sesame')
  }),

  roomLaw('ADMIT-3', 'lists and lock decide over newcomers from the moment they are set', async (trial) => {
    const [bobId, catId] = [await trial.idOf('bob'), await trial.idOf('cat')]
    const ann = await trial.host('ann', { policy: { allow: new Set([bobId, catId]), deny: new Set([catId]) } })
    expect(await refusal(trial, 'dan')).toEqual(['not-allowed', false])
    expect(await refusal(trial, 'cat')).toEqual(['banned', false])
    await trial.join('bob')
    ann.setPolicy({ allow: null, deny: new Set(), locked: true })
    expect(await refusal(trial, 'cat')).toEqual(['room-locked', true])
    ann.setPolicy({ locked: false })
    await trial.join('cat')
    await trial.shows(ann, 'bob', 'cat')
  }),

  roomLaw(
    'ADMIT-4',
    'the application has the last word: its code, whether to try again, and its throw',
    async (trial) => {
      const asked: string[] = []
      await trial.host('ann', {
        admit: async ({ name }) => {
          asked.push(name)
          if (name === 'Mallory') throw new Error('no')
          return name === 'Cat' ? { kind: 'refuse', code: 'too-late', retryable: true } : { kind: 'admit' }
        },
      })
      await trial.join('bob', { memberName: 'Bob' })
      expect(await refusal(trial, 'mal', { memberName: 'Mallory' })).toEqual(['refused', false])
      expect(await refusal(trial, 'cat', { memberName: 'Cat' })).toEqual(['too-late', true])
      expect([...new Set(asked)]).toEqual(['Bob', 'Mallory', 'Cat'])
    },
  ),

  roomLaw('ADMIT-5', 'a kick ends membership and token, a ban keeps out; both are the host’s alone', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    expect(() => bob.kick(cat.selfId)).toThrow(NotHostError)
    expect(() => bob.setPolicy({ locked: true })).toThrow(NotHostError)
    const token = cat.resumeToken ?? expect.fail('a member has a token')
    ann.kick(bob.selfId)
    ann.kick(cat.selfId, { ban: true })
    await trial.eventually(() => bob.status.get(), { kind: 'ended', reason: 'kicked' })
    await trial.eventually(() => cat.status.get(), { kind: 'ended', reason: 'banned' })
    await trial.shows(ann)
    expect(trial.kinds(ann).slice(-2)).toEqual(['left:kicked', 'left:banned'])
    await trial.join('bob')
    expect(await refusal(trial, 'cat')).toEqual(['banned', false])
    expect(await refusal(trial, 'cat', { token })).toEqual(['banned', false])
  }),

  roomLaw(
    'ADMIT-6',
    'a join that nobody answers ends within its bound, an aborted one at once; neither leaves a seam',
    async (trial) => {
      const silent = await trial.seam('silent')
      const { clock } = trial.harness
      const beganMs = clock.now()
      const late = await trial.failure(trial.join('bob'))
      expect(late).toBeInstanceOf(JoinTimeoutError)
      expect(clock.now() - beganMs).toBeGreaterThanOrEqual(trial.timing.admitTimeoutMs)
      await trial.eventually(() => silent.peers.get().size, 1)
      const reason = new Error('changed my mind')
      const aborting = new AbortController()
      const joining = trial.failure(trial.join('bob', { signal: aborting.signal, admitTimeoutMs: 600_000 }))
      await trial.quiet()
      aborting.abort(reason)
      expect(await joining).toBe(reason)
      await trial.eventually(() => silent.peers.get().size, 1)
    },
  ),

  roomLaw('ADMIT-7', 'whichever frame of the handshake is lost, it is said again', async (trial) => {
    const forgetful = new ForgetfulSeam(await trial.seam('ann'))
    await trial.adopt('ann', forgetful, { role: 'host' })
    for (const [i, name] of ['bob', 'cat', 'dan', 'eve', 'fay', 'gus'].entries()) {
      const seam = new ForgetfulSeam(await trial.seam(name))
      const victim = i % 2 === 0 ? seam : forgetful
      victim.forgetAfter(Math.floor(i / 2))
      const room = await trial.adopt(name, seam, { role: 'joiner' })
      expect(room.status.get()).toEqual({ kind: 'member' })
      expect(victim.forgot, 'frames that were lost').toBe(1)
    }
  }),

  roomLaw('ADMIT-8', 'what cannot be said is a RangeError before anything is', async (trial) => {
    for (const options of [
      { memberName: '' },
      { memberName: 'ß'.repeat(65) },
      { roomId: '' },
      { deviceId: 'x'.repeat(129) },
      { metadata: new Uint8Array(1025) },
      { policy: { maxMembers: 0 } },
      { policy: { password: '' } },
      { intervalMs: 0 },
      { windowMs: Number.NaN },
    ] satisfies LawRoomOptions[]) {
      expect(await trial.failure(trial.host('ann', options)), JSON.stringify(options)).toBeInstanceOf(RangeError)
    }
    const ann = await trial.host('ann', { memberName: 'ß'.repeat(64) })
    expect(() => ann.setPolicy({ maxMembers: 65 })).toThrow(RangeError)
    expect(ann.policy.get().maxMembers).not.toBe(65)
    await trial.settle(ann.broadcast(bytesOf('well')))
  }),
]

/** Loses one frame of those that it sends. */
class ForgetfulSeam extends DelegateSeam {
  forgot = 0
  #left = -1

  /** The next but `count`. */
  forgetAfter(count: number): void {
    this.forgot = 0
    this.#left = count
  }

  override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    if (this.#left-- !== 0) return super.sendTo(peer, payload, options)
    this.forgot++
    return Promise.resolve()
  }
}

/** Tells what it receives. */
class SpiedSeam extends DelegateSeam {
  readonly #onText: (text: string) => void

  constructor(inner: Seam, onText: (text: string) => void) {
    super(inner)
    this.#onText = onText
  }

  override get incoming(): Seam['incoming'] {
    const { incoming } = this.inner
    const onText = this.#onText
    return {
      async *[Symbol.asyncIterator]() {
        for await (const swatch of incoming) {
          onText(new TextDecoder('latin1').decode(swatch.payload))
          yield swatch
        }
      },
    }
  }
}
