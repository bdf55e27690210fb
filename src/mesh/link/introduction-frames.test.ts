import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, MalformedBytesError } from '../../base/bytes.ts'
import { PayloadTooLargeError } from '../../base/errors.ts'
import {
  CARRY,
  decodeIntroduction,
  encodeIntroduction,
  MAX_CARRIED_BYTES,
  MAX_INTRODUCED,
  ROSTER,
  type Introduction,
} from './introduction-frames.ts'
import { MIN_MESSAGE_BYTES } from './peer-link.ts'

const text = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 0x20, max: 0xd7ff }), { minLength, maxLength })
    .map((codes) => String.fromCharCode(...codes))
const address = fc.record({ peer: text(1, 40), session: text(1, 40) })
const went = fc.array(address, { maxLength: MAX_INTRODUCED })
const came = fc.array(fc.record({ at: address, carries: fc.boolean() }), { maxLength: MAX_INTRODUCED })
const introduction: fc.Arbitrary<Introduction> = fc.oneof(
  fc.record({ kind: fc.constant('roster' as const), came, went }),
  fc.record({ kind: fc.constantFrom('hand-on' as const, 'handed-on' as const), address, body: text(0, 200) }),
)

function decode(bytes: Uint8Array): Introduction {
  const reader = new ByteReader(bytes)
  return decodeIntroduction(reader.u8(), reader)
}

describe('introduction frames', () => {
  it('[LINK-1] what one end says of third peers reads back as it was written', () => {
    fc.assert(
      fc.property(introduction, (say) => {
        expect(decode(encodeIntroduction(say))).toEqual(say)
      }),
    )
  })

  it('[LINK-2] any bytes become one or a MalformedBytesError, and nothing else', () => {
    const likely = fc
      .tuple(fc.constantFrom(ROSTER, CARRY), fc.uint8Array({ maxLength: 60 }))
      .map(([type, rest]) => Uint8Array.of(type, ...rest))
    const cut = fc
      .tuple(introduction, fc.nat(400))
      .map(([say, at]) => encodeIntroduction(say).slice(0, Math.max(1, at)))
    fc.assert(
      fc.property(fc.oneof(likely, cut), (bytes) => {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytesError)
        }
      }),
    )
  })

  it('[INTRO-6] the largest body fits the smallest message, and a larger one is neither sent nor taken', () => {
    const long = { peer: '\ud7ff'.repeat(128), session: '\ud7ff'.repeat(128) }
    const most = encodeIntroduction({ kind: 'handed-on', address: long, body: 'x'.repeat(MAX_CARRIED_BYTES) })
    expect(most.length).toBeLessThanOrEqual(MIN_MESSAGE_BYTES)
    expect(() =>
      encodeIntroduction({ kind: 'hand-on', address: long, body: 'x'.repeat(MAX_CARRIED_BYTES + 1) }),
    ).toThrow(PayloadTooLargeError)
    expect(() => decode(Uint8Array.of(...most, 0x78))).toThrow(MalformedBytesError)
  })

  it('[INTRO-6] a roster of more than one peer may tell of is malformed', () => {
    const at = { peer: 'p', session: 's' }
    const say = {
      kind: 'roster' as const,
      came: Array.from({ length: MAX_INTRODUCED + 1 }, () => ({ at, carries: true })),
      went: [],
    }
    expect(() => decode(encodeIntroduction(say))).toThrow(MalformedBytesError)
  })
})
