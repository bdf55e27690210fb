import { settleProposals } from './forwarding.ts'
import type { Replica } from './replica.ts'

/** Moves the commit index forward, never back and never past the log, and settles what that decides. */
export function commitThrough(r: Replica, index: number): void {
  const through = Math.min(index, r.log.lastIndex)
  if (through <= r.commit) return
  const entries = r.log.slice(r.commit + 1, through)
  r.commit = through
  for (const entry of entries) r.committed.push(entry)
  if (r.storeCommitAtMs === Infinity) r.storeCommitAtMs = r.at.nowMs + r.timing.heartbeatIntervalMs
  r.note('commit', { index: through })
  settleProposals(r, entries)
}
