import type { Replica } from './replica.ts'
import { allowDisk } from './stall.ts'

/**
 * A tick came. Was the node not run for a while, its page frozen or its machine asleep? Then the tick, due at
 * `dueMs`, comes long after, or, where the monotonic clock stands still in sleep, wall time has run ahead of it.
 */
export function hasSlept(r: Replica, dueMs: number): boolean {
  const { nowMs, wallMs } = r.at
  const aheadMs = wallMs - nowMs - r.wallAheadMs
  r.wallAheadMs += aheadMs
  return Math.max(nowMs - dueMs, aheadMs) > r.timing.electionTimeoutMinMs
}

/**
 * The silence was the node's own, so that it proves nothing about anybody else: patience begins anew, and no lease is
 * believed. A leader asks at once whether it still has a majority, and until one answers it listens to candidates.
 */
export function wakeUp(r: Replica): void {
  r.note?.({ kind: 'slept', term: r.term })
  r.preVote = null
  r.probes = []
  r.leaseUntilMs = -Infinity
  if (r.electionAtMs !== Infinity) r.resetElectionTimer()
  if (r.stalledAtMs !== Infinity) allowDisk(r)
  // A second sleep does not buy a leader more time.
  if (r.state !== 'leader' || r.probation !== null) return
  r.probation = { sinceMs: r.at.nowMs, untilMs: r.at.nowMs + r.timing.electionTimeoutMinMs }
  r.heartbeatAtMs = r.at.nowMs
}
