import { expect } from 'vitest'
import type { RaftState } from '../raft/contract.ts'
import { expectAfter, expectLog, expectStored, type StorageLaw } from './raft-storage-harness.ts'
import {
  CEILING,
  command,
  configEntry,
  jointConfig,
  noop,
  patterned,
  simpleConfig,
  snapshotAt,
  unwritten,
} from './raft-storage-samples.ts'

export const recordLaws: readonly StorageLaw[] = [
  {
    id: 'STORE-1',
    title: 'a medium nobody wrote loads as null, through every handle',
    run: async (harness) => {
      const storage = await harness.open()
      expect(await storage.load()).toBeNull()
      await storage.write({})
      await storage.write({ entries: [] })
      await expectStored(harness, storage, null)
    },
  },
  {
    id: 'STORE-2',
    title: 'records never written load as their defaults, beside any that was',
    run: async (harness) => {
      await expectAfter(harness, [{ term: 7 }], { ...unwritten, term: 7 })
      await expectAfter(harness, [{ vote: 'ana' }], { ...unwritten, vote: 'ana' })
      await expectAfter(harness, [{ vote: null }], unwritten)
      await expectAfter(harness, [{ truncateFrom: 1 }], unwritten)
    },
  },
  {
    id: 'STORE-3',
    title: 'every record is kept, and the last write of it counts',
    run: async (harness) => {
      const first = {
        nodeId: 'ana',
        gameId: 'oak',
        lineage: 'one',
        term: 3,
        vote: 'bob',
        leader: { term: 3, id: 'bob' },
        commit: 0,
      }
      const second = {
        nodeId: 'âñà',
        gameId: 'elm',
        lineage: 'two',
        term: 4,
        vote: 'cy',
        leader: { term: 4, id: 'cy' },
        commit: 1,
      }
      const entries = [noop(1, 1)]
      await expectAfter(harness, [first], { ...unwritten, ...first })
      await expectAfter(harness, [first, { ...second, entries }], { ...unwritten, ...second, entries })
    },
  },
  {
    id: 'STORE-4',
    title: 'null clears a record, leaving one out leaves it as it was',
    run: async (harness) => {
      const full = {
        nodeId: 'ana',
        gameId: 'oak',
        lineage: 'one',
        term: 3,
        vote: 'bob',
        leader: { term: 2, id: 'bob' },
      }
      await expectAfter(harness, [full, { term: 4, vote: null }], { ...unwritten, ...full, term: 4, vote: null })
      await expectAfter(harness, [full, { leader: null }], { ...unwritten, ...full, leader: null })
      const cleared = { nodeId: null, gameId: null, lineage: null }
      await expectAfter(harness, [full, cleared], { ...unwritten, ...full, ...cleared })
    },
  },
  {
    id: 'STORE-5',
    title: 'terms are exact at 0, 2^53 - 2 and 2^53 - 1',
    run: async (harness) => {
      for (const term of [0, CEILING - 1, CEILING]) {
        const leader = { term, id: 'ana' }
        await expectAfter(harness, [{ term: 1 }, { term, leader }], { ...unwritten, term, leader })
      }
    },
  },
  {
    id: 'STORE-6',
    title: 'the leader record is replaced whole, and by no write of anything else',
    run: async (harness) => {
      const leader = { term: 5, id: 'ana' }
      await expectAfter(
        harness,
        [
          { term: 5, leader },
          { term: 6, vote: 'bob' },
        ],
        { ...unwritten, term: 6, vote: 'bob', leader },
      )
      await expectAfter(harness, [{ term: 5, leader }, { leader: { term: 4, id: 'bob' } }], {
        ...unwritten,
        term: 5,
        leader: { term: 4, id: 'bob' },
      })
    },
  },
]

export const logLaws: readonly StorageLaw[] = [
  {
    id: 'STORE-7',
    title: 'an entry comes back whole, every field of every kind',
    run: async (harness) => {
      const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const entries = [
        command(1, 0),
        { ...command(2, 0), command: everyByte },
        { ...command(3, 1), command: new Uint8Array(0) },
        { ...noop(4, 1), timeMs: 1_700_000_000_000.25 },
        { ...command(5, 2), dedupKey: { clientId: 'Zoë 🎲', requestId: CEILING } },
        { ...command(6, 2), dedupKey: { clientId: '', requestId: 0 }, proposer: 'bob', timeMs: -0.5 },
        configEntry(7, 2, simpleConfig),
        { ...configEntry(8, 3, jointConfig), proposer: 'ana', dedupKey: { clientId: 'c', requestId: 1 } },
        configEntry(9, 3, { voters: ['ana'], learners: [], old: null }),
        { ...command(10, 3), timeMs: 0, proposer: '' },
      ]
      await expectAfter(harness, [{ term: 3, entries }], { ...unwritten, term: 3, entries })
    },
  },
  {
    id: 'STORE-8',
    title: 'separate appends make one log, in order and without a gap',
    run: async (harness) => {
      const entries = Array.from({ length: 12 }, (_, i) => command(i + 1, 1))
      const writes = [{ term: 1 }, ...[0, 1, 2, 3].map((part) => ({ entries: entries.slice(part * 3, part * 3 + 3) }))]
      await expectAfter(harness, writes, { ...unwritten, term: 1, entries })
    },
  },
  {
    id: 'STORE-9',
    title: 'truncateFrom cuts away its index and all after it, nothing before',
    run: async (harness) => {
      const entries = [1, 2, 3, 4, 5].map((index) => command(index, 1))
      const start = { term: 2, entries }
      const after = (kept: RaftState['entries']): RaftState => ({ ...unwritten, term: 2, entries: kept })
      await expectAfter(harness, [start, { truncateFrom: 4 }], after(entries.slice(0, 3)))
      await expectAfter(harness, [start, { truncateFrom: 5 }], after(entries.slice(0, 4)))
      await expectAfter(harness, [start, { truncateFrom: 1 }], after([]))
      await expectAfter(harness, [start, { truncateFrom: 6 }], after(entries))
    },
  },
  {
    id: 'STORE-10',
    title: 'a write truncates before it appends, and later appends follow',
    run: async (harness) => {
      const old = [1, 2, 3, 4, 5].map((index) => command(index, 1))
      const fresh = [3, 4].map((index) => command(index, 2))
      const state = { ...unwritten, term: 2, entries: [...old.slice(0, 2), ...fresh] }
      await expectAfter(
        harness,
        [
          { term: 1, entries: old },
          { term: 2, truncateFrom: 3, entries: fresh },
        ],
        state,
      )
      const later = command(5, 2)
      const writes = [{ term: 2, entries: old }, { truncateFrom: 3 }, { entries: fresh }, { entries: [later] }]
      await expectAfter(harness, writes, { ...state, entries: [...state.entries, later] })
    },
  },
  {
    id: 'STORE-11',
    title: 'a log of 4,000 entries comes back whole, from one write and from many',
    run: async (harness) => {
      const entries = Array.from({ length: 4000 }, (_, i) => command(i + 1, 1 + Math.floor(i / 1000)))
      const parts = Array.from({ length: 40 }, (_, i) => ({ entries: entries.slice(i * 100, i * 100 + 100) }))
      for (const writes of [[{ term: 4, entries }], [{ term: 4 }, ...parts]]) {
        const storage = await harness.open()
        for (const batch of writes) await storage.write(batch)
        expectLog(await storage.load(), entries)
        expectLog(await (await harness.reopen(storage)).load(), entries)
      }
    },
  },
  {
    id: 'STORE-12',
    title: 'a command of 4 MiB comes back whole',
    run: async (harness) => {
      const entries = [{ ...command(1, 1), command: patterned(4 * 1024 * 1024) }, command(2, 1)]
      const storage = await harness.open()
      await storage.write({ term: 1, entries })
      expectLog(await storage.load(), entries)
      expectLog(await (await harness.reopen(storage)).load(), entries)
    },
  },
]

export const snapshotLaws: readonly StorageLaw[] = [
  {
    id: 'STORE-13',
    title: 'a snapshot comes back whole: at 0, with no bytes, with a joint configuration',
    run: async (harness) => {
      const samples = [
        snapshotAt(0, 0, { state: new Uint8Array(0) }),
        snapshotAt(3, 2, { config: jointConfig }),
        snapshotAt(CEILING - 1, CEILING - 1),
        snapshotAt(CEILING, CEILING),
      ]
      for (const snapshot of samples) {
        await expectAfter(harness, [{ term: CEILING, snapshot }], { ...unwritten, term: CEILING, snapshot })
      }
    },
  },
  {
    id: 'STORE-14',
    title: 'a later snapshot replaces the earlier one whole',
    run: async (harness) => {
      const first = snapshotAt(3, 2, { state: new Uint8Array(1000).fill(7), config: jointConfig })
      const second = snapshotAt(4, 2, { state: Uint8Array.of(1), config: simpleConfig })
      await expectAfter(harness, [{ term: 2, snapshot: first }, { snapshot: second }], {
        ...unwritten,
        term: 2,
        snapshot: second,
      })
    },
  },
  {
    id: 'STORE-15',
    title: 'a snapshot takes the entries it covers with it, and no others',
    run: async (harness) => {
      const entries = [1, 2, 3, 4, 5].map((index) => command(index, 1))
      const start = { term: 1, entries }
      for (const index of [0, 3, 5, 9]) {
        const snapshot = snapshotAt(index, 1)
        const kept = entries.filter((entry) => entry.index > index)
        const next = command(Math.max(5, index) + 1, 1)
        await expectAfter(harness, [start, { snapshot }], { ...unwritten, term: 1, snapshot, entries: kept })
        await expectAfter(harness, [start, { snapshot }, { entries: [next] }], {
          ...unwritten,
          term: 1,
          snapshot,
          entries: [...kept, next],
        })
      }
    },
  },
  {
    id: 'STORE-16',
    title: 'one write installs a snapshot over a log that differs from it',
    run: async (harness) => {
      const entries = [1, 2, 3, 4, 5].map((index) => command(index, 1))
      const snapshot = snapshotAt(3, 2)
      const next = command(4, 2)
      const install = { term: 2, truncateFrom: 1, snapshot, entries: [next] }
      await expectAfter(harness, [{ term: 1, entries }, install], { ...unwritten, term: 2, snapshot, entries: [next] })
    },
  },
  {
    id: 'STORE-17',
    title: 'indices are exact up to 2^53 - 1',
    run: async (harness) => {
      const snapshot = snapshotAt(CEILING - 2, 1)
      const entries = [command(CEILING - 1, 1), command(CEILING, CEILING)]
      const state = { ...unwritten, term: CEILING, commit: CEILING, snapshot }
      const { commit, ...rest } = state
      await expectAfter(
        harness,
        [
          { ...rest, entries: [] },
          { entries, commit },
        ],
        { ...state, entries },
      )
      await expectAfter(harness, [{ ...rest, entries }, { truncateFrom: CEILING }], {
        ...rest,
        entries: entries.slice(0, 1),
      })
    },
  },
]
