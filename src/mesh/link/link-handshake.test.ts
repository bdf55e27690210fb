import { beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import { VIEW_CREDIT_BYTES, type PeerIdentity } from '../../seam/contract.ts'
import { MIN_FRAME_COST } from '../../seam/credit.ts'
import { createPeerIdentity, peerIdOf, verifySignature } from '../../seam/peer-identity.ts'
import { DATA_HEADERS, encodeGoodbye, encodeHello, encodeProof, LINK_VERSION, NONCE_BYTES } from './link-frames.ts'
import {
  LinkHandshake,
  MAX_HELD_FRAMES,
  type Fingerprints,
  type HandshakeEffect,
  type HandshakeInput,
  type HandshakeSelf,
} from './link-handshake.ts'

/** One end under a test's thumb: what it sends is looked at, changed, or given to the other by the test. */
class End {
  readonly identity: PeerIdentity
  readonly self: HandshakeSelf
  readonly machine: LinkHandshake
  readonly sent: Uint8Array[] = []
  outcome: (HandshakeEffect & { kind: 'proved' | 'refused' }) | null = null

  constructor(
    identity: PeerIdentity,
    expected: { peer: string; session: string },
    change: Partial<HandshakeSelf> = {},
  ) {
    this.identity = identity
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    this.self = { room: 'room', session: `session of ${identity.id}`, publicKey: identity.publicKey, nonce, ...change }
    this.machine = new LinkHandshake(this.self, expected)
  }

  async step(input: HandshakeInput): Promise<void> {
    for (const effect of this.machine.step(input)) {
      if (effect.kind === 'send') this.sent.push(effect.bytes)
      else if (effect.kind === 'sign')
        await this.step({ kind: 'signed', signature: await this.identity.sign(effect.bytes) })
      else if (effect.kind === 'verify') {
        const holds = await verifySignature(effect.publicKey, effect.bytes, effect.signature)
        await this.step({ kind: 'verified', peer: holds ? await peerIdOf(effect.publicKey) : null })
      } else this.outcome = effect
    }
  }

  get refusal(): string | null {
    return this.outcome?.kind === 'refused' ? this.outcome.reason : null
  }
}

const FINGERPRINTS: Fingerprints = { local: ['sha-256 AA'], remote: ['sha-256 BB'] }
const OTHER_SIDE: Fingerprints = { local: ['sha-256 BB'], remote: ['sha-256 AA'] }

let alice: PeerIdentity
let bob: PeerIdentity
let mallory: PeerIdentity

beforeAll(async () => {
  ;[alice, bob, mallory] = await Promise.all([createPeerIdentity(), createPeerIdentity(), createPeerIdentity()])
})

function at(identity: PeerIdentity): { peer: string; session: string } {
  return { peer: identity.id, session: `session of ${identity.id}` }
}

const dataFrame = (payload: Uint8Array): Uint8Array<ArrayBuffer> => concatBytes(DATA_HEADERS.whole, payload)

describe('the handshake of a link', () => {
  it('[LINK-4] both ends prove the key that signalling named', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await exchange(a, b)
    expect(a.outcome).toMatchObject({ kind: 'proved', peer: bob.id, session: at(bob).session })
    expect(b.outcome).toMatchObject({ kind: 'proved', peer: alice.id, session: at(alice).session })
  })

  it('[LINK-5] what comes after the proof and before its verification waits, in order', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    await b.step({ kind: 'open', fingerprints: OTHER_SIDE })
    await b.step({ kind: 'frame', bytes: a.sent[0] as Uint8Array })
    await a.step({ kind: 'frame', bytes: b.sent[0] as Uint8Array })
    const verify = a.machine.step({ kind: 'frame', bytes: b.sent[1] as Uint8Array })
    expect(verify.map(({ kind }) => kind)).toEqual(['verify'])
    const frames = [dataFrame(utf8('one')), dataFrame(utf8('two')), encodeGoodbye('closed')]
    for (const bytes of frames) expect(a.machine.step({ kind: 'frame', bytes })).toEqual([])
    expect(a.machine.step({ kind: 'verified', peer: bob.id })).toMatchObject([{ kind: 'proved', held: frames }])
  })

  it('[LINK-5] more than the bound of waiting frames is refused', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    await b.step({ kind: 'open', fingerprints: OTHER_SIDE })
    await b.step({ kind: 'frame', bytes: a.sent[0] as Uint8Array })
    await a.step({ kind: 'frame', bytes: b.sent[0] as Uint8Array })
    a.machine.step({ kind: 'frame', bytes: b.sent[1] as Uint8Array })
    const bytes = dataFrame(new Uint8Array())
    expect(MAX_HELD_FRAMES).toBeGreaterThan(VIEW_CREDIT_BYTES / MIN_FRAME_COST)
    for (let i = 0; i < MAX_HELD_FRAMES; i++) expect(a.machine.step({ kind: 'frame', bytes })).toEqual([])
    expect(a.machine.step({ kind: 'frame', bytes })).toEqual([{ kind: 'refused', reason: 'flooded' }])
  })

  it('[LINK-6] a proof by another key than the shown one is forged', async () => {
    const liar: PeerIdentity = { id: bob.id, publicKey: bob.publicKey, sign: (bytes) => mallory.sign(bytes) }
    const [a, b] = [new End(alice, at(bob)), new End(liar, at(alice))]
    await exchange(a, b)
    expect(a.refusal).toBe('forged')
  })

  it('[LINK-6] a key whose hash is not the id that signalling named is refused', async () => {
    const liar: PeerIdentity = { id: bob.id, publicKey: mallory.publicKey, sign: (bytes) => mallory.sign(bytes) }
    const [a, b] = [new End(alice, at(bob)), new End(liar, at(alice))]
    await exchange(a, b)
    expect(a.refusal).toBe('wrong-peer')
  })

  it('[LINK-7] a server between the two, with certificates of its own, is found out', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await exchange(a, b, [
      { local: ['sha-256 AA'], remote: ['sha-256 CC'] },
      { local: ['sha-256 BB'], remote: ['sha-256 CC'] },
    ])
    expect([a.refusal, b.refusal]).toEqual(['forged', 'forged'])
  })

  it('[LINK-7] a certificate slipped in beside the real one is found out', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await exchange(a, b, [{ local: ['sha-256 AA'], remote: ['sha-256 BB', 'sha-256 CC'] }, OTHER_SIDE])
    expect([a.refusal, b.refusal]).toEqual(['forged', 'forged'])
  })

  it('[LINK-7] the order in which certificates are listed does not matter', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await exchange(a, b, [
      { local: ['sha-1 A1', 'sha-256 AA'], remote: ['sha-256 BB'] },
      { local: ['sha-256 BB'], remote: ['sha-256 AA', 'sha-1 A1'] },
    ])
    expect([a.outcome?.kind, b.outcome?.kind]).toEqual(['proved', 'proved'])
  })

  it('[LINK-7] a channel without certificates proves nothing', async () => {
    const a = new End(alice, at(bob))
    await a.step({ kind: 'open', fingerprints: { local: ['sha-256 AA'], remote: [] } })
    expect(a.refusal).toBe('no-fingerprint')
  })

  it('[LINK-8] a proof from another room proves nothing', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice), { room: 'another' })]
    await exchange(a, b)
    expect(a.refusal).toBe('forged')
  })

  it('[LINK-8] a recorded handshake cannot be played back', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
    await exchange(a, b)
    const again = new End(alice, at(bob))
    await again.step({ kind: 'open', fingerprints: FINGERPRINTS })
    for (const bytes of b.sent) await again.step({ kind: 'frame', bytes })
    expect(again.refusal).toBe('forged')
  })

  it("[LINK-8] one's own frames sent back prove nothing", async () => {
    const a = new End(alice, at(bob))
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    await a.step({ kind: 'frame', bytes: a.sent[0] as Uint8Array })
    expect(a.refusal).toBe('self')

    const b = new End(alice, at(bob))
    await b.step({ kind: 'open', fingerprints: FINGERPRINTS })
    const theirs = { version: LINK_VERSION, session: at(bob).session, publicKey: bob.publicKey, nonce: b.self.nonce }
    await b.step({ kind: 'frame', bytes: encodeHello(theirs) })
    expect(b.refusal).toBe('reflected')
  })

  it('[LINK-8] a proof sent back to its maker proves nothing', async () => {
    const a = new End(alice, at(bob))
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    const nonce = new Uint8Array(NONCE_BYTES).fill(7)
    await a.step({
      kind: 'frame',
      bytes: encodeHello({ version: LINK_VERSION, session: at(bob).session, publicKey: bob.publicKey, nonce }),
    })
    await a.step({ kind: 'frame', bytes: a.sent[1] as Uint8Array })
    expect(a.refusal).toBe('forged')
  })

  it('[LINK-9] another session of the peer than the one dialled is refused', async () => {
    const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice), { session: 'another' })]
    await exchange(a, b)
    expect(a.refusal).toBe('wrong-session')
  })

  it('[LINK-3] another version is refused by that name', async () => {
    const a = new End(alice, at(bob))
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    await a.step({ kind: 'frame', bytes: Uint8Array.of(1, LINK_VERSION + 1, 9, 9) })
    expect(a.refusal).toBe('version')
  })

  it.each([
    ['data before a hello', () => dataFrame(utf8('x')), 'out-of-order'],
    ['a proof before a hello', () => encodeProof(new Uint8Array(64)), 'out-of-order'],
    ['bytes that are no frame', () => Uint8Array.of(200, 1), 'malformed'],
    ['a goodbye', () => encodeGoodbye('closed'), 'left'],
  ])('[LINK-10] %s ends the handshake', async (_what, bytes, reason) => {
    const a = new End(alice, at(bob))
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    await a.step({ kind: 'frame', bytes: bytes() })
    expect(a.refusal).toBe(reason)
  })

  it('[LINK-10] data and second hellos between hello and proof end the handshake', async () => {
    for (const second of [0, null]) {
      const [a, b] = [new End(alice, at(bob)), new End(bob, at(alice))]
      await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
      await b.step({ kind: 'open', fingerprints: OTHER_SIDE })
      await a.step({ kind: 'frame', bytes: b.sent[0] as Uint8Array })
      await a.step({ kind: 'frame', bytes: second === 0 ? (b.sent[0] as Uint8Array) : dataFrame(utf8('x')) })
      expect(a.refusal).toBe('out-of-order')
    }
  })

  it('[LINK-10] the deadline ends what is not proved, and nothing comes after an end', async () => {
    const a = new End(alice, at(bob))
    await a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    await a.step({ kind: 'deadline' })
    expect(a.refusal).toBe('timeout')
    expect(a.machine.step({ kind: 'frame', bytes: dataFrame(utf8('x')) })).toEqual([])
    expect(a.machine.step({ kind: 'deadline' })).toEqual([])
  })

  it('[LINK-4] nothing is proved before the own proof is on its way', async () => {
    const a = new LinkHandshake({ ...new End(alice, at(bob)).self }, at(bob))
    a.step({ kind: 'open', fingerprints: FINGERPRINTS })
    const nonce = new Uint8Array(NONCE_BYTES).fill(7)
    const hello = encodeHello({ version: LINK_VERSION, session: at(bob).session, publicKey: bob.publicKey, nonce })
    expect(a.step({ kind: 'frame', bytes: hello }).map(({ kind }) => kind)).toEqual(['sign'])
    expect(a.step({ kind: 'frame', bytes: encodeProof(new Uint8Array(64)) }).map(({ kind }) => kind)).toEqual([
      'verify',
    ])
    expect(a.step({ kind: 'verified', peer: bob.id })).toEqual([])
    expect(a.step({ kind: 'signed', signature: new Uint8Array(64) }).map(({ kind }) => kind)).toEqual([
      'send',
      'proved',
    ])
  })
})

/** Carries everything that either end sends to the other until both are done. */
async function exchange(
  a: End,
  b: End,
  prints: [Fingerprints, Fingerprints] = [FINGERPRINTS, OTHER_SIDE],
): Promise<void> {
  await a.step({ kind: 'open', fingerprints: prints[0] })
  await b.step({ kind: 'open', fingerprints: prints[1] })
  for (let i = 0; i < 2; i++) {
    const [fromA, fromB] = [a.sent[i], b.sent[i]]
    if (fromA !== undefined) await b.step({ kind: 'frame', bytes: fromA })
    if (fromB !== undefined) await a.step({ kind: 'frame', bytes: fromB })
  }
}
