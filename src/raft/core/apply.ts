import type { StoredEntry } from '../contract.ts'
import { configurationOf, membersOf } from './configuration.ts'
import type { Replica } from './replica.ts'
import { ClientSessionTable, type Fate } from './sessions.ts'

/** What a committed entry does to the table of sessions, and what becomes of its command: on every replica alike. */
export function applyEntry(sessions: ClientSessionTable, entry: StoredEntry): Fate {
  if (entry.kind === 'config') sessions.setMembers(membersOf(configurationOf(entry.index, entry.config)))
  if (entry.kind !== 'command' || entry.dedupKey === null) return 'new'
  return sessions.apply(entry, entry.dedupKey)
}

/** The table as of `index`, which lies between the floor and the commit index: what a snapshot of that index carries. */
export function sessionsAt(r: Replica, index: number): ClientSessionTable {
  const { floorIndex } = r.log
  const sessions = ClientSessionTable.fromBytes(r.snapshot?.sessions ?? new Uint8Array(0))
  const config = r.configBefore(floorIndex + 1)
  if (config.voters.size > 0) sessions.setMembers(membersOf(config))
  for (const entry of r.log.slice(floorIndex + 1, index)) applyEntry(sessions, entry)
  return sessions
}
