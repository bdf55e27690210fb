import { describe, expect, it } from 'vitest'
import type { StoredEntry } from '../contract.ts'
import { limitsOf } from './limits.ts'
import { RaftCore, type Ready } from './raft-core.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const at = { nowMs: 0, wallMs: 0, frameBytes: null }
const record = (...voters: string[]) => ({ voters, learners: [], old: null })

function entry(index: number, voters?: string[]): StoredEntry {
  const base = { index, term: 1, timeMs: index * 10, command: new Uint8Array(100), dedupKey: null, proposer: null }
  return voters === undefined ? { ...base, kind: 'command' } : { ...base, kind: 'config', config: record(...voters) }
}

/** A follower of `b`, whose log holds configurations at 1, 3 and 5 and is committed through `commit`. */
function follower(commit: number, tailEntries = 0): RaftCore {
  const entries = [entry(1, ['a', 'b']), entry(2), entry(3, ['a', 'b', 'c']), entry(4), entry(5, ['b', 'c']), entry(6)]
  return new RaftCore({
    id: 'a',
    cluster: { voters: new Set(), learners: new Set() },
    durable: { term: 1, vote: null, leader: null, commit, entries, floor: null },
    timing: TIMING,
    limits: limitsOf({ tailEntries }),
    random: () => 0.5,
    at,
  })
}

function compact(core: RaftCore, index: number): Ready {
  core.step({ kind: 'compact', token: 1, index, state: new Uint8Array(1) }, at)
  return core.ready()
}

describe('compaction', () => {
  it.each([
    [2, 1, ['a', 'b']],
    [3, 3, ['a', 'b', 'c']],
    [4, 3, ['a', 'b', 'c']],
  ])('[SNAP-2] a snapshot through %i holds the configuration of %i, not a later one', (index, configIndex, members) => {
    const core = follower(4)
    const { write } = compact(core, index)
    expect(write?.batch.snapshot).toMatchObject({ index, term: 1, timeMs: index * 10, configIndex })
    expect(write?.batch.snapshot?.config.voters).toEqual(members)
    expect(core.membership.voters).toEqual(new Set(['b', 'c']))
  })

  it('[SNAP-2] canonical/raft#250: a configuration that has not committed gets into no snapshot', () => {
    const core = follower(4)
    expect(compact(core, 5).outcomes).toMatchObject([{ kind: 'failed', error: { name: 'RangeError' } }])
    const { write } = compact(core, 4)
    expect(write?.batch.snapshot?.config.voters).toEqual(['a', 'b', 'c'])
    const term = { term: 2, prevIndex: 4, prevTerm: 1, commit: 4, entries: [{ ...entry(5), term: 2 }] }
    core.step({ kind: 'message', from: 'b', message: { kind: 'append', ...term } }, at)
    expect(core.membership).toMatchObject({ voters: new Set(['a', 'b', 'c']), index: 3 })
  })

  it('[SNAP-1] is answered when it is durable, and leaves nothing of the discarded entries to be written', () => {
    const core = follower(6)
    const { write, outcomes } = compact(core, 4)
    expect(outcomes).toEqual([])
    expect(core.log.floorIndex).toBe(4)
    core.step({ kind: 'written', id: write?.id as number }, at)
    expect(core.ready().outcomes).toEqual([{ kind: 'compacted', token: 1, floor: 4 }])
  })

  it('[SNAP-1] takes entries of the same round with it, and is not answered when an earlier write is durable', () => {
    const core = follower(6)
    const append = (index: number): Ready => {
      const frame = { term: 1, prevIndex: index - 1, prevTerm: 1, commit: index, entries: [entry(index)] }
      core.step({ kind: 'message', from: 'b', message: { kind: 'append', ...frame } }, at)
      return index === 7 ? core.ready() : compact(core, index)
    }
    const [first, second] = [append(7), append(8)]
    expect(second.write?.batch).toMatchObject({ snapshot: { index: 8 }, entries: [] })
    core.step({ kind: 'written', id: first.write?.id as number }, at)
    expect(core.ready().outcomes).toEqual([])
    core.step({ kind: 'written', id: second.write?.id as number }, at)
    expect(core.ready().outcomes).toEqual([{ kind: 'compacted', token: 1, floor: 8 }])
  })

  it('[SNAP-1] is answered with the floor that is durable, not with one that is being written', () => {
    const core = follower(6)
    const [first] = [compact(core, 2), compact(core, 4)]
    core.step({ kind: 'written', id: first?.write?.id as number }, at)
    expect(core.ready().outcomes).toEqual([{ kind: 'compacted', token: 1, floor: 2 }])
  })

  it('[SNAP-5] keeps a tail at hand that counts for nothing else', () => {
    const core = follower(6, 2)
    compact(core, 4)
    expect([core.log.firstIndex, core.log.floorIndex, core.log.lastIndex, core.log.length]).toEqual([3, 4, 6, 2])
    expect([core.log.termAt(1), core.log.termAt(2), core.log.termAt(3)]).toEqual([null, 1, 1])
    compact(core, 6)
    expect([core.log.firstIndex, core.log.length, core.log.sizeBytes]).toEqual([5, 0, 0])
  })

  it('[SNAP-3] a voter whose log is compacted whole denies a candidate with an older one', () => {
    const core = follower(6)
    compact(core, 6)
    const vote = { kind: 'vote', term: 2, lastIndex: 5, lastTerm: 1 } as const
    core.step({ kind: 'message', from: 'b', message: vote }, at)
    expect(core.ready().messages).toMatchObject([{ to: 'b', message: { kind: 'vote-reply', granted: false } }])
  })
})
