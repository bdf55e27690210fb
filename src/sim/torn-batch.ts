import { type Random, randomBetween } from '../base/random.ts'
import type { RaftWrite } from '../raft/contract.ts'

/**
 * What a disk without transactions stores of a batch when it loses power half-way: its first records, in the
 * order of truncation, snapshot, entries one by one, then the scalars, a vote after its term and the commit hint last.
 *
 * In that order no part promises more than the whole: an entry without its term, or a commit hint without its
 * entry, is refused when a node loads it, and what can be loaded can be lived with.
 */
export function tornBatch(batch: RaftWrite, random: Random): RaftWrite {
  const records = recordsOf(batch)
  const kept = records.slice(0, randomBetween(random, 0, records.length))
  const entries = kept.flatMap((record) => record.entries ?? [])
  return Object.assign({}, ...kept, entries.length > 0 ? { entries } : {}) as RaftWrite
}

function recordsOf(batch: RaftWrite): RaftWrite[] {
  const { truncateFrom, snapshot, entries = [], commit, vote, ...scalars } = batch
  return [
    ...(truncateFrom === undefined ? [] : [{ truncateFrom }]),
    ...(snapshot === undefined ? [] : [{ snapshot }]),
    ...entries.map((entry) => ({ entries: [entry] })),
    ...Object.entries(scalars).map(([name, value]) => ({ [name]: value })),
    ...(vote === undefined ? [] : [{ vote }]),
    ...(commit === undefined ? [] : [{ commit }]),
  ]
}
