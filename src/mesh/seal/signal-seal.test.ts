import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { concatBytes, fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import type { PeerIdentity } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import { REPLAY_WINDOW } from './replay-window.ts'
import { newRoomSecret } from './room-address.ts'
import { sealKeyOf } from './seal-key.ts'
import { encodeSealedSignal, MAX_BATCH_BODIES, sealContext } from './sealed-signal.ts'
import { MAX_LINE_LENGTH, MAX_SEALED_LENGTH, SignalSeal } from './signal-seal.ts'

let clock = new VirtualClock()
const SECRET = newRoomSecret()

let key: CryptoKey
let otherKey: CryptoKey
let alice: PeerIdentity
let bob: PeerIdentity
let mallory: PeerIdentity

beforeAll(async () => {
  key = await sealKeyOf('app', { room: 'oak', secret: SECRET })
  otherKey = await sealKeyOf('app', { room: 'oak', secret: newRoomSecret() })
  ;[alice, bob, mallory] = await Promise.all([createPeerIdentity(), createPeerIdentity(), createPeerIdentity()])
})

/** One weave's seal, and all that came of it. */
class End {
  readonly at: SignalAddress
  readonly seal: SignalSeal
  readonly sealed: string[] = []
  readonly opened: string[] = []
  readonly unsent: string[] = []

  constructor(identity: PeerIdentity, change: { session?: string; room?: string; key?: CryptoKey } = {}) {
    const { session = `session of ${identity.id}`, room = 'room' } = change
    this.at = { peer: identity.id, session }
    const events = {
      onSealed: (_to: SignalAddress, text: string) => void this.sealed.push(text),
      onOpened: (_from: SignalAddress, body: string) => void this.opened.push(body),
      onUnsent: (_to: SignalAddress, why: string) => void this.unsent.push(why),
    }
    this.seal = new SignalSeal({ key: change.key ?? key, room, identity, session, clock, events })
  }

  /** What `bodies` become on their way to `to`. */
  async write(to: SignalAddress, ...bodies: string[]): Promise<string[]> {
    const before = this.sealed.length
    for (const body of bodies) this.seal.seal(to, body)
    await clock.advance(0)
    return this.sealed.slice(before)
  }

  async read(from: SignalAddress, ...texts: string[]): Promise<Record<string, number>> {
    for (const text of texts) this.seal.open(from, text)
    await clock.advance(0)
    return Object.fromEntries(this.seal.refused)
  }
}

let a: End
let b: End

beforeEach(() => {
  clock = new VirtualClock()
  a = new End(alice)
  b = new End(bob)
})

describe('the seal of signalling', () => {
  it('[SEAL-1] what is sealed for a peer opens there, whole and in order, and nobody reads it on the way', async () => {
    const texts = [...(await a.write(b.at, 'offer é', '')), ...(await a.write(b.at, 'candidate'))]
    for (const text of texts) expect(atob(text.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('offer')
    expect(await b.read(a.at, ...texts)).toEqual({})
    expect(b.opened).toEqual(['offer é', '', 'candidate'])
  })

  it('[SEAL-1] a seal never changes between versions', async () => {
    const known = await sealKeyOf('app', { room: 'oak', secret: 'AAECAwQFBgcICQoLDA0ODw' })
    const reader = new End({ ...bob, id: 'bob' }, { session: 'two', key: known })
    expect(await reader.read({ peer: VECTOR.peer, session: 'one' }, VECTOR.text)).toEqual({})
    expect(reader.opened).toEqual(['hello', 'again'])
  })

  it('[SEAL-7] bodies of one task travel in one signal, up to a bound, and so do those that come meanwhile', async () => {
    expect(await a.write(b.at, 'offer', 'candidate', 'end')).toHaveLength(1)
    expect(await a.write(b.at, ...Array.from({ length: MAX_BATCH_BODIES + 1 }, () => 'x'))).toHaveLength(2)
    expect(await a.write(b.at, 'x'.repeat(20_000), 'y'.repeat(20_000))).toHaveLength(2)
    await b.read(a.at, ...a.sealed)
    expect(b.opened).toHaveLength(3 + MAX_BATCH_BODIES + 1 + 2)
  })

  it('[SEAL-2] what is sealed under another key, or in another room, does not open', async () => {
    const [text] = (await a.write(b.at, 'hello')) as [string]
    expect(await new End(bob, { key: otherKey }).read(a.at, text)).toEqual({ unsealed: 1 })
    expect(await new End(bob, { room: 'another' }).read(a.at, text)).toEqual({ unsealed: 1 })
  })

  it('[SEAL-2] keys differ by application, by secret, and between a name and a secret', async () => {
    const rooms = [
      ['app', { room: 'oak', secret: SECRET }],
      ['app2', { room: 'oak', secret: SECRET }],
      ['app', { room: 'oak', secret: newRoomSecret() }],
      ['app', { room: 'oak', secret: undefined }],
      ['app2', { room: 'oak', secret: undefined }],
      ['app', { room: 'elm', secret: undefined }],
      // The sixteen bytes of the secret, as a name.
      ['app', { room: 'sixteen bytes ok', secret: undefined }],
      ['app', { room: 'oak', secret: toBase64Url(new TextEncoder().encode('sixteen bytes ok')) }],
    ] as const
    const keys = await Promise.all(rooms.map(([app, names]) => sealKeyOf(app, names)))
    for (const [i, writing] of keys.entries()) {
      const [text] = (await new End(alice, { key: writing }).write(b.at, 'hello')) as [string]
      for (const [j, reading] of keys.entries()) {
        const reader = new End(bob, { key: reading })
        expect(await reader.read(a.at, text)).toEqual(i === j ? {} : { unsealed: 1 })
      }
    }
  })

  it('[SEAL-3] a signal opens for the peer and the session it was sealed for, and for nobody else', async () => {
    const [text] = (await a.write(b.at, 'hello')) as [string]
    expect(await new End(mallory).read(a.at, text)).toEqual({ misaddressed: 1 })
    expect(await new End(bob, { session: 'another' }).read(a.at, text)).toEqual({ misaddressed: 1 })
    expect(await new End(mallory, { session: b.at.session }).read(a.at, text)).toEqual({ misaddressed: 1 })
  })

  it("[SEAL-3] a signal said to be another's, or of another session, is refused", async () => {
    const [text] = (await a.write(b.at, 'hello')) as [string]
    expect(await b.read({ ...a.at, peer: mallory.id }, text)).toEqual({ misattributed: 1 })
    expect(await b.read({ ...a.at, session: 'another' }, text)).toEqual({ misattributed: 2 })
    expect(await b.read(a.at, text)).toEqual({ misattributed: 2 })
    expect(b.opened).toEqual(['hello'])
  })

  it('[SEAL-3] a signal sent back to its sender is refused, whoever is said to have sent it', async () => {
    const [text] = (await a.write(b.at, 'hello')) as [string]
    expect(await a.read(b.at, text)).toEqual({ reflected: 1 })
    expect(await a.read(a.at, text)).toEqual({ reflected: 2 })
    expect(await new End(alice, { session: 'another' }).read(a.at, text)).toEqual({ reflected: 1 })
  })

  it('[SEAL-4] a member cannot sign for another', async () => {
    const liar = new End({ ...alice, sign: (bytes) => mallory.sign(bytes) })
    const broken = new End({ ...alice, publicKey: new Uint8Array(65).fill(4) })
    expect(await b.read(a.at, ...(await liar.write(b.at, 'hello')))).toEqual({ forged: 1 })
    expect(await b.read(a.at, ...(await broken.write(b.at, 'hello')))).toEqual({ forged: 2 })
    const own = new End({ ...mallory, id: alice.id }, { session: a.at.session })
    expect(await b.read(a.at, ...(await own.write(b.at, 'hello')))).toEqual({ forged: 2, misattributed: 1 })
    expect(await b.read(a.at, ...(await a.write(b.at, 'hello')))).toEqual({ forged: 2, misattributed: 1 })
    expect(b.opened).toEqual(['hello'])
  })

  it('[SEAL-5] each signal opens once; one that overtook another costs neither', async () => {
    const texts: string[] = []
    for (const body of ['1', '2', '3']) texts.push(...(await a.write(b.at, body)))
    expect(await b.read(a.at, ...texts.toReversed(), ...texts)).toEqual({ replayed: 3 })
    expect(b.opened).toEqual(['3', '2', '1'])
  })

  it('[SEAL-5] one that is a whole window behind is refused', async () => {
    const [first] = (await a.write(b.at, 'first')) as [string]
    for (let i = 1; i < REPLAY_WINDOW; i++) a.seal.seal({ ...b.at, session: `${i}` }, 'to others')
    await clock.advance(0)
    expect(await b.read(a.at, ...(await a.write(b.at, 'last')), first)).toEqual({ stale: 1 })
    expect(b.opened).toEqual(['last'])
  })

  it('[SEAL-5] a recording of one weave is worth nothing in the next, in another room, to or from another', async () => {
    const there = [...(await a.write(b.at, 'offer', 'candidate')), ...(await a.write(b.at, 'end'))]
    const back = await b.write(a.at, 'answer')
    expect(await b.read(a.at, ...there)).toEqual({})
    const elsewhere: [End, SignalAddress, string[]][] = [
      [new End(bob, { session: 'next' }), a.at, there],
      [new End(bob, { room: 'another' }), a.at, there],
      [new End(bob), new End(alice, { session: 'next' }).at, there],
      [new End(mallory), a.at, there],
      [new End(bob), { ...a.at, peer: mallory.id }, there],
      [new End(bob), a.at, back],
      [b, a.at, there],
    ]
    for (const [end, from, texts] of elsewhere) {
      const refused = await end.read(from, ...texts)
      expect(Object.values(refused)).toEqual([texts.length])
    }
    expect(b.opened).toEqual(['offer', 'candidate', 'end'])
  })

  it('[SEAL-6] any text is refused by a gate, and nothing is thrown', async () => {
    const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => toBase64Url(bytes))
    const versioned = fc.uint8Array({ maxLength: 300 }).map((bytes) => toBase64Url(Uint8Array.of(1, ...bytes)))
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), anyBytes, versioned), async (text) => {
        const reader = new End(bob)
        const refused = await reader.read(a.at, text)
        expect(Object.values(refused)).toEqual([1])
        expect(reader.opened).toEqual([])
      }),
      { numRuns: 60 },
    )
    expect(await b.read(a.at, 'A'.repeat(MAX_SEALED_LENGTH + 1))).toEqual({ malformed: 1 })
    expect(await b.read(a.at, toBase64Url(new Uint8Array(64).fill(2)))).toEqual({ malformed: 1, version: 1 })
  })

  it('[SEAL-6] any change to a real signal is refused by a gate', async () => {
    const [text] = (await a.write(b.at, 'hello')) as [string]
    const bytes = fromBase64Url(text) as Uint8Array<ArrayBuffer>
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
    const flipped = change.map(([at, by]) => bytes.map((byte, i) => (i === at ? byte ^ by : byte)))
    const cut = fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length))
    const grown = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((more) => Uint8Array.of(...bytes, ...more))
    await fc.assert(
      fc.asyncProperty(fc.oneof(flipped, cut, grown), async (changed) => {
        const refused = await b.read(a.at, toBase64Url(changed))
        expect(Object.keys(refused).filter((gate) => !['malformed', 'version', 'unsealed'].includes(gate))).toEqual([])
        expect(b.opened).toEqual([])
      }),
      { numRuns: 100 },
    )
    expect(Object.values(Object.fromEntries(b.seal.refused)).reduce((sum, count) => sum + count, 0)).toBe(100)
    await b.read(a.at, text)
    expect(b.opened).toEqual(['hello'])
  })

  it('[SEAL-6] whatever a member seals under the key of the room is a signal, or refused by a gate', async () => {
    const address = { peer: bob.id, session: b.at.session }
    const signal = { publicKey: alice.publicKey, session: a.at.session, to: address, counter: 1, bodies: ['hello'] }
    const real = encodeSealedSignal(signal)
    const change = fc.tuple(fc.nat(real.length - 1), fc.integer({ min: 1, max: 255 }))
    const anySigned = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      change.map(([at, by]) => real.map((byte, i) => (i === at ? byte ^ by : byte))),
      fc.nat(real.length - 1).map((length) => real.slice(0, length)),
      fc.constant(encodeSealedSignal({ ...signal, counter: 0 })),
      fc.constant(encodeSealedSignal({ ...signal, bodies: Array.from({ length: MAX_BATCH_BODIES + 1 }, () => '') })),
    )
    await fc.assert(
      fc.asyncProperty(anySigned, fc.boolean(), async (signed, isSigned) => {
        const context = sealContext('room')
        const signature = isSigned ? await alice.sign(concatBytes(context, signed)) : new Uint8Array(64)
        const reader = new End(bob)
        const refused = await reader.read(a.at, await sealedByHand(concatBytes(signature, signed), context))
        const isOpened = Object.keys(refused).length === 0
        expect(isOpened || Object.values(refused).join() === '1').toBe(true)
        expect(isOpened && !isSigned).toBe(false)
      }),
      { numRuns: 150 },
    )
  })

  it('[SEAL-8] what waits is bounded in both directions, and one flooded line is no other', async () => {
    const [text] = (await a.write(b.at, 'x'.repeat(60_000))) as [string]
    const fit = Math.floor(MAX_LINE_LENGTH / text.length)
    const [honest] = (await new End(mallory).write(b.at, 'hello')) as [string]
    for (let i = 0; i < fit + 5; i++) b.seal.open(a.at, text)
    b.seal.open({ peer: mallory.id, session: `session of ${mallory.id}` }, honest)
    expect(await b.read(a.at)).toEqual({ flooded: 5, replayed: fit - 1 })
    expect(b.opened).toContain('hello')

    const stuck = new End({ ...alice, sign: () => new Promise(() => {}) })
    for (let i = 0; i <= MAX_LINE_LENGTH / 32_768 + 1; i++) stuck.seal.seal(b.at, 'x'.repeat(32_768))
    expect(stuck.unsent).toHaveLength(2)
  })

  it('[SEAL-8] an identity that cannot sign costs the body, and is told', async () => {
    let broken = true
    const sign: PeerIdentity['sign'] = (bytes) => (broken ? Promise.reject(new Error('no key')) : alice.sign(bytes))
    const end = new End({ ...alice, sign })
    expect(await end.write(b.at, 'lost')).toEqual([])
    expect(end.unsent).toEqual(['Error: no key'])
    broken = false
    expect(await b.read(a.at, ...(await end.write(b.at, 'found')))).toEqual({})
    expect(b.opened).toEqual(['found'])
  })

  it('[SEAL-8] nothing comes of a seal that is closed', async () => {
    const [text] = (await a.write(b.at, 'hello')) as [string]
    a.seal.seal(b.at, 'more')
    b.seal.open(a.at, text)
    for (const end of [a, b]) end.seal.close()
    await clock.advance(0)
    expect([a.sealed.length, b.opened, a.unsent]).toEqual([1, [], []])
  })
})

/** `plain`, as one who has the key of the room would seal it. */
async function sealedByHand(plain: Uint8Array<ArrayBuffer>, additionalData: Uint8Array<ArrayBuffer>): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, plain)
  return toBase64Url(concatBytes(Uint8Array.of(1), iv, new Uint8Array(sealed)))
}

/** From session `one` of the key's owner to session `two` of `bob`, in the room `room`. */
const VECTOR = {
  peer: 'XZlAeWgEC_7-gKfM7c-nKQ',
  text: 'Aaoott1SuPqmXp7K3fCRehZa-71A-ze1JXNTGf8SHo6lLe8M0eFj2YHx-kVYjGr8b46Ro8ZOB1GiywA09BsUjQUkh1IN400f5ZKIv6X-CtV2sUWMkkXxT3UO0lvIr7zxt1vcDxMxQUmwQzDR0ef4u-hsWuNRPlz-4klJH8tCyOuqjvo-9olpWd4fDGFSmbMy6S-S12JDpdO0v-D2LRDP3FPqCjNQEY__vcpvuIxruqACAaQ7NiZ3',
}
