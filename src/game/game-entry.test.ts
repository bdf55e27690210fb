import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeGameEntry, encodeApplication, encodeFounded, encodeSeated } from './game-entry.ts'

describe('game entries', () => {
  it('[SEAT-1] [SEAT-2] [SEAT-3] survive the way into the log and back', () => {
    const command = Uint8Array.of(1, 2, 3)
    expect(decodeGameEntry(encodeApplication(command))).toEqual({ kind: 'application', command })
    expect(decodeGameEntry(encodeFounded(2, 'ann'))).toEqual({ kind: 'founded', seatCount: 2, founder: 'ann' })
    expect(decodeGameEntry(encodeSeated(254, 'bob'))).toEqual({ kind: 'seated', seat: 254, peer: 'bob' })
  })

  it('[SEAT-4] any bytes at all are read without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(['application', 'founded', 'seated', 'unknown']).toContain(decodeGameEntry(bytes).kind)
      }),
    )
  })

  it('[SEAT-4] kinds, counts and ends that this version does not know are unknown', () => {
    const founded = encodeFounded(2, 'ann')
    const strange = [
      new Uint8Array(0),
      Uint8Array.of(2, 0, 2, 1, 97),
      Uint8Array.of(1, 2, 2, 1, 97),
      encodeFounded(0, 'ann'),
      encodeFounded(256, 'ann'),
      encodeSeated(255, 'bob'),
      encodeSeated(1, ''),
      encodeSeated(1, 'b'.repeat(256)),
      founded.subarray(0, founded.length - 1),
      Uint8Array.of(...founded, 0),
    ]
    for (const bytes of strange) expect(decodeGameEntry(bytes)).toEqual({ kind: 'unknown' })
  })
})
