import type { MembershipRecord, RaftState, RaftWrite, StoredEntry, StoredSnapshot } from '../contract.ts'

/** Where a stored log lies: entries from `floor + 1` to `last`, none where the two are equal. */
export interface LogExtent {
  /** Index of the snapshot, 0 without one. */
  readonly floor: number
  readonly last: number
}

export const EMPTY_LOG: LogExtent = { floor: 0, last: 0 }

/** Where the log of a loaded state lies. */
export function extentOf({ entries, snapshot }: Pick<RaftState, 'entries' | 'snapshot'>): LogExtent {
  const floor = snapshot?.index ?? 0
  return { floor, last: entries.at(-1)?.index ?? floor }
}

/**
 * Refuses a batch that no engine should write, before anything of it is stored: `RangeError` for numbers outside
 * 0 to 2^53 - 1, for entries that would leave a gap or lie over stored ones, and for a snapshot that is older than the
 * stored one; `TypeError` for anything ill-typed.
 *
 * `extent` is where the stored log lies, or `null` where the storage has not looked yet: then entries are only held
 * against each other. Returns what it is after the batch.
 */
export function checkRaftWrite(batch: RaftWrite, extent: LogExtent | null): LogExtent | null {
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
  const truncated = afterTruncation(batch.truncateFrom, extent)
  const compacted = afterSnapshot(batch.snapshot, truncated)
  const last = afterAppend(batch.entries, compacted?.last ?? null)
  return compacted === null || last === null ? null : { floor: compacted.floor, last }
}

/** Whether the batch holds anything at all: one that does not leaves even an unwritten medium unwritten. */
export function isEmptyWrite(batch: RaftWrite): boolean {
  for (const [name, value] of Object.entries(batch)) {
    if (value === undefined || (name === 'entries' && (value as readonly StoredEntry[]).length === 0)) continue
    return false
  }
  return true
}

function afterTruncation(from: number | undefined, extent: LogExtent | null): LogExtent | null {
  if (from === undefined) return extent
  wholeNumber(from, 'truncateFrom')
  if (from === 0) throw new RangeError('truncateFrom is 0: entries count from 1')
  if (extent === null) return null
  // What a snapshot covers is no longer there to be cut away.
  return { floor: extent.floor, last: Math.max(extent.floor, Math.min(extent.last, from - 1)) }
}

function afterSnapshot(snapshot: StoredSnapshot | null | undefined, extent: LogExtent | null): LogExtent | null {
  if (snapshot === undefined) return extent
  if (snapshot !== null) checkSnapshot(snapshot)
  if (extent === null) return null
  const index = snapshot?.index ?? 0
  if (index < extent.floor && (snapshot !== null || extent.last > extent.floor)) {
    throw new RangeError(`a snapshot of index ${index} is older than the stored one of index ${extent.floor}`)
  }
  return { floor: index, last: snapshot === null && extent.last === extent.floor ? 0 : Math.max(extent.last, index) }
}

function checkSnapshot(snapshot: StoredSnapshot): void {
  wholeNumber(snapshot.index, 'snapshot.index')
  wholeNumber(snapshot.term, 'snapshot.term')
  if (!Number.isFinite(snapshot.timeMs))
    throw new RangeError(`snapshot.timeMs is not a finite number: ${snapshot.timeMs}`)
  wholeNumber(snapshot.configIndex, 'snapshot.configIndex')
  bytes(snapshot.sessions, 'snapshot.sessions')
  bytes(snapshot.state, 'snapshot.state')
  membership(snapshot.config, 'snapshot.config')
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
