import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedBytesError } from '../../base/bytes.ts'
import type { MembershipRecord, StoredEntry } from '../contract.ts'
import { decodeEntry, decodeSnapshot, encodeEntry, encodeSnapshot } from './record-codec.ts'

const number = fc.maxSafeNat()
const bytes = fc.uint8Array({ maxLength: 300 })
const member = fc.string({ unit: 'grapheme', maxLength: 12 })
const members = fc.array(member, { maxLength: 5 })
const membership: fc.Arbitrary<MembershipRecord> = fc.record({
  voters: members,
  learners: members,
  old: fc.option(members),
})
const common = {
  index: number,
  term: number,
  command: bytes,
  dedupKey: fc.option(fc.record({ clientId: member, requestId: number })),
  proposer: fc.option(member),
  timeMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
}
const entry: fc.Arbitrary<StoredEntry> = fc.oneof(
  fc.record({ kind: fc.constantFrom('command' as const, 'noop' as const), ...common }),
  fc.record({ kind: fc.constant('config' as const), config: membership, ...common }),
)
const snapshot = fc.record({
  index: number,
  term: number,
  timeMs: common.timeMs,
  configIndex: number,
  config: membership,
  sessions: bytes,
  state: bytes,
})

/** Decodes what need not be a record: the value, or `null` where it was refused in the one way allowed. */
function decodedOrRefused<T>(decode: () => T): T | null {
  try {
    return decode()
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedBytesError)
    return null
  }
}

describe('[STORE-7] the bytes of a record', () => {
  it('carry every entry there and back', () => {
    fc.assert(
      fc.property(entry, (given) => {
        expect(decodeEntry(given.index, encodeEntry(given))).toEqual(given)
      }),
    )
  })

  it('carry every snapshot there and back', () => {
    fc.assert(
      fc.property(snapshot, (given) => {
        expect(decodeSnapshot(encodeSnapshot(given))).toEqual(given)
      }),
    )
  })

  it('that are cut short or changed decode to something else or are refused, never anything worse', () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 1, max: 255 }), cut: fc.nat() })
    const run = (
      whole: Uint8Array,
      { at, byte, cut }: { at: number; byte: number; cut: number },
      decode: (bytes: Uint8Array) => unknown,
    ): void => {
      decodedOrRefused(() => decode(whole.slice(0, cut % whole.length)))
      const changed = whole.slice()
      changed[at % whole.length] = (changed[at % whole.length] ?? 0) ^ byte
      decodedOrRefused(() => decode(changed))
    }
    fc.assert(fc.property(entry, damage, (given, how) => run(encodeEntry(given), how, (raw) => decodeEntry(1, raw))))
    fc.assert(fc.property(snapshot, damage, (given, how) => run(encodeSnapshot(given), how, decodeSnapshot)))
    fc.assert(fc.property(fc.uint8Array(), (raw) => void decodedOrRefused(() => decodeEntry(1, raw))))
  })

  it('of another layout version, kind or flag are refused', () => {
    const good = encodeEntry({
      kind: 'noop',
      index: 1,
      term: 1,
      command: new Uint8Array(),
      dedupKey: null,
      proposer: null,
      timeMs: 0,
    })
    for (const [at, byte] of [
      [0, 2],
      [1, 3],
      [11, 4],
    ] as const) {
      const changed = good.slice()
      changed[at] = byte
      expect(() => decodeEntry(1, changed)).toThrow(MalformedBytesError)
    }
  })

  it('claim no more members than there are bytes: an allocation is bounded by what was read', () => {
    const raw = Uint8Array.of(1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f)
    expect(() => decodeSnapshot(raw)).toThrow(MalformedBytesError)
  })
})
