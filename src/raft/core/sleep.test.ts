import { describe, expect, it } from 'vitest'
import { RaftCore } from './raft-core.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

function follower(): RaftCore {
  const durable = { term: 1, vote: null, leader: null, commit: 0, entries: [], floor: null }
  const cluster = { voters: new Set(['self', 'other']), learners: new Set<string>() }
  const at = { nowMs: 0, wallMs: 0, frameBytes: null }
  return new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at })
}

/** A tick at 1500 ms, when the election timeout ends, on a clock that says so, and a wall clock that says otherwise. */
function tickAt(core: RaftCore, nowMs: number, wallMs: number): string[] {
  const at = { nowMs, wallMs, frameBytes: null }
  core.step({ kind: 'tick', dueMs: core.nextDeadlineMs }, at)
  return core.ready().messages.map(({ message }) => message.kind)
}

describe('a tick', () => {
  it('[RAFT-36] that comes in time, or a little late, ends the patience of a follower', () => {
    expect(tickAt(follower(), 1500, 1500)).toEqual(['pre-vote'])
    expect(tickAt(follower(), 2500, 2500)).toEqual(['pre-vote'])
  })

  it('[RAFT-36] that comes far too late begins it anew', () => {
    const core = follower()
    expect(tickAt(core, 2501, 2501)).toEqual([])
    expect(core.nextDeadlineMs).toBe(2501 + 1500)
    expect(tickAt(core, 4001, 4001)).toEqual(['pre-vote'])
  })

  it('[RAFT-36] in time on a clock that stood still in sleep is told by the wall clock', () => {
    const core = follower()
    expect(tickAt(core, 1500, 60_000)).toEqual([])
    expect(tickAt(core, 3000, 61_500)).toEqual(['pre-vote'])
  })

  it('[RAFT-36] is not late because somebody set the wall clock back', () => {
    expect(tickAt(follower(), 1500, -60_000)).toEqual(['pre-vote'])
  })
})
