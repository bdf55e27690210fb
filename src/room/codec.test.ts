import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRoomMessage, encodeRoomMessage } from './codec.ts'
import { MAX_LISTED_PEERS, MAX_MEMBERS } from './contract.ts'
import type { RoomMessage } from './core/message.ts'
import type { MemberRecord, RoomState } from './core/room-state.ts'

const NOW_MS = 1_000_000

const id = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' })
const whole = fc.maxSafeNat()
const count = fc.nat({ max: 2 ** 31 - 1 })
const block = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
const token = fc.record({
  peerId: id,
  roomId: id,
  issuedAt: whole,
  expiresAt: whole,
  credential: fc.string({ maxLength: 60, unit: 'grapheme-ascii' }),
})
const away = fc.record({
  reason: fc.constantFrom('timeout', 'transport-closed', 'back-pressure', 'announced', 'host-changed'),
  sinceMs: fc.integer({ min: 0, max: NOW_MS }),
  untilMs: fc.integer({ min: NOW_MS, max: 2 * NOW_MS }),
})
const member: fc.Arbitrary<MemberRecord> = fc.record({
  id,
  key: block(65),
  name: id,
  deviceId: fc.option(id),
  metadata: block(50),
  spectator: fc.boolean(),
  hidden: fc.boolean(),
  seniority: count,
  resumes: count,
  was: fc.option(id),
  away: fc.option(away),
}) as fc.Arbitrary<MemberRecord>
const peers = fc.uniqueArray(id, { maxLength: 4 }).map((list) => new Set(list))
const state = fc
  .record({
    roomId: id,
    epoch: count,
    version: count,
    policy: fc.record({
      maxMembers: whole,
      maxSpectators: whole,
      password: fc.option(id),
      allow: fc.option(peers),
      deny: peers,
      locked: fc.boolean(),
    }),
    issuers: fc.array(fc.record({ epoch: count, id, key: block(65), title: id, titleIssuedAt: whole }), {
      maxLength: 3,
    }),
    nextSeniority: count,
    members: fc.uniqueArray(member, { minLength: 1, maxLength: 5, selector: (one) => one.id }),
    departed: fc.array(fc.record({ id, reason: fc.constantFrom('left', 'expired', 'kicked', 'banned') }), {
      maxLength: 3,
    }),
  })
  .map((rest) => ({ ...rest, host: rest.members[0]?.id ?? '' }) as RoomState)
const view = fc.record({ epoch: count, version: count, digest: fc.nat({ max: 0xffffffff }) })
const profile = fc.record({ name: id, deviceId: fc.option(id), metadata: block(50), spectator: fc.boolean() })
const message = fc.oneof(
  fc.record({ kind: fc.constant('knock'), version: whole, roomId: fc.option(id) }),
  fc.record({
    kind: fc.constant('here'),
    version: count,
    roomId: id,
    epoch: count,
    host: id,
    connected: whole,
    nonce: whole,
  }),
  fc.record({
    kind: fc.constant('hello'),
    version: count,
    nonce: whole,
    epoch: count,
    profile,
    key: block(65),
    password: block(32),
    token: fc.option(token),
    proof: block(64),
  }),
  fc.record({ kind: fc.constant('welcome'), token, state }),
  fc.record({ kind: fc.constant('reject'), code: id, retryable: fc.boolean() }),
  fc.record({ kind: fc.constant('roster'), state }),
  fc.record({ kind: fc.constant('token'), token }),
  fc.record({ kind: fc.constantFrom('ping', 'pong'), id: whole, view }),
  fc.record({ kind: fc.constantFrom('probe', 'alive'), target: id }),
  fc.record({ kind: fc.constant('presence'), presence: fc.constantFrom('here', 'hidden', 'away') }),
  fc.record({ kind: fc.constantFrom('goodbye', 'merge') }),
  fc.record({ kind: fc.constant('evicted'), reason: fc.constantFrom('expired', 'kicked', 'banned') }),
  fc.record({ kind: fc.constant('yield'), to: id }),
) as fc.Arbitrary<RoomMessage>

const decoded = (frame: Uint8Array): RoomMessage | null => decodeRoomMessage(frame, NOW_MS)

describe('frames between rooms', () => {
  it('[RMWIRE-1] decode to what was encoded; the times of windows move to the reader’s clock', () => {
    fc.assert(
      fc.property(message, (said) => {
        expect(decoded(encodeRoomMessage(said, NOW_MS))).toEqual(said)
      }),
    )
    const record = { reason: 'timeout', sinceMs: NOW_MS - 50, untilMs: NOW_MS + 900 } as const
    fc.assert(
      fc.property(state, (some) => {
        const [first, ...rest] = some.members
        const told = { kind: 'roster', state: { ...some, members: [{ ...first!, away: record }, ...rest] } } as const
        const read = decodeRoomMessage(encodeRoomMessage(told, NOW_MS), 7_000)
        if (read?.kind !== 'roster') throw new Error('no roster')
        expect(read.state.members[0]?.away).toEqual({ reason: 'timeout', sinceMs: 6_950, untilMs: 7_900 })
      }),
    )
  })

  it('[RMWIRE-2] that are cut short, go on too long or are any bytes at all are none, and nothing is thrown', () => {
    fc.assert(
      fc.property(message, fc.nat(), (said, cut) => {
        const frame = encodeRoomMessage(said, NOW_MS)
        expect(decoded(frame.subarray(0, cut % frame.length))).toBeNull()
        expect(decoded(Uint8Array.of(...frame, 0))).toBeNull()
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decoded(bytes)),
      { numRuns: 2_000 },
    )
    fc.assert(
      fc.property(message, fc.nat(), fc.nat({ max: 255 }), (said, at, byte) => {
        const frame = encodeRoomMessage(said, NOW_MS)
        frame[at % frame.length] = byte
        decoded(frame)
      }),
      { numRuns: 1_000 },
    )
  })

  it('[RMWIRE-3] over a bound, or that contradict themselves, are none', () => {
    const [one] = fc.sample(member, { numRuns: 1, seed: 1 })
    const [some] = fc.sample(state, { numRuns: 1, seed: 1 })
    if (one === undefined || some === undefined) throw new Error('no sample')
    const many = Array.from({ length: MAX_MEMBERS + 1 }, (_, i) => ({ ...one, id: `p${i}` }))
    const deny = new Set(Array.from({ length: MAX_LISTED_PEERS + 1 }, (_, i) => `p${i}`))
    const good = { ...some, host: 'p0', members: many.slice(1).concat(many[0]!).slice(-MAX_MEMBERS) }
    expect(decoded(encodeRoomMessage({ kind: 'roster', state: good }, NOW_MS))).not.toBeNull()
    for (const bad of [
      { ...good, members: many },
      { ...good, host: 'nobody' },
      { ...good, members: [...good.members.slice(1), good.members[1]!] },
      { ...good, version: 2 ** 49 },
      { ...good, policy: { ...good.policy, deny } },
      { ...good, members: [{ ...good.members[0]!, metadata: new Uint8Array(1025) }, ...good.members.slice(1)] },
    ]) {
      expect(decoded(encodeRoomMessage({ kind: 'roster', state: bad }, NOW_MS))).toBeNull()
    }
  })
})
