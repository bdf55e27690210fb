import { describe, expect, it } from 'vitest'
import type { PeerIdentity } from '../seam/contract.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import { testIdentity, verifyTestSignature } from '../sim/index.ts'
import type { Issuer, RoomState } from './core/room-state.ts'
import { defaultPolicy } from './profile.ts'
import { holdsByRight, issueToken, type Verify } from './resume-credential.ts'

const verify: Verify = (...args) => Promise.resolve(verifyTestSignature(...args))
const [ann, bob, cat, mal] = ['ann', 'bob', 'cat', 'mal'].map(testIdentity) as [
  PeerIdentity,
  PeerIdentity,
  PeerIdentity,
  PeerIdentity,
]

function tokenFrom(issuer: PeerIdentity, owner: PeerIdentity, roomId = 'oak'): Promise<ResumeToken> {
  return issueToken(issuer, { roomId, peerId: owner.id, ownerKey: owner.publicKey, issuedAt: 5, expiresAt: 10 })
}

const founder: Issuer = { epoch: 1, id: 'ann', key: ann.publicKey, title: '', titleIssuedAt: 0 }

async function heir(epoch: number, identity: PeerIdentity, by: PeerIdentity): Promise<Issuer> {
  const title = (await tokenFrom(by, identity)).credential ?? ''
  return { epoch, id: identity.id, key: identity.publicKey, title, titleIssuedAt: 5 }
}

function stateOf(issuers: readonly Issuer[]): RoomState {
  const host = issuers.at(-1)?.id ?? ''
  const counts = { epoch: 9, version: 9, nextSeniority: 9 }
  return { roomId: 'oak', host, policy: defaultPolicy(), issuers, members: [], departed: [], ...counts }
}

describe('the right of a host', () => {
  it('[RESUME-7] leads from the issuer of our token by titles, each of an earlier host', async () => {
    const mine = await tokenFrom(ann, mal)
    const chain = [founder, await heir(2, bob, ann), await heir(3, cat, ann)]
    expect(await holdsByRight(verify, stateOf(chain.slice(0, 1)), 'ann', mine)).toBe(true)
    expect(await holdsByRight(verify, stateOf(chain), 'cat', mine)).toBe(true)
    expect(await holdsByRight(verify, stateOf(chain), 'cat', await tokenFrom(bob, mal))).toBe(false)
    expect(await holdsByRight(verify, stateOf([founder, chain[1]!, await heir(3, cat, bob)]), 'cat', mine)).toBe(true)
  })

  it('[RESUME-7] is not had by who says so', async () => {
    const mine = await tokenFrom(ann, bob)
    const self = { ...founder, id: 'mal', key: mal.publicKey }
    for (const issuers of [
      [self],
      [founder, self],
      [founder, await heir(2, mal, mal)],
      [founder, { ...(await heir(2, mal, ann)), key: cat.publicKey }],
      [founder, { ...(await heir(2, mal, ann)), titleIssuedAt: 6 }],
      [founder, { ...(await heir(2, mal, ann)), id: 'cat' }],
    ]) {
      const state = stateOf(issuers)
      expect(await holdsByRight(verify, state, state.host, mine), JSON.stringify(issuers.at(-1)?.id)).toBe(false)
    }
    const state = stateOf([founder, await heir(2, cat, ann)])
    expect(await holdsByRight(verify, state, 'mal', mine)).toBe(false)
    expect(await holdsByRight(verify, state, 'cat', { ...mine, roomId: 'elm' })).toBe(false)
  })
})
