import { describe, expect, it } from 'vitest'
import { utf8 } from '../../base/bytes.ts'
import type { StoredEntry } from '../contract.ts'
import { Transcript } from '../test-support/transcript.ts'
import type { RaftMessage } from './message.ts'
import { Outbox } from './outbox.ts'
import { MAX_INFLIGHT_FRAMES } from './progress.ts'
import { RaftCore } from './raft-core.ts'

/** Bugs that other implementations had and that no short script shows; the others are in `transcripts/bugs`. */
describe('a bug that others had', () => {
  it('[RAFT-13] scylla#9965: the commit index advances over entries that nobody has compared', () => {
    const at = { nowMs: 0, wallMs: 0, frameBytes: null }
    const old = (index: number): StoredEntry => ({ ...command(index, 1, 'old'), timeMs: 0 })
    const config = { voters: ['self', 'leader'], learners: [], old: null }
    const entries: StoredEntry[] = [{ ...old(1), kind: 'config', config }, old(2), old(3), old(4)]
    const durable = { term: 1, vote: null, leader: null, commit: 0, entries, floor: null }
    const core = new RaftCore({
      id: 'self',
      cluster: { voters: new Set(['self', 'leader']), learners: new Set() },
      durable,
      timing: TIMING,
      random: () => 0.5,
      at,
    })
    const receive = (message: RaftMessage): void => core.step({ kind: 'message', from: 'leader', message }, at)
    // The leader of term 2 has others at 2 to 4. A heartbeat shows agreement up to 1 and says that 4 are committed.
    receive({ kind: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 4, entries: [] })
    expect(core.commitIndex).toBe(1)
    receive({ kind: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 4, entries: [command(2, 2, 'new')] })
    expect(core.commitIndex).toBe(2)
    receive({ kind: 'commit', term: 2, commit: 4 })
    expect(core.commitIndex).toBe(2)
    expect(core.ready().committed.map(({ term }) => term)).toEqual([1, 2])
  })

  it('[RAFT-11] etcd#22442: entries that were truncated before they were ever written come back', () => {
    const outbox = new Outbox()
    for (const index of [1, 2, 3, 4]) outbox.recordEntry(command(index, 1, 'old'))
    outbox.recordTruncation(2)
    outbox.recordEntry(command(2, 2, 'new'))
    // What was never written need not be cut from the storage.
    const batch = outbox.takeWrite()?.batch
    expect(batch).toEqual({ entries: [command(1, 1, 'old'), command(2, 2, 'new')] })
    outbox.recordEntry(command(3, 2, 'new'))
    outbox.recordTruncation(1)
    outbox.recordEntry(command(1, 3, 'newest'))
    expect(outbox.takeWrite()?.batch).toEqual({ truncateFrom: 1, entries: [command(1, 3, 'newest')] })
  })

  it('[RAFT-10] hashicorp#612: a pipeline that filled up while the follower stalled never flows again', () => {
    const rounds = (count: number, ...lines: string[]): string[] => Array.from({ length: count }, () => lines).flat()
    const more = MAX_INFLIGHT_FRAMES + 10
    const script = [
      // Frames that hold one entry each.
      ...['> frames 150', '> voters a b c', '> timeout a', '> deliver', '> propose a x', '> deliver'],
      // b takes nothing in. The window to it fills up, c alone makes the majority.
      ...rounds(more, '> propose a x', '> deliver a->c', '> deliver c->a'),
      `> expect a commit ${2 + more},`,
      '> expect b commit 2,',
      // All that was on its way to b is lost, and b is back; nobody proposes anything any more.
      ...['> drop a->b', '> heartbeat a', '> deliver'],
      `> expect b commit ${2 + more},`,
    ].join('\n')
    const [stalled = ''] = new Transcript().run(script).split('> drop a->b')
    // Meanwhile no more than the window is under way, and the two entries from before: the rest waits at a.
    expect(stalled.match(/a → b: append/g)).toHaveLength(MAX_INFLIGHT_FRAMES + 2)
  })

  it('[RAFT-10] hashicorp#612: … nor when the acknowledgements are what was lost', () => {
    const script = [
      ...['> voters a b', '> timeout a', '> deliver', '> cut b->a'],
      ...Array.from({ length: MAX_INFLIGHT_FRAMES + 10 }, () => '> propose a x'),
      ...['> deliver', '> expect a commit 1,', '> heal', '> heartbeat a', '> deliver'],
      `> expect a commit ${MAX_INFLIGHT_FRAMES + 11},`,
      `> expect b commit ${MAX_INFLIGHT_FRAMES + 11},`,
    ]
    new Transcript().run(script.join('\n'))
  })
})

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

function command(index: number, term: number, text: string): StoredEntry & { readonly kind: 'command' } {
  return { kind: 'command', index, term, command: utf8(text), dedupKey: null, proposer: null, timeMs: 0 }
}
