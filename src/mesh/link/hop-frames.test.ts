import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedBytesError, toBase64Url } from '../../base/bytes.ts'
import { decodeHop, encodeHop, MAX_HOP_PACKET_BYTES, type HopFrame } from './hop-frames.ts'
import { decodeLinkFrame } from './link-frames.ts'
import { MIN_MESSAGE_BYTES } from './peer-link.ts'

const name = fc.stringMatching(/^[\w-]{1,128}$/)
const head = {
  address: fc.record({ peer: name, session: name }),
  link: fc.uint8Array({ minLength: 12, maxLength: 12 }).map(toBase64Url),
}
const hop: fc.Arbitrary<HopFrame> = fc.oneof(
  fc.record({ kind: fc.constantFrom('carry' as const, 'carried' as const), ...head, packet: fc.uint8Array() }),
  fc.record({ kind: fc.constant('refused' as const), ...head }),
)

function decode(bytes: Uint8Array): HopFrame | null {
  const frame = decodeLinkFrame(bytes)
  return frame.kind === 'hop' ? decodeHop(frame.bytes) : null
}

describe('hop frames', () => {
  it('[LINK-1] what is carried reads back as it was written', () => {
    fc.assert(
      fc.property(hop, (frame) => {
        expect(decode(encodeHop(frame))).toEqual(frame)
      }),
    )
  })

  it('[LINK-2] any bytes become one or a MalformedBytesError, and nothing else', () => {
    const cut = fc.tuple(hop, fc.nat(300)).map(([frame, at]) => encodeHop(frame).slice(1, 1 + at))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), cut), (bytes) => {
        try {
          decodeHop(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytesError)
        }
      }),
    )
  })

  it('[HOP-3] the largest packet fits the smallest message, and a larger one is neither sent nor taken', () => {
    const address = { peer: '\ud7ff'.repeat(128), session: '\ud7ff'.repeat(128) }
    const frame = { kind: 'carry' as const, address, link: 'AAAAAAAAAAAAAAAA' }
    const most = encodeHop({ ...frame, packet: new Uint8Array(MAX_HOP_PACKET_BYTES) })
    expect(most.length).toBeLessThanOrEqual(MIN_MESSAGE_BYTES)
    expect(() => encodeHop({ ...frame, packet: new Uint8Array(MAX_HOP_PACKET_BYTES + 1) })).toThrow(RangeError)
    expect(() => decode(Uint8Array.of(...most, 0))).toThrow(MalformedBytesError)
  })

  it('[LINK-2] a refusal with something behind it is malformed', () => {
    const refusal = encodeHop({ kind: 'refused', address: { peer: 'p', session: 's' }, link: 'AAAAAAAAAAAAAAAA' })
    expect(() => decode(Uint8Array.of(...refusal, 0))).toThrow(MalformedBytesError)
  })
})
