import { beforeEach, describe, expect, it } from 'vitest'
import type { MembershipRecord, NodeId, StoredEntry } from '../contract.ts'
import type { RaftMessage } from './message.ts'
import { type Input, RaftCore } from './raft-core.ts'
import { MAX_READS_PER_MEMBER } from './reads.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

let core: RaftCore
let nowMs: number
let answers: number[]
let sent: { to: NodeId; message: RaftMessage }[]

function step(input: Input): void {
  const at = { nowMs, wallMs: nowMs, frameBytes: null }
  core.step(input, at)
  for (let ready = core.ready(); ; ready = core.ready()) {
    sent.push(...ready.messages)
    for (const outcome of ready.outcomes) if (outcome.kind === 'read') answers.push(outcome.index)
    if (ready.write === null) return
    core.step({ kind: 'written', id: ready.write.id }, at)
  }
}

const receive = (from: NodeId, message: RaftMessage): void => step({ kind: 'message', from, message })

function answer(from: NodeId, round: number, index: number = core.log.lastIndex): void {
  receive(from, { kind: 'append-reply', term: core.term, accepted: true, index, hintIndex: 0, hintTerm: 0, round })
}

/** Leads the configuration `record`, elected by all others, whose answers to its first entry are still to come. */
function lead(record: MembershipRecord): void {
  nowMs = 0
  answers = []
  sent = []
  const base = { command: new Uint8Array(0), dedupKey: null, proposer: null, timeMs: 0 }
  const entries: StoredEntry[] = [{ ...base, index: 1, term: 1, kind: 'config', config: record }]
  const durable = { term: 1, vote: null, leader: null, commit: 0, entries, floor: null }
  const cluster = { voters: new Set<NodeId>(), learners: new Set<NodeId>() }
  const at = { nowMs, wallMs: nowMs, frameBytes: null }
  core = new RaftCore({ id: 'a', cluster, durable, timing: TIMING, random: () => 0.5, at })
  nowMs = 1500
  step({ kind: 'tick' })
  const asked = sent.map(({ message }) => message).find((message) => message.kind === 'pre-vote')
  const others = new Set([...record.voters, ...(record.old ?? [])].filter((id) => id !== 'a'))
  const nonce = asked?.nonce ?? 0
  for (const id of others) receive(id, { kind: 'pre-vote-reply', term: 1, nonce, granted: true })
  for (const id of others) receive(id, { kind: 'vote-reply', term: 2, granted: true })
  expect(core.role).toBe('leader')
}

const three: MembershipRecord = { voters: ['a', 'b', 'c'], learners: ['d'], old: null }

describe('a read on the leader', () => {
  beforeEach(() => lead(three))

  it('[RAFT-31] waits for an entry of its own term, whatever was answered before', () => {
    step({ kind: 'read', token: 1 })
    answer('b', 0, 1)
    answer('b', 0, 1)
    expect(answers).toEqual([])
    answer('b', 0)
    expect(core.commitIndex).toBe(2)
    expect(answers).toEqual([])
    answer('b', 1)
    expect(answers).toEqual([2])
  })

  it('[RAFT-30] is not answered by what answers frames from before it, nor by learners or strangers', () => {
    answer('b', 0)
    step({ kind: 'read', token: 1 })
    answer('b', 0)
    answer('c', 0)
    answer('d', 1)
    answer('stranger', 1)
    expect(answers).toEqual([])
    answer('c', 1)
    expect(answers).toEqual([2])
  })

  it('[RAFT-30] is not answered by a round that was never begun, and a late answer does not take back a newer one', () => {
    answer('b', 0)
    step({ kind: 'read', token: 1 })
    answer('b', 2 ** 50)
    expect(core.dropped.get('round-not-begun')).toBe(1)
    expect(answers).toEqual([])
    step({ kind: 'read', token: 2 })
    answer('b', 2)
    answer('b', 1)
    expect(answers).toEqual([2, 2])
  })

  it('[RAFT-30] shares its round with those that come in the same turn', () => {
    answer('b', 0)
    sent = []
    for (let token = 1; token <= 50; token++)
      core.step({ kind: 'read', token }, { nowMs, wallMs: nowMs, frameBytes: null })
    step({ kind: 'read', token: 51 })
    expect(sent.filter(({ message }) => message.kind === 'append')).toHaveLength(2)
    answer('c', 1)
    expect(answers).toHaveLength(51)
  })

  it('[RAFT-32] of another goes on as its own when the node leads no more, and is asked of the next leader', () => {
    answer('b', 0)
    step({ kind: 'read', token: 1 })
    sent = []
    receive('b', { kind: 'append', term: 3, prevIndex: 2, prevTerm: 2, commit: 2, entries: [] })
    expect(sent.map(({ to, message }) => [to, message.kind])).toContainEqual(['b', 'read'])
    const question = sent.map(({ message }) => message).find((message) => message.kind === 'read')
    receive('b', { kind: 'read-reply', term: 3, serial: question?.serial ?? 0, index: 2 })
    expect(answers).toEqual([2])
  })

  it('[RAFT-30] of members is bounded, and one asked twice is one', () => {
    answer('b', 0)
    for (let i = 0; i <= MAX_READS_PER_MEMBER; i++) receive('d', { kind: 'read', term: 2, serial: 7 })
    expect(core.dropped.get('read-overload')).toBeUndefined()
    for (let serial = 8; serial <= 7 + MAX_READS_PER_MEMBER; serial++) receive('d', { kind: 'read', term: 2, serial })
    expect(core.dropped.get('read-overload')).toBe(1)
  })

  it('[RAFT-32] withdrawn gets no answer', () => {
    answer('b', 0)
    step({ kind: 'read', token: 1 })
    step({ kind: 'withdraw', token: 1 })
    answer('b', 1)
    expect(answers).toEqual([])
    expect(core.nextDeadlineMs).toBeLessThan(nowMs + 200)
  })
})

describe('a read on a leader whose voters change', () => {
  it('[RAFT-30] of a voter alone is answered at once', () => {
    lead({ voters: ['a'], learners: ['d'], old: null })
    step({ kind: 'read', token: 1 })
    expect(answers).toEqual([core.commitIndex])
  })

  it('[RAFT-30] needs a majority of the outgoing voters as well, though the leader is the only incoming one', () => {
    lead(three)
    answer('b', 0)
    step({ kind: 'change', token: 1, change: { remove: ['b', 'c'] }, ifConfigIndex: null })
    expect(core.isJoint).toBe(true)
    step({ kind: 'read', token: 2 })
    expect(answers).toEqual([])
    answer('b', 1, 2)
    expect(core.isJoint).toBe(true)
    expect(answers).toEqual([2])
  })

  it('[RAFT-16, RAFT-30] needs a majority without the leader, where it is one of the outgoing only', () => {
    lead({ voters: ['b', 'c', 'd'], learners: [], old: ['a', 'b', 'c'] })
    answer('b', 0)
    answer('c', 0)
    step({ kind: 'read', token: 1 })
    answer('b', 1)
    expect(answers).toEqual([])
    answer('c', 1)
    expect(answers).toHaveLength(1)
  })
})
