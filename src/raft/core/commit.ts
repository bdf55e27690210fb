import type { StoredEntry } from '../contract.ts'
import { answerCommitted, answerRemoved } from './answers.ts'
import { applyEntry } from './apply.ts'
import type { Replica } from './replica.ts'
import type { Fate } from './sessions.ts'

/**
 * How long a new commit index waits for a write to travel with before it is stored on its own, milliseconds. Long
 * enough not to stand in the way of the move that follows at once, short enough for a page that is closed next.
 */
export const STORE_COMMIT_DELAY_MS = 20

/** Moves the commit index forward, never back and never past the log, and settles what that decides. */
export function commitThrough(r: Replica, index: number): void {
  const through = Math.min(index, r.log.lastIndex)
  if (through <= r.commit) return
  const before = r.commit
  const termBefore = r.log.termAt(before) ?? 0
  const entries = r.log.slice(r.commit + 1, through)
  r.commit = through
  if (r.committed.length === 0) r.committed = entries
  else for (const entry of entries) r.committed.push(entry)
  for (const entry of entries) {
    const fate = applyEntry(r.sessions, entry)
    if (fate !== 'new') fallSilent(r, entry.index, fate)
    if (r.state === 'leader') r.shares.committed(entry)
    answerCommitted(r, entry, fate)
  }
  if (r.storeCommitAtMs === Infinity) r.storeCommitAtMs = r.at.nowMs + STORE_COMMIT_DELAY_MS
  r.note?.({ kind: 'commit', index: through })
  const { term } = entries.at(-1) as StoredEntry
  if (term > termBefore) r.proposals.reclaimBefore(term)
  if (r.config.index > before && r.isLeftOut) answerRemoved(r, r.config.index, null)
}

function fallSilent(r: Replica, index: number, fate: Exclude<Fate, 'new'>): void {
  r.silent.add(index)
  r.note?.({ kind: 'without-effect', index, reason: typeof fate === 'object' ? 'repeated' : fate })
}
