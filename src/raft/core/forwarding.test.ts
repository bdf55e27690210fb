import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import type { StoredEntry } from '../contract.ts'
import { ForwardLedger } from './proposals.ts'
import { type Input, RaftCore, type Ready } from './raft-core.ts'
import type { RaftMessage } from './message.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const at = (nowMs: number, frameBytes: number | null = null) => ({ nowMs, wallMs: nowMs, frameBytes })
const config = { voters: ['self', 'leader', 'other'], learners: [], old: null }
const first: StoredEntry = {
  kind: 'config',
  index: 1,
  term: 1,
  timeMs: 0,
  command: new Uint8Array(0),
  dedupKey: null,
  proposer: null,
  config,
}
const heartbeat: RaftMessage = { kind: 'append', term: 1, prevIndex: 1, prevTerm: 1, entries: [], commit: 1 }
const dedupKey = { clientId: 'auto:self-1', requestId: 1 }

/** A follower of `leader` in term 1. */
function follower(): RaftCore {
  const durable = { term: 1, vote: null, leader: null, commit: 1, entries: [first], floor: null }
  const cluster = { voters: new Set<string>(), learners: new Set<string>() }
  const core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at: at(0) })
  core.step({ kind: 'message', from: 'leader', message: heartbeat }, at(0))
  core.ready()
  return core
}

/** Ticks at every deadline through `untilMs`. Returns the kinds of what was sent to the leader. */
function run(core: RaftCore, untilMs: number): string[] {
  const sent: string[] = []
  while (core.nextDeadlineMs <= untilMs) {
    core.step({ kind: 'tick' }, at(core.nextDeadlineMs))
    for (const { to, message } of core.ready().messages) if (to === 'leader') sent.push(message.kind)
  }
  return sent
}

describe('forwards', () => {
  it('[RAFT-20] a proposal lost while its leader was out of sight is repeated once the same leader is heard again', () => {
    const core = follower()
    core.step({ kind: 'propose', token: 1, command: utf8('lost'), dedupKey }, at(100))
    expect(core.ready().messages.map(({ message }) => message.kind)).toEqual(['forward'])
    run(core, 5000)
    expect(core.leader).toBeNull()
    core.step({ kind: 'message', from: 'leader', message: heartbeat }, at(5000))
    core.ready()
    expect(core.leader).toBe('leader')
    expect(run(core, 6100)).toContain('forward')
  })

  it('[RAFT-20] a proposal made while its proposer takes over from the leader is committed by itself', () => {
    const core = follower()
    const step = (input: Input): Ready => {
      core.step(input, at(200))
      return core.ready()
    }
    const settle = (ready: Ready): Ready => step({ kind: 'written', id: (ready.write as { id: number }).id })
    const campaigning = step({
      kind: 'message',
      from: 'leader',
      message: { kind: 'timeout-now', term: 1, target: 'self' },
    })
    expect(core.role).toBe('candidate')
    expect(core.leader).toBeNull()
    expect(step({ kind: 'propose', token: 1, command: utf8('mark'), dedupKey }).messages).toEqual([])
    settle(campaigning)
    const elected = step({ kind: 'message', from: 'other', message: { kind: 'vote-reply', term: 2, granted: true } })
    expect(core.role).toBe('leader')
    settle(elected)
    const reply = { kind: 'append-reply', term: 2, accepted: true, index: 2, hintIndex: 0, hintTerm: 0 } as const
    const opened = step({ kind: 'message', from: 'other', message: reply })
    const appended = [elected, opened].flatMap(({ write }) => write?.batch.entries ?? [])
    expect(appended.map(({ command }) => fromUtf8(command))).toContain('mark')
  })

  it('[RAFT-20] a proposal that waited for a leader is refused if no frame can carry it any more', () => {
    const core = follower()
    run(core, 5000)
    core.step({ kind: 'propose', token: 1, command: new Uint8Array(900), dedupKey }, at(5000))
    core.ready()
    core.step({ kind: 'message', from: 'leader', message: heartbeat }, at(5001, 500))
    const { outcomes, messages } = core.ready()
    expect(outcomes).toMatchObject([{ kind: 'failed', token: 1, error: { name: 'PayloadTooLargeError' } }])
    expect(messages.filter(({ message }) => message.kind === 'forward')).toEqual([])
    expect(core.pendingProposals).toBe(0)
  })
})

describe('the ledger of forwards', () => {
  it('[RAFT-19] a member that starts again and again in one term is still served; its earlier processes are not', () => {
    const ledger = new ForwardLedger()
    for (let incarnation = 1; incarnation <= 100; incarnation++) {
      expect(ledger.look('player', incarnation, 1, 1)).toBe('new')
      ledger.record('player', incarnation, 1, null)
    }
    expect(ledger.look('player', 100, 1, 1)).toBe('appended')
    expect(ledger.look('player', 1, 1, 1)).toBe('old')
    expect(ledger.look('player', 1, 2, 1)).toBe('old')
    expect(ledger.look('player', 100, 2, 1)).toBe('new')
  })
})
