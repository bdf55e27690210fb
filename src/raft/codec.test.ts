import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { decodeRaftMessage, encodeRaftMessage } from './codec.ts'
import type { StoredEntry } from './contract.ts'
import { BatchSize, entrySizeBytes, FRAME_HEADER_BYTES } from './core/entry-size.ts'
import { NO_FLOOR, RaftLog } from './core/log.ts'
import type { RaftMessage } from './core/message.ts'
import { MAX_BATCH_BYTES } from './core/replication.ts'
import { MAX_ID_BYTES } from './id.ts'

// Many cases a test: seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const number = fc.maxSafeNat()
const small = fc.nat({ max: 100_000 })
const id = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => utf8(text).length <= MAX_ID_BYTES)
const bytes = fc.uint8Array({ maxLength: 64 })
const key = fc.option(fc.record({ clientId: id, requestId: number }))
const config = fc
  .record({
    members: fc.uniqueArray(id, { minLength: 1, maxLength: 10 }),
    voting: fc.integer({ min: 1, max: 10 }),
    old: fc.option(fc.uniqueArray(id, { minLength: 1, maxLength: 5 })),
  })
  .map(({ members, voting, old }) => ({ voters: members.slice(0, voting), learners: members.slice(voting), old }))

/** Entries as a log holds them: contiguous, terms and times never falling. */
const entries = (prevIndex: number, prevTerm: number): fc.Arbitrary<StoredEntry[]> =>
  fc
    .array(
      fc.record({
        kind: fc.constantFrom('command', 'noop', 'config'),
        step: fc.nat({ max: 3 }),
        key,
        config,
        bytes,
        proposer: fc.option(id),
        ms: small,
      }),
      { maxLength: 6 },
    )
    .map((drafts) => {
      let [term, timeMs] = [prevTerm, 0]
      return drafts.map((draft, i): StoredEntry => {
        term += draft.step
        timeMs += draft.ms
        const base = {
          index: prevIndex + 1 + i,
          term,
          timeMs,
          command: draft.bytes,
          dedupKey: draft.key,
          proposer: draft.proposer,
        }
        return draft.kind === 'config'
          ? { ...base, kind: 'config', config: draft.config }
          : { ...base, kind: draft.kind as 'noop' }
      })
    })

const append: fc.Arbitrary<RaftMessage> = fc
  .tuple(number, small, small, number, number, small)
  .chain(([term, prevIndex, prevTerm, commit, round, roundTripMs]) =>
    entries(prevIndex, prevTerm).map((list) => ({
      kind: 'append' as const,
      term,
      prevIndex,
      prevTerm,
      commit,
      entries: list,
      round,
      roundTripMs,
    })),
  )

const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  append,
  fc.record({
    kind: fc.constant('snapshot' as const),
    term: number,
    index: number,
    indexTerm: number,
    size: number,
    digest: number,
    serial: number,
    offset: number,
    data: bytes,
  }),
  fc.record({
    kind: fc.constant('snapshot-reply' as const),
    term: number,
    index: number,
    serial: number,
    offset: number,
    missed: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('pre-vote' as const),
    term: number,
    lastIndex: number,
    lastTerm: number,
    nonce: number,
  }),
  fc.record({ kind: fc.constant('pre-vote-reply' as const), term: number, nonce: number, granted: fc.boolean() }),
  fc.record({ kind: fc.constant('vote' as const), term: number, lastIndex: number, lastTerm: number }),
  fc.record({ kind: fc.constant('vote-reply' as const), term: number, granted: fc.boolean() }),
  fc.record({
    kind: fc.constant('append-reply' as const),
    term: number,
    accepted: fc.constant(true),
    index: number,
    hintIndex: fc.constant(0),
    hintTerm: fc.constant(0),
    round: number,
  }),
  fc.record({
    kind: fc.constant('append-reply' as const),
    term: number,
    accepted: fc.constant(false),
    index: number,
    hintIndex: number,
    hintTerm: number,
    round: number,
  }),
  fc.record({ kind: fc.constant('commit' as const), term: number, commit: number }),
  fc.record({
    kind: fc.constant('forward' as const),
    term: number,
    incarnation: number,
    serial: number,
    lowest: number,
    dedupKey: key,
    command: bytes,
  }),
  fc.record({
    kind: fc.constant('forward-refused' as const),
    term: number,
    incarnation: number,
    serial: number,
    reason: fc.constantFrom('too-large' as const, 'foreign' as const, 'crowded' as const),
    maxBytes: number,
  }),
  fc.record({ kind: fc.constant('who-votes' as const), term: number }),
  fc.record({ kind: fc.constant('voters' as const), term: number, index: number, config }),
  fc.record({ kind: fc.constant('read' as const), term: number, serial: number }),
  fc.record({ kind: fc.constant('read-reply' as const), term: number, serial: number, index: number }),
  fc.record({ kind: fc.constant('timeout-now' as const), term: number, target: id }),
  fc.record({ kind: fc.constant('transfer-refused' as const), term: number }),
)

describe('raft codec', () => {
  it('[RWIRE-1] every message comes back as it was sent', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeRaftMessage(encodeRaftMessage(sent))).toEqual(sent)
      }),
      { numRuns: 1500 },
    )
  })

  it('[RWIRE-2] no bytes whatever make the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (frame) => void decodeRaftMessage(frame)),
      { numRuns: 3000 },
    )
  })

  it('[RWIRE-2] a frame with bytes changed, cut off or added is a message or nothing, and what is understood can be said', () => {
    const mutation = fc.record({
      at: fc.nat(),
      byte: fc.nat({ max: 255 }),
      cut: fc.nat({ max: 3 }),
      tail: fc.uint8Array({ maxLength: 2 }),
    })
    fc.assert(
      fc.property(message, mutation, (sent, { at, byte, cut, tail }) => {
        const frame = encodeRaftMessage(sent)
        frame[at % frame.length] = byte
        const whole = Uint8Array.from([...frame.subarray(0, frame.length - cut), ...tail])
        const read = decodeRaftMessage(whole)
        if (read !== null) expect(decodeRaftMessage(encodeRaftMessage(read))).toEqual(read)
      }),
      { numRuns: 3000 },
    )
  })

  it('[RWIRE-2] a count that the frame cannot hold is refused before anything is made of it', () => {
    const frame = encodeRaftMessage({ kind: 'append', term: 1, prevIndex: 0, prevTerm: 0, commit: 0, entries: [] })
    const boastful = Uint8Array.from([...frame.subarray(0, -1), 0xff, 0xff, 0xff, 0xff, 0x7f])
    expect(decodeRaftMessage(boastful)).toBeNull()
  })

  it('[RWIRE-2] an id that is empty or over 256 bytes is refused', () => {
    const voters = (name: string) =>
      encodeRaftMessage({ kind: 'voters', term: 1, index: 1, config: { voters: [name], learners: [], old: null } })
    expect(decodeRaftMessage(voters('x'.repeat(256)))).not.toBeNull()
    expect(decodeRaftMessage(voters('x'.repeat(257)))).toBeNull()
    expect(decodeRaftMessage(voters(''))).toBeNull()
  })

  it('[RWIRE-2] a configuration that no log can hold is refused', () => {
    const told = (voters: string[], learners: string[], old: string[] | null) =>
      decodeRaftMessage(encodeRaftMessage({ kind: 'voters', term: 1, index: 1, config: { voters, learners, old } }))
    expect(told(['a', 'b'], ['c'], ['a', 'c'])).not.toBeNull()
    expect(told(['a', 'b'], ['b'], null)).toBeNull()
    expect(told(['a', 'b'], ['c', 'c'], null)).toBeNull()
    expect(told([], ['a'], null)).toBeNull()
    expect(told(['a'], [], [])).toBeNull()
  })

  it('[RWIRE-3] frames of another version are not understood', () => {
    const frame = encodeRaftMessage({ kind: 'commit', term: 1, commit: 1 })
    frame[0] = 2
    expect(decodeRaftMessage(frame)).toBeNull()
  })

  it('[RWIRE-4] an append is never longer than the sizes that batches are measured by', () => {
    fc.assert(
      fc.property(append, (sent) => {
        if (sent.kind !== 'append') return
        const size = new BatchSize()
        for (const entry of sent.entries) size.add(entry)
        expect(encodeRaftMessage(sent).length).toBeLessThanOrEqual(size.bytes + FRAME_HEADER_BYTES)
        const [first] = sent.entries
        if (first === undefined) return
        const alone = encodeRaftMessage({ ...sent, entries: [first] })
        expect(alone.length).toBeLessThanOrEqual(entrySizeBytes(first) + FRAME_HEADER_BYTES)
      }),
      { numRuns: 1500 },
    )
  })

  it('[RWIRE-4] nor far shorter, however long the ids: one that many entries have is said and counted once', () => {
    const [proposer, clientId] = ['p'.repeat(43), `auto:${'p'.repeat(43)}-0123456789abcdef`]
    const log = Array.from({ length: 1000 }, (_, i): StoredEntry => ({
      kind: 'command',
      index: i + 1,
      term: 1,
      command: new Uint8Array(100),
      dedupKey: { clientId, requestId: i + 1 },
      proposer,
      timeMs: 1_790_000_000_000,
    }))
    const batch = new RaftLog(NO_FLOOR, log).batch(1, MAX_BATCH_BYTES)
    const sent = { kind: 'append', term: 1, prevIndex: 0, prevTerm: 0, commit: 0, entries: batch.entries } as const
    expect(encodeRaftMessage(sent).length).toBeGreaterThan(0.6 * MAX_BATCH_BYTES)
  })

  it('[RWIRE-5] the commands of a decoded message are views of its frame, and no Buffers where that is one', () => {
    const command = Uint8Array.of(7, 8)
    const sent = { kind: 'forward', term: 1, incarnation: 1, serial: 1, lowest: 1, dedupKey: null, command } as const
    const frame = encodeRaftMessage(sent)
    for (const received of [frame, Buffer.from(frame)]) {
      const read = decodeRaftMessage(received)
      expect(read).toEqual(sent)
      received[received.length - 1] = 9
      expect(read).toEqual({ ...sent, command: Uint8Array.of(7, 9) })
    }
  })
})
