import { describe, expect, it } from 'vitest'
import { ClosedError, StorageFailedError } from '../base/errors.ts'
import type { RaftState, RaftStorage, RaftWrite } from '../raft/contract.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import { runLaw } from './describe-laws.ts'
import { raftStorageLaws, type RaftStorageHarness } from './raft-storage-laws.ts'
import { unwritten } from './raft-storage-samples.ts'

/** One way to be wrong: each member replaces what a sound storage does. */
interface Fault {
  write?(inner: InMemoryRaftStorage, batch: RaftWrite): Promise<void>
  load?(inner: InMemoryRaftStorage): Promise<RaftState | null>
  reopen?(inner: InMemoryRaftStorage): Promise<InMemoryRaftStorage>
  open?(): Promise<InMemoryRaftStorage>
  close?(inner: InMemoryRaftStorage): Promise<void>
  failNextWrite?(): void
}

class FaultyStorage implements RaftStorage {
  readonly inner: InMemoryRaftStorage
  readonly #fault: Fault

  constructor(inner: InMemoryRaftStorage, fault: Fault) {
    this.inner = inner
    this.#fault = fault
  }

  get peerIdentity(): RaftStorage['peerIdentity'] {
    return this.inner.peerIdentity
  }

  load(): Promise<RaftState | null> {
    return this.#fault.load?.(this.inner) ?? this.inner.load()
  }

  write(batch: RaftWrite): Promise<void> {
    return this.#fault.write?.(this.inner, batch) ?? this.inner.write(batch)
  }

  close(): Promise<void> {
    return this.#fault.close?.(this.inner) ?? this.inner.close()
  }
}

function harnessOf(fault: Fault): RaftStorageHarness {
  const innerOf = (storage: RaftStorage): InMemoryRaftStorage => (storage as FaultyStorage).inner
  return {
    open: async () => new FaultyStorage(await (fault.open?.() ?? InMemoryRaftStorage.create()), fault),
    async reopen(storage) {
      const inner = innerOf(storage)
      return new FaultyStorage(await (fault.reopen?.(inner) ?? inner.reopen()), fault)
    },
    failNextWrite: (storage) =>
      fault.failNextWrite === undefined ? innerOf(storage).failNextWrite() : fault.failNextWrite(),
    close: async () => {},
  }
}

/** A storage that loads what `change` makes of the state. */
const loading = (change: (state: RaftState) => RaftState | null): Fault => ({
  async load(inner) {
    const state = await inner.load()
    return state === null ? null : change(state)
  },
})

const writing = (change: (batch: RaftWrite) => RaftWrite): Fault => ({
  write: (inner, batch) => inner.write(change(batch)),
})

const without = (batch: RaftWrite, ...names: (keyof RaftWrite)[]): RaftWrite =>
  Object.fromEntries(Object.entries(batch).filter(([name]) => !names.includes(name as keyof RaftWrite)))

const macrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** For each law a storage that breaks it, made anew for each run. */
const mutants: Readonly<Record<string, { what: string; make: () => Fault }>> = {
  'STORE-1': { what: 'makes up defaults', make: () => ({ load: async (inner) => (await inner.load()) ?? unwritten }) },
  'STORE-2': {
    what: 'counts terms from 1',
    make: () => loading((state) => ({ ...state, term: Math.max(1, state.term) })),
  },
  'STORE-3': { what: 'forgets the lineage', make: () => writing((batch) => without(batch, 'lineage')) },
  'STORE-4': {
    what: 'takes null for left out',
    make: () => writing((batch) => without(batch, ...(batch.vote === null ? (['vote'] as const) : []))),
  },
  'STORE-5': {
    what: 'keeps terms as 32-bit floats',
    make: () => loading((state) => ({ ...state, term: Math.fround(state.term) })),
  },
  'STORE-6': {
    what: 'forgets the leader when the term changes',
    make: () =>
      writing((batch) => (batch.term !== undefined && batch.leader === undefined ? { ...batch, leader: null } : batch)),
  },
  'STORE-7': {
    what: 'takes an empty command for a no-op',
    make: () =>
      loading((state) => ({
        ...state,
        entries: state.entries.map((entry) =>
          entry.command.length === 0 && entry.kind === 'command' ? { ...entry, kind: 'noop' } : entry,
        ),
      })),
  },
  'STORE-8': {
    what: 'orders entries by their index as text',
    make: () =>
      loading((state) => ({
        ...state,
        entries: state.entries.toSorted((a, b) => (String(a.index) < String(b.index) ? -1 : 1)),
      })),
  },
  'STORE-9': {
    what: 'keeps the entry that truncation names',
    make: () =>
      writing((batch) =>
        batch.truncateFrom === undefined ? batch : { ...batch, truncateFrom: batch.truncateFrom + 1 },
      ),
  },
  'STORE-10': {
    what: 'appends before it truncates',
    make: () => ({
      async write(inner, batch) {
        await inner.write(batch)
        if (batch.truncateFrom !== undefined) await inner.write({ truncateFrom: batch.truncateFrom })
      },
    }),
  },
  'STORE-11': {
    what: 'reads 1,000 entries',
    make: () => loading((state) => ({ ...state, entries: state.entries.slice(0, 1000) })),
  },
  'STORE-12': {
    what: 'keeps the first MiB of a command',
    make: () =>
      loading((state) => ({
        ...state,
        entries: state.entries.map((entry) => ({ ...entry, command: entry.command.slice(0, 1 << 20) })),
      })),
  },
  'STORE-13': {
    what: 'takes a snapshot without bytes for none',
    make: () => loading((state) => (state.snapshot?.state.length === 0 ? { ...state, snapshot: null } : state)),
  },
  'STORE-14': {
    what: 'keeps the configuration of the first snapshot',
    make: () => {
      let first: RaftWrite['snapshot']
      return writing((batch) => {
        if (batch.snapshot === undefined || batch.snapshot === null) return batch
        first ??= batch.snapshot
        return { ...batch, snapshot: { ...batch.snapshot, config: first.config } }
      })
    },
  },
  'STORE-15': {
    what: 'lets a snapshot take the whole log',
    make: () => writing((batch) => (batch.snapshot === undefined ? batch : { truncateFrom: 1, ...batch })),
  },
  'STORE-16': {
    what: 'does not truncate where a snapshot comes',
    make: () => writing((batch) => (batch.snapshot === undefined ? batch : without(batch, 'truncateFrom'))),
  },
  'STORE-17': {
    what: 'keeps indices in 32 bits',
    make: () =>
      loading((state) => ({ ...state, entries: state.entries.map((entry) => ({ ...entry, index: entry.index | 0 })) })),
  },
  'STORE-18': {
    what: 'writes records first and entries after',
    make: () => ({
      async write(inner, batch) {
        await inner.write(without(batch, 'entries', 'truncateFrom'))
        await inner.write({
          truncateFrom: batch.truncateFrom,
          ...(batch.entries === undefined ? {} : { entries: batch.entries }),
        })
      },
    }),
  },
  'STORE-19': {
    what: 'says nothing of impossible numbers',
    make: () => ({ write: (inner, batch) => inner.write(batch).catch(() => {}) }),
  },
  'STORE-20': {
    what: 'overtakes',
    make: () => {
      let calls = 0
      return {
        async write(inner, batch) {
          if (calls++ % 5 === 1) await macrotask()
          await inner.write(batch)
        },
      }
    },
  },
  'STORE-21': {
    what: 'reads past the writes under way',
    make: () => ({
      async write(inner, batch) {
        await macrotask()
        await inner.write(batch)
      },
    }),
  },
  'STORE-22': {
    what: 'goes on after a failure',
    make: () => {
      let failing = false
      return {
        failNextWrite: () => void (failing = true),
        async write(inner, batch) {
          if (!failing) return inner.write(batch)
          failing = false
          throw new StorageFailedError('made to fail')
        },
      }
    },
  },
  'STORE-23': {
    what: 'copies late',
    make: () => ({
      async write(inner, batch) {
        await Promise.resolve()
        await inner.write(batch)
      },
    }),
  },
  'STORE-24': {
    what: 'hands out what it keeps',
    make: () => {
      let kept: Promise<RaftState | null> | null = null
      return { load: (inner) => (kept ??= inner.load()) }
    },
  },
  'STORE-25': {
    what: 'loses the game when reopened',
    make: () => ({
      async reopen(inner) {
        const next = inner.reopen()
        if ((await next.load()) !== null) await next.write({ gameId: null })
        return next
      },
    }),
  },
  'STORE-26': {
    what: 'comes back as somebody else',
    make: () => ({
      async reopen(inner) {
        const [next, state] = [await InMemoryRaftStorage.create(), await inner.reopen().load()]
        if (state !== null) await next.write(state)
        return next
      },
    }),
  },
  'STORE-27': {
    what: 'has one medium for all',
    make: () => {
      let one: Promise<InMemoryRaftStorage> | null = null
      return { open: () => (one ??= InMemoryRaftStorage.create()) }
    },
  },
  'STORE-28': {
    what: 'drops the writes under way at close',
    make: () => {
      let closed = false
      return {
        async close(inner) {
          closed = true
          await inner.close()
        },
        async write(inner, batch) {
          await macrotask()
          if (closed) throw new ClosedError('closed')
          await inner.write(batch)
        },
      }
    },
  },
}

describe('the storage laws bite', () => {
  it('each has a storage that breaks it, and there is no other', () => {
    expect(Object.keys(mutants)).toEqual(raftStorageLaws.map((law) => law.id))
  })

  for (const law of raftStorageLaws) {
    const mutant = mutants[law.id]
    it(`[${law.id}] is red where a storage ${mutant?.what}`, async () => {
      await expect(runLaw(law, harnessOf(mutant?.make() ?? {}))).rejects.toThrow()
    })

    it(`[${law.id}] is green where it does nothing wrong`, () => runLaw(law, harnessOf({})))
  }
})
