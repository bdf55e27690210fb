import type { LogEntry, StoredEntry } from '../contract.ts'

/** What an application sees of an entry: the same bytes and key, without what only the log needs. */
export function logEntryOf({ index, term, command, dedupKey, proposer, timeMs }: StoredEntry): LogEntry {
  return { index, term, command, dedupKey, proposer, timeMs }
}
