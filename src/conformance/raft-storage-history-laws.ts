import { expect } from 'vitest'
import { equalBytes } from '../base/bytes.ts'
import type { RaftState, RaftWrite, StoredEntry } from '../raft/contract.ts'
import { expectAfter, expectLog, expectStored, type StorageLaw } from './raft-storage-harness.ts'
import { command, configEntry, jointConfig, noop, patterned, snapshotAt, unwritten } from './raft-storage-samples.ts'

/** What a storage holds in the course of a log's life: written, cut off, written again, compacted. */
export const historyLaws: readonly StorageLaw[] = [
  {
    id: 'STORE-29',
    title: 'the same entry, written, cut away and written again, is there',
    run: async (harness) => {
      const [first, mine, theirs] = [command(1, 1), command(2, 1), command(2, 2)]
      const storage = await harness.open()
      await storage.load()
      const again = [{ truncateFrom: 2, entries: [theirs] }, { truncateFrom: 2, entries: [mine] }, { truncateFrom: 2 }]
      await Promise.all(
        [{ term: 3, entries: [first, mine] }, ...again, { entries: [mine] }].map((batch) => storage.write(batch)),
      )
      await expectStored(harness, storage, { ...unwritten, term: 3, entries: [first, mine] })
    },
  },
  {
    id: 'STORE-30',
    title: 'a crash between any two writes leaves all before it and nothing after',
    run: async (harness) => {
      for (let count = 1; count <= LIFE.length; count++) {
        const storage = await harness.open()
        for (const { batch } of LIFE.slice(0, count)) await storage.write(batch)
        expect(await (await harness.reopen(storage)).load(), `after write ${count}`).toEqual(stateAfter(count))
      }
    },
  },
  {
    id: 'STORE-31',
    title: 'a snapshot of 16 MiB comes back whole, with the log that goes on after it',
    run: async (harness) => {
      const [state, sessions] = [patterned(16 * 1024 * 1024), patterned(300_000)]
      const entries = Array.from({ length: 500 }, (_, i) => command(i + 1, 1))
      const storage = await harness.open()
      await storage.write({ term: 1, entries })
      await storage.write({ snapshot: snapshotAt(400, 1, { state, sessions }), entries: [command(501, 1)] })
      const loaded = await (await harness.reopen(storage)).load()
      expect(equalBytes(loaded?.snapshot?.state ?? new Uint8Array(), state)).toBe(true)
      expect(equalBytes(loaded?.snapshot?.sessions ?? new Uint8Array(), sessions)).toBe(true)
      expect(loaded?.entries.map((entry) => entry.index)).toEqual(Array.from({ length: 101 }, (_, i) => 401 + i))
    },
  },
  {
    id: 'STORE-32',
    title: 'a command of any length comes back whole, its signature included',
    run: async (harness) => {
      const lengths = [1, 63, 64, 65, 127, 128, 129, 164, 255, 256, 257, 16_383, 16_384, 65_535, 65_536]
      const entries = lengths.map((length, i) => ({ ...command(i + 1, 1), command: patterned(length) }))
      const storage = await harness.open()
      await storage.write({ term: 1, entries })
      expectLog(await (await harness.reopen(storage)).load(), entries)
    },
  },
  {
    id: 'STORE-33',
    title: 'entries that lie over stored ones are a RangeError, unless the write cuts those away',
    run: async (harness) => {
      const entries = [1, 2, 3].map((index) => command(index, 1))
      for (const index of [1, 3]) {
        const storage = await harness.open()
        await storage.load()
        const written = storage.write({ term: 2, entries })
        await expect(storage.write({ entries: [command(index, 2)] })).rejects.toBeInstanceOf(RangeError)
        await written
        expect(await (await harness.reopen(storage)).load()).toEqual({ ...unwritten, term: 2, entries })
      }
    },
  },
  {
    id: 'STORE-34',
    title: 'a snapshot older than the stored one is a RangeError: the log would have a hole',
    run: async (harness) => {
      const entries = [command(4, 1), command(5, 1)]
      const state = { ...unwritten, term: 1, snapshot: snapshotAt(3, 1), entries }
      for (const snapshot of [snapshotAt(2, 1), snapshotAt(0, 0), null]) {
        const storage = await harness.open()
        await storage.load()
        await storage.write(state)
        await expect(storage.write({ snapshot })).rejects.toBeInstanceOf(RangeError)
        expect(await (await harness.reopen(storage)).load()).toEqual(state)
      }
      const beneath = { truncateFrom: 1, entries: [command(4, 2)] }
      await expectAfter(harness, [state, { ...beneath, term: 2 }], { ...state, term: 2, entries: beneath.entries })
    },
  },
]

/** A node's writes from its first start on, each of another kind. */
const LIFE: readonly { readonly batch: RaftWrite; readonly after: Partial<RaftState> }[] = [
  recorded({ nodeId: 'ana' }),
  recorded({ gameId: 'oak', lineage: 'one' }),
  recorded({ term: 1, vote: 'ana' }),
  recorded({ leader: { term: 1, id: 'ana' }, entries: log(1, 1, 3) }),
  { batch: { entries: log(1, 4, 5), commit: 2 }, after: { entries: log(1, 1, 5), commit: 2 } },
  recorded({ term: 3, vote: null }),
  {
    batch: { leader: { term: 3, id: 'bob' }, truncateFrom: 4, entries: log(3, 4, 4) },
    after: { leader: { term: 3, id: 'bob' }, entries: [...log(1, 1, 3), ...log(3, 4, 4)] },
  },
  { batch: { truncateFrom: 4 }, after: { entries: log(1, 1, 3) } },
  {
    batch: { entries: [configEntry(4, 3, jointConfig), noop(5, 3)], commit: 3 },
    after: { entries: [...log(1, 1, 3), configEntry(4, 3, jointConfig), noop(5, 3)], commit: 3 },
  },
  {
    batch: { snapshot: snapshotAt(3, 1) },
    after: { snapshot: snapshotAt(3, 1), entries: [configEntry(4, 3, jointConfig), noop(5, 3)] },
  },
  {
    batch: { term: 4, vote: 'cy', truncateFrom: 4, snapshot: snapshotAt(9, 4), commit: 9, entries: log(4, 10, 11) },
    after: { term: 4, vote: 'cy', snapshot: snapshotAt(9, 4), commit: 9, entries: log(4, 10, 11) },
  },
  { batch: { truncateFrom: 10 }, after: { entries: [] } },
]

/** A write that replaces whole what it names. */
function recorded(batch: Partial<RaftState>): { batch: RaftWrite; after: Partial<RaftState> } {
  return { batch, after: batch }
}

function stateAfter(count: number): RaftState {
  return Object.assign({ ...unwritten }, ...LIFE.slice(0, count).map(({ after }) => after)) as RaftState
}

function log(term: number, from: number, to: number): StoredEntry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => command(from + i, term))
}
