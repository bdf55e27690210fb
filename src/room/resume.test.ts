import { describe, expect, it } from 'vitest'
import { AdmissionRefusedError } from '../base/errors.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import { testIdentity } from '../sim/index.ts'
import type { Room } from './contract.ts'
import { issueToken } from './resume-credential.ts'
import { bytes, Party, shown, texts } from './test-support/party.ts'

const simulated = { simulated: true } as const

function tokenOf(room: Room): ResumeToken {
  if (room.resumeToken === null) throw new Error('no token')
  return structuredClone(room.resumeToken)
}

describe('a resume token', () => {
  it('[RESUME-1] brings a reloaded page back as the same member: no one left, no one joined', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const token = JSON.parse(JSON.stringify(tokenOf(bob!))) as ResumeToken
    party.network.crash('bob')
    await party.advance(300)
    const back = await party.join('bob', { token, memberName: 'bob' })
    await party.advance(50)
    expect(shown(back)).toEqual(['ann*', 'cat'])
    expect(shown(cat!)).toEqual(['ann*', 'bob'])
    expect(party.kinds(cat!, 'bob').slice(-2)).toEqual(['away:transport-closed', 'resumed'])
    expect(party.kinds(ann!, 'bob').slice(-2)).toEqual(['away:transport-closed', 'resumed'])
  })

  it('[RESUME-1] before anybody has noticed that the old page is gone, too', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const token = tokenOf(bob!)
    party.network.crash('bob')
    await party.join('bob', { token })
    expect(shown(ann!)).toEqual(['bob'])
    expect(party.kinds(ann!, 'bob')).not.toContain('left:expired')
  })

  it('[RESUME-2] passes every gate for newcomers: password, lock, capacity, the application', async () => {
    const party = new Party(simulated)
    const policy = { password: 'oak', maxMembers: 2 }
    const asked: string[] = []
    const admit = ({ id }: { id: string }) => {
      asked.push(id)
      return { kind: 'admit' } as const
    }
    const ann = await party.host('ann', { policy, admit })
    const bob = await party.join('bob', { password: 'oak' })
    ann.setPolicy({ locked: true })
    const token = tokenOf(bob)
    party.network.crash('bob')
    await party.join('bob', { token })
    expect(shown(ann)).toEqual(['bob'])
    expect(asked).toEqual(['bob'])
  })

  it('[RESUME-3] forged, altered, or of another room: refused for good, and the genuine one still works', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const token = tokenOf(bob!)
    const other = new Party()
    const foreign = tokenOf(await other.host('bob'))
    party.network.crash('bob')
    await party.advance(300)
    const credential = token.credential ?? ''
    const flipped = `${credential.slice(0, -4)}${credential.at(-4) === 'A' ? 'B' : 'A'}${credential.slice(-3)}`
    for (const bad of [
      { ...token, credential: undefined },
      { ...token, credential: '' },
      { ...token, credential: '!!' },
      { ...token, credential: flipped },
      { ...token, issuedAt: token.issuedAt + 1 },
      { ...token, peerId: 'ann' },
      { peerId: 'bob', roomId: token.roomId, issuedAt: 1 },
      { ...foreign, roomId: token.roomId },
      foreign,
    ]) {
      const refused = await party.join('bob', { token: bad }).catch((error: unknown) => error)
      expect(refused, JSON.stringify(bad)).toBeInstanceOf(AdmissionRefusedError)
      expect(refused).toMatchObject({ reason: 'resume-token-invalid', retryable: false })
    }
    expect(shown(ann!)).toEqual(['bob?'])
    await party.join('bob', { token })
    expect(shown(ann!)).toEqual(['bob'])
  })

  it('[RESUME-3] issued by its owner to itself: refused', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const own = testIdentity('bob')
    const { roomId, peerId, issuedAt } = tokenOf(bob!)
    const token = await issueToken(own, { roomId, peerId, ownerKey: own.publicKey, issuedAt, expiresAt: 2 ** 45 })
    party.network.crash('bob')
    const refused = await party.join('bob', { token }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ reason: 'resume-token-invalid', retryable: false })
    expect(party.kinds(ann!, 'bob')).not.toContain('resumed')
  })

  it('[RESUME-4] stolen, it is of no use without its owner’s key, whatever id the thief has', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const token = tokenOf(bob!)
    party.network.crash('bob')
    await party.advance(300)
    for (const [name, options] of [
      ['mal', {}],
      ['bob', { identity: testIdentity('mal') }],
    ] as const) {
      const refused = await party.join(name, { token, ...options }).catch((error: unknown) => error)
      expect(refused).toMatchObject({ reason: 'resume-token-invalid', retryable: false })
    }
    expect(shown(ann!)).toEqual(['bob?'])
    await party.join('bob', { token })
  })

  it('[RESUME-5] brings its owner back under another peer id, as the same member, once the old one is away', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const token = tokenOf(bob!)
    const identity = testIdentity('bob')
    const held = await party.join('bob-2', { token, identity, admitTimeoutMs: 500 }).catch((error: unknown) => error)
    expect(held).toMatchObject({ code: 'JoinTimeoutError' })
    party.network.crash('bob')
    const back = await party.join('bob-2', { token, identity, memberName: 'Bob' })
    await party.advance(50)
    expect(shown(ann!)).toEqual(['bob-2', 'cat'])
    expect(shown(cat!)).toEqual(['ann*', 'bob-2'])
    expect(party.watch(cat!).at(-2)).toEqual({ kind: 'resumed', peer: 'bob-2', was: 'bob' })
    expect(back.resumeToken).toMatchObject({ peerId: 'bob-2' })
  })

  it('[RESUME-6] is refused as expired after its window, and after its own time', async () => {
    const party = new Party({ ...simulated, tokenLifeMs: 4_000 })
    const [, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const token = tokenOf(bob!)
    party.network.crash('bob')
    await party.advance(3_000)
    const late = await party.join('bob', { token }).catch((error: unknown) => error)
    expect(late).toMatchObject({ reason: 'resume-window-expired', retryable: false })
    const old = tokenOf(cat!)
    await party.advance(4_000)
    expect(cat!.resumeToken?.expiresAt).toBeGreaterThan(old.expiresAt ?? 0)
    party.network.crash('cat')
    await party.advance(300)
    const aged = await party.join('cat', { token: old }).catch((error: unknown) => error)
    expect(aged).toMatchObject({ reason: 'resume-window-expired', retryable: false })
  })

  it('[RESUME-7] works with whoever hosts by now', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const token = tokenOf(cat!)
    party.network.crash('cat')
    await party.advance(300)
    await party.settle(ann!.leave())
    await party.advance(50)
    expect(bob!.role.get()).toBe('host')
    const back = await party.join('cat', { token })
    expect(shown(back)).toEqual(['bob*'])
    const again = tokenOf(back)
    party.network.crash('cat')
    await party.advance(300)
    expect(shown(await party.join('cat', { token: again }))).toEqual(['bob*'])
  })

  it('[RESUME-8] a reloaded host comes back as a member, and the best-placed one hosts at once', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const token = tokenOf(ann!)
    party.network.crash('ann')
    const back = await party.join('ann', { token })
    await party.advance(100)
    expect([bob!.role.get(), cat!.host.get(), back.host.get()]).toEqual(['host', 'bob', 'bob'])
    expect(shown(cat!).toSorted()).toEqual(['ann', 'bob*'])
  })
})

describe('reattach and resume', () => {
  it('[RESUME-9] a torn seam is replaced, and the member resumes by itself', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    party.network.crash('bob')
    await party.advance(100)
    expect(bob!.status.get()).toEqual({ kind: 'rejoining' })
    bob!.reattach(await party.seam('bob'))
    expect(await party.settle(bob!.resume(tokenOf(bob!)))).toEqual({ kind: 'success' })
    await party.advance(50)
    expect(bob!.status.get()).toEqual({ kind: 'member' })
    expect(shown(ann!)).toEqual(['bob'])
    expect(await bob!.resume(tokenOf(bob!))).toEqual({ kind: 'success' })
    const heard = texts(ann!)
    await bob!.broadcast(bytes('back'))
    await party.advance(50)
    expect(heard).toEqual(['bob: back'])
  })

  it('[RESUME-9] a second time, and a third', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    for (let i = 0; i < 3; i++) {
      party.network.crash('bob')
      bob!.reattach(await party.seam('bob'))
      expect(await party.settle(bob!.resume(tokenOf(bob!)))).toEqual({ kind: 'success' })
    }
    expect(party.kinds(ann!, 'bob').filter((kind) => kind === 'resumed')).toHaveLength(3)
  })

  it('[RESUME-10] calls under way share one request; with nobody to answer they time out, and the next asks afresh', async () => {
    const party = new Party(simulated)
    const [, bob] = await party.gather('ann', 'bob')
    const token = tokenOf(bob!)
    party.network.crash('bob')
    const both = Promise.all([bob!.resume(token), bob!.resume(token)])
    expect(await party.settle(both)).toEqual([{ kind: 'timed-out' }, { kind: 'timed-out' }])
    bob!.reattach(await party.seam('bob'))
    expect(await party.settle(bob!.resume(token))).toEqual({ kind: 'success' })
  })

  it('[RESUME-11] a token of another room, or of nobody, is refused and leaves the genuine one working', async () => {
    const party = new Party(simulated)
    const [, bob] = await party.gather('ann', 'bob')
    const token = tokenOf(bob!)
    const invalid = { kind: 'refused', code: 'resume-token-invalid', retryable: false }
    party.network.crash('bob')
    bob!.reattach(await party.seam('bob'))
    expect(await party.settle(bob!.resume({ ...token, roomId: 'elsewhere' }))).toEqual(invalid)
    expect(await party.settle(bob!.resume({ ...token, issuedAt: 5 }))).toEqual(invalid)
    expect(await party.settle(bob!.resume(token))).toEqual({ kind: 'success' })
  })

  it('[RESUME-12] a host goes on hosting over its new seam', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    party.network.crash('ann')
    await party.advance(500)
    expect(shown(bob!)).toEqual(['ann*?', 'cat'])
    ann!.reattach(await party.seam('ann'))
    await party.advance(500)
    expect([ann!.role.get(), bob!.host.get(), cat!.host.get()]).toEqual(['host', 'ann', 'ann'])
    expect(shown(ann!)).toEqual(['bob', 'cat'])
  })

  it('[RESUME-13] without a new seam a room ends with its window', async () => {
    const party = new Party(simulated)
    const [, bob] = await party.gather('ann', 'bob')
    party.network.crash('bob')
    await party.advance(3_000)
    expect(bob!.status.get()).toEqual({ kind: 'ended', reason: 'unreachable' })
    expect(await bob!.resume(tokenOf(bob!))).toMatchObject({ kind: 'refused', retryable: false })
  })
})
