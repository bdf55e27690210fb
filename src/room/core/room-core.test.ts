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
