import { MalformedBytesError } from '../../base/bytes.ts'
import { CorruptStateError } from '../../base/errors.ts'
import type { RaftState, RaftWrite, StoredEntry } from '../contract.ts'
import { decodeEntry, decodeSnapshot, encodeEntry, encodeSnapshot } from './record-codec.ts'
import { isEmptyWrite } from './raft-write.ts'
import { checkRestoredState } from './restored-state.ts'

/**
 * How a {@link RaftState} lies in a store of ordered keys: an entry under its index (a number), everything else in
 * a small record under its name. So an append costs the same in a long log as in a short one, truncation is one
 * range, and term and vote change without the log being read. `null` is a record too: absent means never written.
 */
export type RecordKey = number | string

/** Keys from `from` to `to`, both included. */
export interface EntryRange {
  readonly from: number
  readonly to: number
}

/** What one write does to the records: the deletions first, then the puts, all of it or nothing. */
export interface RecordChange {
  readonly deletions: readonly EntryRange[]
  readonly puts: readonly (readonly [RecordKey, unknown])[]
}

/** Every entry there can be. Numbers order before texts, so the range holds no other record. */
export const ALL_ENTRIES: EntryRange = { from: 1, to: Number.MAX_SAFE_INTEGER }

const SCALARS = ['nodeId', 'gameId', 'lineage', 'term', 'vote', 'leader', 'commit'] as const

/** Says that something was written, where a write leaves no other record. */
const WRITTEN = 'written'

/** The change that `batch`, already checked, makes. */
export function recordChange(batch: RaftWrite): RecordChange {
  const deletions: EntryRange[] = []
  const puts: [RecordKey, unknown][] = []
  if (isEmptyWrite(batch)) return { deletions, puts }
  const { truncateFrom, snapshot, entries } = batch
  if (truncateFrom !== undefined) {
    deletions.push({ from: truncateFrom, to: ALL_ENTRIES.to })
    puts.push([WRITTEN, true])
  }
  if (snapshot !== undefined) {
    if (snapshot !== null && snapshot.index > 0) deletions.push({ from: ALL_ENTRIES.from, to: snapshot.index })
    puts.push(['snapshot', snapshot === null ? null : encodeSnapshot(snapshot)])
  }
  for (const name of SCALARS) {
    const value = batch[name]
    if (value !== undefined) puts.push([name, value])
  }
  if (entries !== undefined) for (const entry of entries) puts.push([entry.index, encodeEntry(entry)])
  return { deletions, puts }
}

/**
 * The state that `records`, in key order, spell out; `null` where none of them belongs to one. Records under other
 * names are not its business. Throws {@link CorruptStateError} naming the first record that cannot be right.
 */
export function readRecords(records: Iterable<readonly [unknown, unknown]>): RaftState | null {
  const named = new Map<string, unknown>()
  const entries: StoredEntry[] = []
  for (const [key, value] of records) {
    if (typeof key === 'number') entries.push(decoded(`entry ${key}`, value, (bytes) => decodeEntry(key, bytes)))
    else if (typeof key === 'string') named.set(key, value)
    else throw new CorruptStateError('key', `${typeof key} instead of a number or a name`)
  }
  const known = [...SCALARS, 'snapshot', WRITTEN].some((name) => named.has(name))
  if (!known && entries.length === 0) return null
  const snapshot = named.get('snapshot') ?? null
  const commit = named.get('commit')
  return checkRestoredState({
    nodeId: nullableText(named, 'nodeId'),
    gameId: nullableText(named, 'gameId'),
    lineage: nullableText(named, 'lineage'),
    term: number('term', named.get('term') ?? 0),
    vote: nullableText(named, 'vote'),
    leader: leader(named.get('leader') ?? null),
    ...(commit === undefined ? {} : { commit: number('commit', commit) }),
    entries,
    snapshot: snapshot === null ? null : decoded('snapshot', snapshot, decodeSnapshot),
  })
}

function decoded<T>(record: string, value: unknown, decode: (bytes: Uint8Array) => T): T {
  if (!(value instanceof Uint8Array)) throw new CorruptStateError(record, 'it is not bytes')
  try {
    return decode(value)
  } catch (error) {
    if (error instanceof MalformedBytesError) throw new CorruptStateError(record, error.message, { cause: error })
    throw error
  }
}

function number(record: string, value: unknown): number {
  if (typeof value !== 'number') throw new CorruptStateError(record, 'it is not a number')
  return value
}

function nullableText(named: ReadonlyMap<string, unknown>, record: string): string | null {
  const value = named.get(record) ?? null
  if (value !== null && typeof value !== 'string') throw new CorruptStateError(record, 'it is neither text nor null')
  return value
}

function leader(value: unknown): RaftState['leader'] {
  if (value === null) return null
  const { term, id } = value as { term?: unknown; id?: unknown }
  if (typeof term !== 'number' || typeof id !== 'string')
    throw new CorruptStateError('leader', 'it is not a term and an id')
  return { term, id }
}
