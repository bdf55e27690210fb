import { beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import type { DedupKey, StoredEntry } from '../contract.ts'
import { STAND_AGAIN_INTERVAL_MS } from './election.ts'
import type { RaftMessage } from './message.ts'
import { type Input, RaftCore, type Ready } from './raft-core.ts'
import { PAUSED_PATIENCE } from './replica.ts'
import { MAX_UNCOMMITTED_BYTES_PER_MEMBER, MAX_UNCOMMITTED_PER_MEMBER } from './shares.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const record = { voters: ['self', 'ann', 'bob'], learners: ['eve'], old: null }
const FIRST: StoredEntry = {
  kind: 'config',
  index: 1,
  term: 1,
  timeMs: 7000,
  command: new Uint8Array(0),
  dedupKey: null,
  proposer: null,
  config: record,
}

let core: RaftCore
let nowMs: number
let wallMs: number

/** A step and its round; the disk is instant. */
function step(input: Input): Ready {
  const at = { nowMs, wallMs, frameBytes: null }
  core.step(input, at)
  const ready = core.ready()
  if (ready.write === null) return ready
  core.step({ kind: 'written', id: ready.write.id }, at)
  const then = core.ready()
  return {
    ...ready,
    messages: [...ready.messages, ...then.messages],
    outcomes: [...ready.outcomes, ...then.outcomes],
    notes: [...ready.notes, ...then.notes],
  }
}

const receive = (from: string, message: RaftMessage): Ready => step({ kind: 'message', from, message })

const has = (index: number, term = core.term): RaftMessage => ({
  kind: 'append-reply',
  term,
  accepted: true,
  index,
  hintIndex: 0,
  hintTerm: 0,
})

function elect(): void {
  let nonce: number | null = null
  while (nonce === null) {
    nowMs = core.nextDeadlineMs
    for (const { message } of step({ kind: 'tick' }).messages) if (message.kind === 'pre-vote') nonce = message.nonce
  }
  receive('ann', { kind: 'pre-vote-reply', term: core.term, nonce, granted: true })
  receive('ann', { kind: 'vote-reply', term: core.term, granted: true })
}

/** Leads ann, bob and the learner eve in term 2; ann has all of it. */
beforeEach(() => {
  nowMs = 0
  wallMs = 7000
  const durable = { term: 1, vote: null, leader: null, commit: 1, entries: [FIRST], floor: null }
  const cluster = { voters: new Set<string>(), learners: new Set<string>() }
  const at = { nowMs, wallMs, frameBytes: null }
  core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at })
  core.notes = true
  elect()
  receive('ann', has(2))
  expect([core.role, core.commitIndex]).toEqual(['leader', 2])
})

function forwarded(from: string, serial: number, options: { bytes?: number; dedupKey?: DedupKey } = {}): Ready {
  const { dedupKey = { clientId: `auto:${from}-1`, requestId: serial }, bytes = 1 } = options
  const command = new Uint8Array(bytes)
  // A sender that claims to wait for nothing older, so that the ledger forgets.
  return receive(from, {
    kind: 'forward',
    term: core.term,
    incarnation: 1,
    serial,
    lowest: serial,
    dedupKey,
    command,
  })
}

const uncommittedOf = (id: string): number =>
  core.log.slice(core.commitIndex + 1, core.log.lastIndex).filter(({ proposer }) => proposer === id).length

describe('a leader', () => {
  it('[RAFT-41] takes so many uncommitted proposals of one member, then leaves it waiting and serves the others', () => {
    for (let serial = 1; serial <= MAX_UNCOMMITTED_PER_MEMBER + 10; serial++) forwarded('ann', serial)
    expect(uncommittedOf('ann')).toBe(MAX_UNCOMMITTED_PER_MEMBER)
    expect(core.dropped.get('forward-overload')).toBe(10)
    forwarded('eve', 1)
    expect(uncommittedOf('eve')).toBe(1)
    step({ kind: 'propose', token: 1, command: utf8('own'), dedupKey: { clientId: 'auto:self-1', requestId: 1 } })
    expect(uncommittedOf('self')).toBe(1)
    receive('bob', has(core.log.lastIndex))
    forwarded('ann', MAX_UNCOMMITTED_PER_MEMBER + 10)
    expect(uncommittedOf('ann')).toBe(1)
  })

  it('[RAFT-41] counts bytes too', () => {
    const half = MAX_UNCOMMITTED_BYTES_PER_MEMBER / 2
    for (let serial = 1; serial <= 4; serial++) forwarded('ann', serial, { bytes: half })
    expect(uncommittedOf('ann')).toBe(2)
    forwarded('bob', 1)
    expect(uncommittedOf('bob')).toBe(1)
  })

  it('[RAFT-41] refuses at once what could take no effect, and says why, however often it comes', () => {
    forwarded('ann', 1, { dedupKey: { clientId: 'ours', requestId: 1 } })
    receive('ann', has(3))
    for (let i = 0; i < 2; i++) {
      const { messages } = forwarded('bob', 1, { dedupKey: { clientId: 'ours', requestId: 2 } })
      expect(messages).toMatchObject([
        { to: 'bob', message: { kind: 'forward-refused', serial: 1, reason: 'foreign' } },
      ])
    }
    const { messages } = forwarded('bob', 2, { dedupKey: { clientId: 'auto:ann-1', requestId: 1 } })
    expect(messages).toMatchObject([{ to: 'bob', message: { kind: 'forward-refused', reason: 'foreign' } }])
    expect(core.log.lastIndex).toBe(3)
    step({ kind: 'propose', token: 1, command: utf8('own'), dedupKey: { clientId: 'ours', requestId: 3 } })
    expect(core.log.lastIndex).toBe(3)
  })

  it('[RAFT-42] stands again for a learner of a later term once in a while, and for no stranger', () => {
    const later = (): RaftMessage => ({ ...has(2), term: core.term + 5 }) as RaftMessage
    receive('stranger', later())
    expect(core.role).toBe('leader')
    expect(receive('eve', later()).messages).toContainEqual({
      to: 'ann',
      message: { kind: 'vote', term: 8, lastIndex: 2, lastTerm: 2 },
    })
    receive('ann', { kind: 'vote-reply', term: 8, granted: true })
    expect([core.role, core.term]).toEqual(['leader', 8])
    nowMs += STAND_AGAIN_INTERVAL_MS - 1
    receive('eve', later())
    expect([core.role, core.term]).toEqual(['leader', 8])
    nowMs += 1
    step({ kind: 'change', token: 1, change: { addLearners: ['new'] }, ifConfigIndex: null })
    receive('eve', later())
    expect(core.role).toBe('leader')
    while (core.commitIndex < core.log.lastIndex) receive('ann', has(core.log.lastIndex))
    receive('eve', later())
    expect(core.role).toBe('candidate')
  })

  it('[RAFT-44] stamps times that never go back, whatever its clock says', () => {
    const times = [9000.7, 8000, NaN, -5, Infinity, 1e300, 9001].map((time, i) => {
      wallMs = time
      forwarded('ann', i + 1)
      return core.log.entryAt(core.log.lastIndex)?.timeMs
    })
    expect(times).toEqual([9000, 9000, 9000, 9000, 9000, 9000, 9001])
  })

  it('[RAFT-44] goes on from the time of the leader before it, and of the snapshot that its log begins with', () => {
    const { term } = core
    const floor = {
      index: 5,
      term,
      config: record,
      configIndex: 1,
      timeMs: 12_000,
      sessions: new Uint8Array(0),
      state: utf8(''),
    }
    for (const [entries, expected] of [
      [[], 12_000],
      [[{ ...FIRST, kind: 'command', index: 6, term, timeMs: 13_000 } as StoredEntry], 13_000],
    ] as const) {
      const durable = { term, vote: null, leader: null, commit: 5, entries, floor }
      const cluster = { voters: new Set<string>(), learners: new Set<string>() }
      const at = { nowMs, wallMs: 100, frameBytes: null }
      core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at })
      elect()
      expect(core.log.entryAt(core.log.lastIndex)).toMatchObject({ kind: 'noop', timeMs: expected })
    }
  })
})

describe('a node whose page is hidden', () => {
  it(`[RAFT-35] leaves ${PAUSED_PATIENCE} election timeouts in a row to others, then takes it that there are none`, () => {
    const timeout = (): Ready => {
      nowMs += TIMING.electionTimeoutMaxMs
      return step({ kind: 'tick' })
    }
    step({ kind: 'pause', token: 1 })
    for (let round = 0; round < 2; round++) {
      receive('ann', { kind: 'append', term: 3, prevIndex: 2, prevTerm: 2, entries: [], commit: 0 })
      for (let i = 0; i < PAUSED_PATIENCE; i++) expect(timeout().messages).toEqual([])
      expect(core.leader).toBeNull()
      expect(timeout().messages).toMatchObject([{ message: { kind: 'pre-vote' } }, { message: { kind: 'pre-vote' } }])
    }
  })
})

describe('a member that is removed', () => {
  const config = (index: number, ...voters: string[]): StoredEntry => ({
    ...FIRST,
    index,
    term: 3,
    config: { voters, learners: [], old: null },
  })
  const propose = (token: number): Ready =>
    step({ kind: 'propose', token, command: utf8('x'), dedupKey: { clientId: 'auto:self-1', requestId: token } })
  const append = (prevIndex: number, prevTerm: number, entries: StoredEntry[], commit: number): Ready =>
    receive('ann', { kind: 'append', term: 3, prevIndex, prevTerm, entries, commit })

  it('[RAFT-40] gets to know, and what it waits for ends: refused if no leader had it, unknown otherwise', () => {
    append(2, 2, [], 2)
    propose(1)
    while (core.leader !== null) {
      nowMs = core.nextDeadlineMs
      step({ kind: 'tick' })
    }
    propose(2)
    const { notes, outcomes } = append(2, 2, [config(3, 'ann', 'bob')], 3)
    expect(notes).toContainEqual({ kind: 'removed', index: 3, by: null })
    expect(outcomes).toMatchObject([
      { token: 1, error: { name: 'NotMemberError', outcome: 'unknown' } },
      { token: 2, error: { name: 'NotMemberError', outcome: 'refused' } },
    ])
    expect(propose(3).outcomes).toMatchObject([{ token: 3, error: { name: 'NotMemberError', outcome: 'refused' } }])
  })

  it('[RAFT-40] and taken in again goes on, also where it reads both at once', () => {
    append(2, 2, [], 2)
    propose(1)
    const { notes, outcomes } = append(2, 2, [config(3, 'ann', 'bob'), config(4, 'ann', 'bob', 'self')], 4)
    expect(notes.filter(({ kind }) => kind === 'removed')).toEqual([])
    expect(outcomes).toEqual([])
    expect(propose(2).messages).toMatchObject([{ to: 'ann', message: { kind: 'forward', serial: 2 } }])
  })
})
