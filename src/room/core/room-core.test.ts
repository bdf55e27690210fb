import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/index.ts'
import { defaultPolicy } from '../profile.ts'
import type { Hello, Here } from './message.ts'
import { PROTOCOL_VERSION } from './message.ts'
import { RoomCore, type RoomInput } from './room-core.ts'

const timing = { intervalMs: 100, minTimeoutMs: 300, maxTimeoutMs: 400, windowMs: 2_000, tokenLifeMs: 86_400_000 }
const key = new Uint8Array(65)
const token = { peerId: 'ann', roomId: 'oak', issuedAt: 0 }

/** A host's core, linked to `bob`. */
function hostingCore(policy = defaultPolicy()) {
  const core = new RoomCore({ selfId: 'ann', key, timing, random: seededRandom(1) }, 0)
  const about = { roomId: 'oak', epoch: 1, version: 1, host: 'ann', policy, nextSeniority: 1, departed: [] }
  const profile = { name: 'ann', deviceId: null, metadata: new Uint8Array(0), spectator: false }
  const ann = { ...profile, id: 'ann', key, hidden: false, seniority: 0, resumes: 0, was: null, away: null }
  const issuers = [{ epoch: 1, id: 'ann', key, title: '', titleIssuedAt: 0 }]
  const take = (input: RoomInput) => core.step(input, 0)
  take({ kind: 'found', token, state: { ...about, issuers, members: [ann] } })
  take({ kind: 'links', peers: new Set(['bob']) })
  /** A hello of bob's over the nonce that its knock brings. */
  const hello = (): Hello => {
    const effects = take({ kind: 'message', from: 'bob', message: { kind: 'knock', version: 1, roomId: null } })
    const here = effects.find((effect) => effect.kind === 'send' && effect.message.kind === 'here')
    if (here?.kind !== 'send') throw new Error('no answer to a knock')
    const { nonce } = here.message as Here
    const none = new Uint8Array(0)
    const said = { ...profile, name: 'bob' }
    return {
      kind: 'hello',
      version: PROTOCOL_VERSION,
      nonce,
      epoch: 0,
      profile: said,
      key,
      password: none,
      token: null,
      proof: none,
    }
  }
  return { core, take, hello }
}

/** A host's core with bob as its member. */
function hostingBob() {
  const hosting = hostingCore()
  const hello = hosting.hello()
  hosting.take({ kind: 'message', from: 'bob', message: hello })
  const vetting = { token: 'none', passwordKnown: true, answer: { kind: 'admit' } } as const
  hosting.take({ kind: 'vetted', from: 'bob', hello, vetting })
  return hosting
}

describe('a refusal', () => {
  it('[ROOM-27] of one that was not asked is dropped and counted', () => {
    const { core, take } = hostingBob()
    const message = { kind: 'reject', code: 'banned', retryable: false } as const
    expect(take({ kind: 'message', from: 'bob', message })).toEqual([])
    expect([core.phase, core.disbelieved]).toEqual(['inside', 1])
  })
})

describe('a change of the roster', () => {
  it('[ROOM-28] that comes too often is said with the next ones, and said in the end', () => {
    const { core, take } = hostingBob()
    const said: number[] = []
    const tell = (effects: ReturnType<typeof take>): void => {
      for (const effect of effects) {
        if (effect.kind === 'send' && effect.message.kind === 'roster') said.push(effect.message.state.version)
      }
    }
    for (let i = 0; i < 100; i++) {
      const message = { kind: 'presence', presence: i % 2 === 0 ? 'hidden' : 'here' } as const
      tell(take({ kind: 'message', from: 'bob', message }))
    }
    expect(said.length).toBeGreaterThan(0)
    expect(said.length).toBeLessThanOrEqual(8)
    tell(core.step({ kind: 'tick', stalled: new Set() }, timing.intervalMs))
    expect(said.at(-1)).toBe(core.state?.version)
  })
})

describe('a hello that is under examination', () => {
  it('[ADMIT-9] of a member that is kicked meanwhile is examined again, as a newcomer’s', () => {
    const { core, take, hello } = hostingCore()
    const asNewcomer = { token: 'none', passwordKnown: true, answer: { kind: 'admit' } } as const
    const asMember = { token: 'none', passwordKnown: true, answer: null } as const
    const first = hello()
    take({ kind: 'message', from: 'bob', message: first })
    take({ kind: 'vetted', from: 'bob', hello: first, vetting: asNewcomer })
    expect(core.state?.members.map(({ id }) => id)).toEqual(['ann', 'bob'])

    const second = hello()
    take({ kind: 'message', from: 'bob', message: second })
    take({ kind: 'kick', peer: 'bob', ban: false })
    const effects = take({ kind: 'vetted', from: 'bob', hello: second, vetting: asMember })
    expect(effects).toContainEqual({ kind: 'vet', from: 'bob', hello: second })
    expect(core.state?.members.map(({ id }) => id)).toEqual(['ann'])
    take({ kind: 'vetted', from: 'bob', hello: second, vetting: { ...asNewcomer, passwordKnown: false } })
    expect(core.state?.members.map(({ id }) => id)).toEqual(['ann'])
  })
})
