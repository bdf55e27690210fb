import type { MembershipRecord, RaftWrite, StoredEntry, StoredSnapshot } from '../contract.ts'

/**
 * Refuses a batch that no engine should write, before anything of it is stored: `RangeError` for numbers outside
 * 0 to 2^53 - 1 and for entries that would leave a gap or lie over stored ones, `TypeError` for anything ill-typed.
 *
 * `last` is the index of the last stored entry (the snapshot's where there is none above it, 0 in an empty log),
 * or `null` where the storage has not looked yet: then entries are only held against each other. Returns what
 * `last` is after the batch.
 */
export function checkRaftWrite(batch: RaftWrite, last: number | null): number | null {
  if (batch.term !== undefined) wholeNumber(batch.term, 'term')
  if (batch.commit !== undefined) wholeNumber(batch.commit, 'commit')
  nullableText(batch.nodeId, 'nodeId')
  nullableText(batch.gameId, 'gameId')
  nullableText(batch.lineage, 'lineage')
  nullableText(batch.vote, 'vote')
  if (batch.leader !== undefined && batch.leader !== null) {
    wholeNumber(batch.leader.term, 'leader.term')
    text(batch.leader.id, 'leader.id')
  }
  const after = afterTruncation(batch.truncateFrom, last)
  return afterAppend(batch.entries, afterSnapshot(batch.snapshot, after))
}

/** Whether the batch holds anything at all: one that does not leaves even an unwritten medium unwritten. */
export function isEmptyWrite(batch: RaftWrite): boolean {
  for (const [name, value] of Object.entries(batch)) {
    if (value === undefined || (name === 'entries' && (value as readonly StoredEntry[]).length === 0)) continue
    return false
  }
  return true
}

function afterTruncation(from: number | undefined, last: number | null): number | null {
  if (from === undefined) return last
  wholeNumber(from, 'truncateFrom')
  if (from === 0) throw new RangeError('truncateFrom is 0: entries count from 1')
  return last === null ? null : Math.min(last, from - 1)
}

function afterSnapshot(snapshot: StoredSnapshot | null | undefined, last: number | null): number | null {
  if (snapshot === undefined || snapshot === null) return last
  wholeNumber(snapshot.index, 'snapshot.index')
  wholeNumber(snapshot.term, 'snapshot.term')
  if (!Number.isFinite(snapshot.timeMs))
    throw new RangeError(`snapshot.timeMs is not a finite number: ${snapshot.timeMs}`)
  wholeNumber(snapshot.configIndex, 'snapshot.configIndex')
  bytes(snapshot.sessions, 'snapshot.sessions')
  bytes(snapshot.state, 'snapshot.state')
  membership(snapshot.config, 'snapshot.config')
  return last === null ? null : Math.max(last, snapshot.index)
}

function afterAppend(entries: readonly StoredEntry[] | undefined, last: number | null): number | null {
  if (entries === undefined) return last
  for (const entry of entries) {
    checkEntry(entry)
    if (last !== null && entry.index !== last + 1) {
      throw new RangeError(`entry ${entry.index} does not follow ${last}: truncate first, then append without a gap`)
    }
    last = entry.index
  }
  return last
}

function checkEntry(entry: StoredEntry): void {
  wholeNumber(entry.index, 'entry.index')
  if (entry.index === 0) throw new RangeError('entry.index is 0: entries count from 1')
  wholeNumber(entry.term, 'entry.term')
  bytes(entry.command, 'entry.command')
  if (!Number.isFinite(entry.timeMs)) throw new RangeError(`entry.timeMs is not a finite number: ${entry.timeMs}`)
  nullableText(entry.proposer, 'entry.proposer')
  if (entry.dedupKey !== null) {
    text(entry.dedupKey.clientId, 'entry.dedupKey.clientId')
    wholeNumber(entry.dedupKey.requestId, 'entry.dedupKey.requestId')
  }
  const kind: string = entry.kind
  if (entry.kind === 'config') membership(entry.config, 'entry.config')
  else if (kind !== 'command' && kind !== 'noop') throw new TypeError(`no such kind of entry: ${kind}`)
}

function wholeNumber(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name} is not a whole number from 0 to 2^53 - 1: ${value}`)
}

function text(value: unknown, name: string): void {
  if (typeof value !== 'string') throw new TypeError(`${name} is not a string`)
}

function nullableText(value: unknown, name: string): void {
  if (value !== undefined && value !== null) text(value, name)
}

function bytes(value: unknown, name: string): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} is not a Uint8Array`)
}

function membership(config: MembershipRecord, name: string): void {
  for (const members of [config.voters, config.learners, config.old]) {
    if (members === null && members === config.old) continue
    if (!Array.isArray(members)) throw new TypeError(`${name} is not a configuration`)
    for (const member of members) text(member, `a member of ${name}`)
  }
}
