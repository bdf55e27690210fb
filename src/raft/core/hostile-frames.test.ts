import { beforeEach, describe, expect, it } from 'vitest'
import type { StoredEntry } from '../contract.ts'
import type { RaftMessage } from './message.ts'
import { MAX_TERM_JUMP } from './gates.ts'
import { RaftCore, type Ready } from './raft-core.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const at = (nowMs = 0) => ({ nowMs, wallMs: nowMs, frameBytes: null })
const config = { voters: ['self', 'leader', 'other'], learners: ['listener'], old: null }

function entry(index: number, term: number, timeMs = 0): StoredEntry {
  const base = { index, term, timeMs, command: Uint8Array.of(index), dedupKey: null, proposer: null }
  return index === 1 ? { ...base, kind: 'config', config } : { ...base, kind: 'command' }
}

const REPLY = { kind: 'append-reply', term: 3, accepted: true, index: 3, hintIndex: 0, hintTerm: 0 } as const

let core: RaftCore

function receive(from: string, message: RaftMessage, nowMs = 0): Ready {
  core.step({ kind: 'message', from, message }, at(nowMs))
  return core.ready()
}

function append(term: number, prevIndex: number, prevTerm: number, entries: StoredEntry[], commit = 0): RaftMessage {
  return { kind: 'append', term, prevIndex, prevTerm, entries, commit }
}

/** A follower of `leader` in term 3, whose log is [1, 2, 2], committed through 2. */
beforeEach(() => {
  const entries = [entry(1, 1), entry(2, 2), entry(3, 2)]
  const durable = { term: 3, vote: null, leader: null, commit: 2, entries, floor: null }
  const cluster = { voters: new Set<string>(), learners: new Set<string>() }
  core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at: at() })
  core.notes = true
  const { write } = receive('leader', append(3, 3, 2, []))
  core.step({ kind: 'written', id: (write as { id: number }).id }, at())
  core.ready()
})

describe('frames of others', () => {
  const cases: [string, string, RaftMessage][] = [
    ['leader-not-voter', 'stranger', append(9, 0, 0, [])],
    ['leader-not-voter', 'listener', append(9, 0, 0, [])],
    ['leader-not-voter', 'listener', { kind: 'commit', term: 9, commit: 3 }],
    ['candidate-not-voter', 'listener', { kind: 'vote', term: 9, lastIndex: 99, lastTerm: 8 }],
    ['candidate-not-voter', 'stranger', { kind: 'pre-vote', term: 9, lastIndex: 99, lastTerm: 8, nonce: 1 }],
    ['reply-not-voter', 'stranger', { kind: 'vote-reply', term: 9, granted: true }],
    ['reply-not-voter', 'listener', { kind: 'pre-vote-reply', term: 9, nonce: 1, granted: false }],
    [
      'reply-not-member',
      'stranger',
      { kind: 'append-reply', term: 9, accepted: true, index: 3, hintIndex: 0, hintTerm: 0 },
    ],
    [
      'forward-not-member',
      'stranger',
      { kind: 'forward', term: 3, incarnation: 1, serial: 1, lowest: 1, dedupKey: null, command: Uint8Array.of(1) },
    ],
    [
      'word-not-of-voter',
      'stranger',
      { kind: 'voters', term: 3, index: 99, config: { voters: ['stranger'], learners: [], old: null } },
    ],
    [
      'refusal-not-leader',
      'other',
      { kind: 'forward-refused', term: 3, incarnation: 1, serial: 1, reason: 'too-large', maxBytes: 0 },
    ],
    ['read-not-member', 'stranger', { kind: 'read', term: 3, serial: 1 }],
    ['read-not-leader', 'listener', { kind: 'read', term: 3, serial: 1 }],
    ['read-reply-not-leader', 'other', { kind: 'read-reply', term: 3, serial: 1, index: 3 }],
    ['read-reply-not-leader', 'leader', { kind: 'read-reply', term: 9, serial: 1, index: 3 }],
    ['read-not-asked', 'leader', { kind: 'read-reply', term: 3, serial: 1, index: 3 }],
    ['transfer-not-leader', 'other', { kind: 'timeout-now', term: 3, target: 'self' }],
    ['transfer-not-leader', 'listener', { kind: 'timeout-now', term: 9, target: 'self' }],
    ['transfer-not-leader', 'leader', { kind: 'timeout-now', term: 4, target: 'self' }],
    ['transfer-not-leader', 'leader', { kind: 'timeout-now', term: 2, target: 'self' }],
    ['refusal-not-voter', 'listener', { kind: 'transfer-refused', term: 3 }],
    ['refusal-not-asked', 'other', { kind: 'transfer-refused', term: 3 }],
    ['from-self', 'self', append(9, 0, 0, [])],
    ['term-jump', 'other', { kind: 'vote', term: 3 + MAX_TERM_JUMP + 1, lastIndex: 3, lastTerm: 2 }],
    ['term-jump', 'stranger', append(3 + MAX_TERM_JUMP + 1, 3, 2, [])],
    ['not-this-terms-leader', 'other', append(3, 3, 2, [entry(4, 3)])],
  ]
  for (const [gate, from, message] of cases) {
    it(`[RAFT-21] ${message.kind} from ${from} is refused at the gate ${gate}, and moves nothing`, () => {
      const before = {
        term: core.term,
        leader: core.leader,
        commit: core.commitIndex,
        last: core.log.lastIndex,
        due: core.nextDeadlineMs,
      }
      const ready = receive(from, message, 500)
      expect(ready.notes).toContainEqual({ kind: 'frame-refused', gate, from })
      expect(core.dropped.get(gate)).toBe(1)
      expect(ready.write).toBeNull()
      expect({
        term: core.term,
        leader: core.leader,
        commit: core.commitIndex,
        last: core.log.lastIndex,
        due: core.nextDeadlineMs,
      }).toEqual(before)
    })
  }

  it('[RAFT-18] who votes is asked of those the node knows now, and a word about the past does not change whom', () => {
    const record = (...voters: string[]) => ({ voters, learners: [], old: null })
    const asked = (from: string, nowMs: number): string[] =>
      receive(from, append(9, 0, 0, []), nowMs)
        .messages.filter(({ message }) => message.kind === 'who-votes')
        .map(({ to }) => to)
        .sort()
    receive('other', { kind: 'voters', term: 3, index: 4, config: record('self', 'other', 'fourth') })
    expect(asked('stranger', 0)).toEqual(['fourth', 'leader', 'other'])
    const newer = { ...entry(4, 3), kind: 'command' } as const
    const change: StoredEntry = { ...entry(5, 3), kind: 'config', config: record('self', 'leader', 'fifth') }
    receive('leader', append(3, 3, 2, [newer, change]))
    expect(asked('stranger', 1000)).toEqual(['fifth', 'leader'])
  })

  for (const from of ['listener', 'stranger']) {
    it(`[RAFT-21] the word of a ${from} makes nobody a voter`, () => {
      const word = { voters: ['self', from], learners: [], old: null }
      receive(from, { kind: 'voters', term: 3, index: 99, config: word })
      expect(core.dropped.get('word-not-of-voter')).toBe(1)
      receive(from, append(9, 3, 2, []), 5000)
      expect(core.dropped.get('leader-not-voter')).toBe(1)
      expect(core.term).toBe(3)
    })
  }

  it('[RAFT-21] a node that was away for a million terms gets there in steps, led by a voter', () => {
    const term = 3 + 2 * MAX_TERM_JUMP + 5
    for (const reached of [3 + MAX_TERM_JUMP, 3 + 2 * MAX_TERM_JUMP]) {
      receive('other', append(term, 3, 2, []))
      expect(core.term).toBe(reached)
      expect(core.leader).toBeNull()
    }
    receive('other', append(term, 3, 2, []))
    expect(core.term).toBe(term)
    expect(core.leader).toBe('other')
  })

  it('[RAFT-42] the answer of a learner moves the term of nobody', () => {
    receive('listener', { ...REPLY, term: 9 }, 500)
    expect(core.term).toBe(3)
    expect(core.leader).toBe('leader')
  })

  it('[RAFT-43] a node that hears leaders and may follow none says so, once, until it follows one', () => {
    const deaf = (): number =>
      Array.from({ length: 100 }, () => receive('stranger', append(9, 3, 2, [])))
        .flatMap(({ notes }) => notes)
        .filter(({ kind }) => kind === 'deaf').length
    expect(deaf()).toBe(1)
    expect(deaf()).toBe(0)
    receive('leader', append(3, 3, 2, []))
    expect(deaf()).toBe(1)
  })

  it('[RAFT-11] entries that overwrite what has committed are refused', () => {
    receive('leader', append(3, 1, 1, [entry(2, 3)]))
    expect(core.dropped.get('append-rewrites-committed')).toBe(1)
    expect(core.log.termAt(2)).toBe(2)
  })

  for (const [what, message] of [
    ["a term above its leader's", append(3, 3, 2, [entry(4, 4)])],
    ['terms that fall', append(3, 3, 2, [entry(4, 3), entry(5, 2)])],
    ['a gap', append(3, 3, 2, [entry(5, 3)])],
    ['times that fall', append(3, 3, 2, [entry(4, 3, 9), entry(5, 3, 8)])],
    ["a previous term above its leader's", append(3, 3, 9, [])],
  ] as const) {
    it(`[RAFT-11] an append with ${what} is refused whole`, () => {
      receive('leader', message)
      expect(core.dropped.get('append-implausible')).toBe(1)
      expect(core.log.lastIndex).toBe(3)
    })
  }

  it('[RAFT-13] the commit index follows the leader only as far as the leader has shown the logs to agree', () => {
    const cluster = { voters: new Set<string>(), learners: new Set<string>() }
    const durable = {
      term: 3,
      vote: null,
      leader: null,
      commit: 0,
      entries: [entry(1, 1), entry(2, 2), entry(3, 2)],
      floor: null,
    }
    core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at: at() })
    receive('leader', { kind: 'commit', term: 3, commit: 3 })
    expect(core.commitIndex).toBe(0)
    receive('leader', append(3, 1, 1, [], 3))
    expect(core.commitIndex).toBe(1)
    receive('leader', { kind: 'commit', term: 3, commit: 2 ** 52 })
    expect(core.commitIndex).toBe(1)
    receive('leader', append(3, 1, 1, [entry(2, 3)], 1))
    receive('leader', { kind: 'commit', term: 3, commit: 9 })
    expect(core.commitIndex).toBe(2)
    expect(core.log.termAt(2)).toBe(3)
  })

  it('[RAFT-11] a frame that comes twice or late changes nothing and is acknowledged for what it covers', () => {
    const frame = append(3, 1, 1, [entry(2, 2)])
    for (let i = 0; i < 2; i++) {
      const { messages, write } = receive('leader', frame)
      expect(messages.map(({ message }) => message)).toMatchObject([{ kind: 'append-reply', accepted: true, index: 2 }])
      expect(write).toBeNull()
    }
    expect(core.log.lastIndex).toBe(3)
  })

  it('[RAFT-6] while a leader is known to live, a candidate is denied and its term not taken over', () => {
    const vote = { kind: 'vote', term: 4, lastIndex: 9, lastTerm: 3 } as const
    const denied = receive('other', vote, 500)
    expect(denied.messages).toEqual([{ to: 'other', message: { kind: 'vote-reply', term: 3, granted: false } }])
    expect(core.term).toBe(3)
    const granted = receive('other', vote, 1200)
    expect(core.term).toBe(4)
    expect(granted.messages).toEqual([])
    core.step({ kind: 'written', id: (granted.write as { id: number }).id }, at(1200))
    expect(core.ready().messages).toEqual([{ to: 'other', message: { kind: 'vote-reply', term: 4, granted: true } }])
  })

  it('[RAFT-34] a candidate that the leader has named is listened to, for as long as a hand-over may take', () => {
    const vote = { kind: 'vote', term: 4, lastIndex: 9, lastTerm: 3 } as const
    receive('leader', { kind: 'timeout-now', term: 3, target: 'other' }, 100)
    receive('leader', append(3, 3, 2, []), 900)
    expect(receive('other', vote, 1200).messages).toMatchObject([{ message: { kind: 'vote-reply', granted: false } }])
    expect(core.term).toBe(3)
    receive('leader', { kind: 'timeout-now', term: 3, target: 'other' }, 1300)
    receive('stranger', { ...vote, term: 5 }, 1400)
    expect(core.term).toBe(3)
    receive('other', vote, 1400)
    expect(core.term).toBe(4)
  })

  it('[RAFT-34] TimeoutNow makes a voter campaign at once, and nobody who does not vote', () => {
    const ready = receive('leader', { kind: 'timeout-now', term: 3, target: 'self' }, 100)
    expect(core.role).toBe('candidate')
    expect(core.term).toBe(4)
    expect(ready.write?.batch).toMatchObject({ term: 4, vote: 'self' })
    const entries = [
      { ...entry(1, 1), kind: 'config', config: { ...config, voters: ['leader'], learners: ['self'] } } as const,
    ]
    const durable = { term: 1, vote: null, leader: null, commit: 1, entries, floor: null }
    const cluster = { voters: new Set<string>(), learners: new Set<string>() }
    core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at: at() })
    receive('leader', append(1, 1, 1, []))
    const refused = receive('leader', { kind: 'timeout-now', term: 1, target: 'self' })
    expect(refused.messages).toEqual([{ to: 'leader', message: { kind: 'transfer-refused', term: 1 } }])
    expect(core.role).toBe('learner')
  })

  it('[RAFT-7] the first leader of a term is its only one, also after a restart', () => {
    const entries = [entry(1, 1)]
    const durable = { term: 3, vote: null, leader: { term: 3, id: 'leader' }, commit: 0, entries, floor: null }
    const cluster = { voters: new Set<string>(), learners: new Set<string>() }
    core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at: at() })
    receive('other', append(3, 1, 1, []))
    expect(core.leader).toBeNull()
    expect(core.dropped.get('not-this-terms-leader')).toBe(1)
    receive('leader', append(3, 1, 1, []))
    expect(core.leader).toBe('leader')
  })
})
