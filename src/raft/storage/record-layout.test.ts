import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CorruptStateError } from '../../base/errors.ts'
import {
  command,
  configEntry,
  jointConfig,
  noop,
  snapshotAt,
  unwritten,
} from '../../conformance/raft-storage-samples.ts'
import { testIdentity } from '../../sim/test-identity.ts'
import type { RaftState, RaftWrite } from '../contract.ts'
import { encodeEntry, encodeSnapshot } from './record-codec.ts'
import { ALL_ENTRIES, readRecords, recordChange, type RecordKey } from './record-layout.ts'
import { InMemoryRaftStorage } from './in-memory-raft-storage.ts'
import { checkRestoredState } from './restored-state.ts'

describe('the keys that a write touches', () => {
  it('[STORE-8] an append touches its own entries, a vote its own record', () => {
    expect(recordChange({ entries: [command(7, 1), command(8, 1)] }).puts.map(([key]) => key)).toEqual([7, 8])
    expect(recordChange({ term: 4, vote: null })).toEqual({
      deletions: [],
      puts: [
        ['term', 4],
        ['vote', null],
      ],
    })
    expect(recordChange({})).toEqual({ deletions: [], puts: [] })
  })

  it('[STORE-9] [STORE-15] truncation is one range, and so is what a snapshot covers', () => {
    expect(recordChange({ truncateFrom: 5 }).deletions).toEqual([{ from: 5, to: ALL_ENTRIES.to }])
    expect(recordChange({ snapshot: snapshotAt(9, 1) }).deletions).toEqual([{ from: 1, to: 9 }])
    expect(recordChange({ snapshot: snapshotAt(0, 0) }).deletions).toEqual([])
  })

  it('[STORE-3] [STORE-10] any sequence of writes reads back as a storage in memory has it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const memory = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('ana') })
        const records = new Map<RecordKey, unknown>()
        const end = { base: 0, last: 0 }
        for (const choice of steps) {
          const batch = batchOf(choice, end)
          await memory.write(batch)
          apply(records, batch)
        }
        expect(readRecords(inKeyOrder(records))).toEqual(await memory.load())
      }),
    )
  })
})

const step = fc.record({
  back: fc.nat({ max: 4 }),
  append: fc.nat({ max: 4 }),
  snapshot: fc.boolean(),
  vote: fc.constantFrom(undefined, null, 'ana', 'bob'),
})

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** A batch an engine might write: cuts the log back by a little, perhaps compacts it, appends a little. */
function batchOf({ back, append, snapshot, vote }: Step, end: { base: number; last: number }): RaftWrite {
  const cut = Math.max(end.base, end.last - back)
  const truncateFrom = cut < end.last ? cut + 1 : undefined
  if (snapshot) end.base = cut
  const entries = Array.from({ length: append }, (_, i) => command(cut + 1 + i, 0))
  end.last = cut + append
  return {
    truncateFrom,
    entries,
    ...(snapshot ? { snapshot: snapshotAt(cut, 0) } : {}),
    ...(vote === undefined ? {} : { vote }),
  }
}

function apply(records: Map<RecordKey, unknown>, batch: RaftWrite): void {
  const { deletions, puts } = recordChange(batch)
  for (const { from, to } of deletions) {
    for (const key of records.keys()) if (typeof key === 'number' && key >= from && key <= to) records.delete(key)
  }
  for (const [key, value] of puts) records.set(key, value)
}

function inKeyOrder(records: ReadonlyMap<RecordKey, unknown>): [RecordKey, unknown][] {
  const rank = (key: RecordKey): number => (typeof key === 'number' ? key : Infinity)
  return [...records].sort(([a], [b]) => rank(a) - rank(b))
}

describe('[RESTORE-1] records that cannot be right are named, never repaired', () => {
  it.each<[record: string, records: [RecordKey, unknown][]]>([
    ['term', [['term', '4']]],
    ['term', [['term', -1]]],
    ['term', [['term', 2 ** 53]]],
    ['vote', [['vote', 4]]],
    ['nodeId', [['nodeId', {}]]],
    ['leader', [['leader', { term: 1 }]]],
    ['leader', [['leader', { term: 1.5, id: 'ana' }]]],
    ['commit', [['commit', 3]]],
    ['commit', [['commit', Number.NaN]]],
    ['snapshot', [['snapshot', 'bytes']]],
    ['snapshot', [['snapshot', Uint8Array.of(1, 2)]]],
    [
      'snapshot',
      [
        ['term', 1],
        ['snapshot', encodeSnapshot(snapshotAt(1, 2))],
      ],
    ],
    ['entry 1', [[1, 'bytes']]],
    ['entry 1', [[1, Uint8Array.of(1, 0)]]],
    ['entry 2', [[2, encodeEntry(noop(2, 0))]]],
    ['entry 1.5', [[1.5, encodeEntry(noop(1, 0))]]],
  ])('%s: %j', (record, records) => {
    const error = thrownBy(() => readRecords(records))
    expect(error).toBeInstanceOf(CorruptStateError)
    expect(error).toMatchObject({ code: 'CorruptStateError', record })
  })

  it('records of others are none of its business', () => {
    expect(
      readRecords([
        ['identity', {}],
        ['creation', { format: 1 }],
      ]),
    ).toBeNull()
  })
})

describe('[RESTORE-2] a log that cannot be right is refused', () => {
  const state = (change: Partial<RaftState>): RaftState => ({ ...unwritten, term: 5, ...change })

  it.each<[record: string, change: Partial<RaftState>]>([
    ['entry 3', { entries: [noop(1, 1), noop(3, 1)] }],
    ['entry 1', { entries: [noop(1, 1), noop(1, 1)] }],
    ['entry 2', { entries: [noop(2, 1)] }],
    ['entry 2', { entries: [noop(1, 3), noop(2, 2)] }],
    ['entry 2', { entries: [noop(1, 1), noop(2, 6)] }],
    ['entry 4', { snapshot: snapshotAt(3, 2), entries: [noop(4, 1)] }],
    ['entry 3', { snapshot: snapshotAt(3, 2), entries: [noop(3, 2)] }],
    ['snapshot', { snapshot: snapshotAt(3, 6) }],
    ['snapshot', { snapshot: snapshotAt(1, 1, { config: { voters: ['ana', 'ana'], learners: [], old: null } }) }],
    ['snapshot', { snapshot: snapshotAt(1, 1, { config: { voters: ['ana'], learners: ['ana'], old: null } }) }],
    ['snapshot', { snapshot: snapshotAt(2, 1, { configIndex: 3 }) }],
    ['snapshot', { snapshot: snapshotAt(2, 1, { timeMs: Number.NaN }) }],
    ['entry 1', { entries: [configEntry(1, 1, { ...jointConfig, old: ['bob', 'bob'] })] }],
    ['entry 1', { entries: [configEntry(1, 1, { voters: ['ana', 'bob'], learners: ['bob'], old: null })] }],
    ['entry 1', { entries: [configEntry(1, 1, { voters: [], learners: ['bob'], old: null })] }],
    ['entry 1', { entries: [configEntry(1, 1, { voters: ['bob'], learners: [], old: [] })] }],
    ['entry 1', { entries: [{ ...noop(1, 1), timeMs: Number.NaN }] }],
    ['commit', { entries: [noop(1, 1)], commit: 2 }],
    ['term', { term: 2 ** 53 }],
  ])('%s of %j', (record, change) => {
    expect(thrownBy(() => checkRestoredState(state(change)))).toMatchObject({ code: 'CorruptStateError', record })
  })

  it('and one that can is taken as it is, a leader of another term too', () => {
    const sound = state({
      leader: { term: 9, id: 'ana' },
      snapshot: snapshotAt(3, 2),
      entries: [noop(4, 2), configEntry(5, 5, jointConfig)],
      commit: 5,
    })
    expect(checkRestoredState(sound)).toBe(sound)
    const joiners = state({
      snapshot: snapshotAt(3, 2, { configIndex: 0, config: { voters: [], learners: [], old: null } }),
    })
    expect(checkRestoredState(joiners)).toBe(joiners)
  })
})

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
