import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, MalformedBytesError, utf8 } from '../../base/bytes.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../seam/peer-identity.ts'
import {
  DATA_HEADER_BYTES,
  DATA_HEADERS,
  decodeLinkFrame,
  encodeAck,
  encodeCredit,
  encodeGoodbye,
  encodeHello,
  encodeProof,
  encodePulse,
  encodeResume,
  LINK_VERSION,
  MAX_SESSION_BYTES,
  NONCE_BYTES,
} from './link-frames.ts'

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })

/** Of the basic plane: cheap to draw, unlike the library's whole graphemes. */
const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0x20, max: 0xd7ff })
  .map((code) => String.fromCharCode(code))

describe('link frames', () => {
  it('[LINK-1] a hello reads back as it was written', () => {
    const session = fc
      .string({ minLength: 1, maxLength: 16, unit: anyCharacter })
      .filter((text) => utf8(text).length <= MAX_SESSION_BYTES)
    fc.assert(
      fc.property(session, bytesOf(PUBLIC_KEY_BYTES), bytesOf(NONCE_BYTES), (name, publicKey, nonce) => {
        const hello = { version: LINK_VERSION, session: name, publicKey, nonce }
        expect(decodeLinkFrame(encodeHello(hello))).toEqual({ kind: 'hello', ...hello })
      }),
    )
  })

  it('[LINK-1] data, lossy data, proofs, credit and goodbyes read back as they were written', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        bytesOf(SIGNATURE_BYTES),
        fc.maxSafeNat(),
        (payload, signature, credit) => {
          expect(decodeLinkFrame(concatBytes(DATA_HEADERS.whole, payload))).toEqual({ kind: 'data', payload })
          expect(decodeLinkFrame(concatBytes(DATA_HEADERS.lossy, payload))).toEqual({ kind: 'lossy', payload })
          expect(decodeLinkFrame(concatBytes(DATA_HEADERS.part, payload))).toEqual({ kind: 'part', payload })
          for (const header of Object.values(DATA_HEADERS)) expect(header.length).toBe(DATA_HEADER_BYTES)
          expect(decodeLinkFrame(encodeProof(signature))).toEqual({ kind: 'proof', signature })
          expect(decodeLinkFrame(encodeCredit(credit))).toEqual({ kind: 'credit', bytes: credit })
          expect(decodeLinkFrame(encodeAck(credit))).toEqual({ kind: 'ack', received: credit })
          expect(decodeLinkFrame(encodePulse('ping', credit))).toEqual({ kind: 'ping', serial: credit })
          expect(decodeLinkFrame(encodePulse('pong', credit))).toEqual({ kind: 'pong', serial: credit })
          const resume = { bond: 'sixteen letters.', received: credit }
          expect(decodeLinkFrame(encodeResume(resume))).toEqual({ kind: 'resume', ...resume })
        },
      ),
    )
    expect(decodeLinkFrame(encodeGoodbye('closed'))).toEqual({ kind: 'goodbye', reason: 'closed' })
    expect(decodeLinkFrame(encodeGoodbye('superseded'))).toEqual({ kind: 'goodbye', reason: 'superseded' })
  })

  it('[LINK-2] any bytes become a frame or a MalformedBytesError, and nothing else', () => {
    const likely = fc
      .tuple(fc.integer({ min: 0, max: 16 }), fc.uint8Array({ maxLength: 200 }))
      .map(([type, rest]) => Uint8Array.of(type, ...rest))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), likely), (bytes) => {
        try {
          decodeLinkFrame(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytesError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['an unknown type', Uint8Array.of(99)],
    ['a proof that is too short', encodeProof(new Uint8Array(SIGNATURE_BYTES)).slice(0, -1)],
    ['a proof that is too long', new Uint8Array([...encodeProof(new Uint8Array(SIGNATURE_BYTES)), 0])],
    ['credit without an amount', Uint8Array.of(5)],
    ['a goodbye without a reason', Uint8Array.of(6)],
    ['an acknowledgement without a number', Uint8Array.of(9)],
    ['a resumption without a number', encodeResume({ bond: 'b', received: 0 }).slice(0, -1)],
    ['a hello without a session', Uint8Array.of(1, LINK_VERSION, 0, ...new Uint8Array(PUBLIC_KEY_BYTES + NONCE_BYTES))],
    ['a hello with a short nonce', encodeHello(helloWith('s')).slice(0, -1)],
    ['a hello with a session over its bound', overlong()],
  ])('[LINK-2] %s is refused', (_what, bytes) => {
    expect(() => decodeLinkFrame(bytes)).toThrow(MalformedBytesError)
  })

  it('[LINK-3] the version of a hello is read first, whatever follows', () => {
    expect(decodeLinkFrame(Uint8Array.of(1, 77))).toMatchObject({ kind: 'hello', version: 77 })
    expect(decodeLinkFrame(Uint8Array.of(1, 77, 1, 2, 3))).toMatchObject({ kind: 'hello', version: 77 })
  })
})

function helloWith(session: string): Parameters<typeof encodeHello>[0] {
  return {
    version: LINK_VERSION,
    session,
    publicKey: new Uint8Array(PUBLIC_KEY_BYTES),
    nonce: new Uint8Array(NONCE_BYTES),
  }
}

function overlong(): Uint8Array {
  const name = new Uint8Array(MAX_SESSION_BYTES + 1).fill(97)
  return Uint8Array.of(1, LINK_VERSION, name.length, ...name, ...new Uint8Array(PUBLIC_KEY_BYTES + NONCE_BYTES))
}
