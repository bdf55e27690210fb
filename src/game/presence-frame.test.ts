import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from '../base/bytes.ts'
import { type Announcement, decodePresence, encodePresence } from './presence-frame.ts'

const seats = [
  { number: 0, peer: 'ann' },
  { number: 1, peer: null },
  { number: 2, peer: 'bob' },
]
const announcements: Announcement[] = [
  { role: 'bystander' },
  { role: 'founder' },
  { role: 'joiner', gameId: null },
  { role: 'joiner', gameId: 'g' },
  { role: 'player', gameId: 'g', lineage: 'l', seats },
]

function player(seatCount: number, ...taken: [number, string][]): Uint8Array {
  const writer = new ByteWriter().u8(1).u8(0).u8(3).text('g').text('l').varint(seatCount).varint(taken.length)
  for (const [seat, peer] of taken) writer.varint(seat).text(peer)
  return writer.finish()
}

describe('presence frames', () => {
  it('[PRES-1] carry every announcement', () => {
    for (const announcement of announcements) {
      for (const asks of [false, true]) {
        expect(decodePresence(encodePresence({ announcement, asks }))).toEqual({ announcement, asks })
      }
    }
  })

  it('[PRES-3] any bytes at all are read without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const frame = decodePresence(bytes)
        if (frame !== null) expect(decodePresence(encodePresence(frame))).toEqual(frame)
      }),
    )
  })

  it('[PRES-3] a frame cut short, or with more after its end, is none', () => {
    for (const announcement of announcements) {
      const bytes = encodePresence({ announcement, asks: false })
      for (let length = 0; length < bytes.length; length++) expect(decodePresence(bytes.subarray(0, length))).toBeNull()
      expect(decodePresence(Uint8Array.of(...bytes, 0))).toBeNull()
    }
  })

  it('[PRES-3] seats out of order, beyond the table, doubled or nameless make no frame', () => {
    expect(decodePresence(player(2, [0, 'a'], [1, 'b']))).not.toBeNull()
    const impossible = [
      player(2, [1, 'a'], [0, 'b']),
      player(2, [0, 'a'], [0, 'b']),
      player(2, [0, 'a'], [1, 'a']),
      player(2, [0, 'a'], [2, 'b']),
      player(1, [0, 'a'], [1, 'b']),
      player(256, [0, 'a']),
      player(2, [0, '']),
      player(2, [0, 'a'.repeat(300)]),
    ]
    for (const bytes of impossible) expect(decodePresence(bytes)).toBeNull()
  })

  it('[PRES-3] other versions, flags and roles make no frame', () => {
    for (const bytes of [
      [2, 0, 0],
      [1, 2, 0],
      [1, 0, 4],
      [1, 0, 3, 0, 0, 0, 0],
    ]) {
      expect(decodePresence(Uint8Array.from(bytes))).toBeNull()
    }
    const longId = encodePresence({ announcement: { role: 'joiner', gameId: 'g'.repeat(65) }, asks: false })
    expect(decodePresence(longId)).toBeNull()
  })
})
