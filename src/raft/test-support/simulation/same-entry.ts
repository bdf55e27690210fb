import { equalBytes } from '../../../base/bytes.ts'
import type { MembershipRecord, StoredEntry } from '../../contract.ts'

/** Whether two copies of an entry say the same. */
export function sameEntry(a: StoredEntry, b: StoredEntry): boolean {
  if (a === b) return true
  return (
    a.index === b.index &&
    a.term === b.term &&
    a.kind === b.kind &&
    a.timeMs === b.timeMs &&
    a.proposer === b.proposer &&
    a.dedupKey?.clientId === b.dedupKey?.clientId &&
    a.dedupKey?.requestId === b.dedupKey?.requestId &&
    equalBytes(a.command, b.command) &&
    (a.kind !== 'config' || b.kind !== 'config' || sameRecord(a.config, b.config))
  )
}

/** Order of members counts: every replica has to hold the same bytes. */
export function sameRecord(a: MembershipRecord, b: MembershipRecord): boolean {
  const lists = [
    [a.voters, b.voters],
    [a.learners, b.learners],
    [a.old ?? [], b.old ?? []],
  ] as const
  return (a.old === null) === (b.old === null) && lists.every(([one, other]) => one.join(' ') === other.join(' '))
}
