import type { RaftState, RaftWrite, StoredEntry } from '../../raft/contract.ts'
import { isEmptyWrite } from '../../raft/storage/raft-write.ts'
import type { Fault } from './faulty-storage.ts'
import { lifetimeMutants } from './storage-lifetime-mutants.ts'

export interface StorageMutant {
  /** What the storage does wrong, after "a storage that". */
  readonly what: string
  /** Other laws that cannot but see it. */
  readonly also?: readonly string[]
  /** A fault of its own for each run. */
  make(): Fault
}

/** For each law a storage that breaks it, and as little else as can be. */
export const storageMutants: Readonly<Record<string, StorageMutant>> = {
  'STORE-1': {
    what: 'makes something of nothing',
    make: () => writing((batch) => (isEmptyWrite(batch) ? { vote: null } : batch)),
  },
  'STORE-2': {
    what: 'forgets a first write that only truncates',
    make: () => ({
      async write(inner, batch) {
        if (batch.truncateFrom !== 1 || !isOnly(batch, 'truncateFrom') || (await inner.load()) !== null)
          await inner.write(batch)
      },
    }),
  },
  'STORE-3': {
    what: 'keeps the first node id',
    make: () => {
      const named = new WeakSet<object>()
      return {
        write: (inner, batch) => {
          if (batch.nodeId === undefined || batch.nodeId === null) return inner.write(batch)
          const again = named.has(inner)
          named.add(inner)
          return inner.write(again ? without(batch, 'nodeId') : batch)
        },
      }
    },
  },
  'STORE-4': {
    what: 'takes a lineage of null for none given',
    make: () => writing((batch) => (batch.lineage === null ? without(batch, 'lineage') : batch)),
  },
  'STORE-5': {
    what: 'keeps the leader’s term as a 32-bit float',
    make: () =>
      loading((state) => ({
        ...state,
        leader: state.leader && { ...state.leader, term: Math.fround(state.leader.term) },
      })),
  },
  'STORE-6': {
    what: 'keeps the leader of the highest term',
    make: () => ({
      async write(inner, batch) {
        const before = (await inner.load().catch(() => null))?.leader?.term ?? -1
        await inner.write((batch.leader?.term ?? Infinity) < before ? without(batch, 'leader') : batch)
      },
    }),
    also: ['STORE-21', 'STORE-23', 'STORE-28'],
  },
  'STORE-7': {
    what: 'takes an empty command for a no-op',
    make: () => entriesOf((entry) => (entry.command.length === 0 && entry.kind === 'command' ? asNoop(entry) : entry)),
  },
  'STORE-8': {
    what: 'orders entries by their index as text',
    also: ['STORE-7', 'STORE-11', 'STORE-32'],
    make: () =>
      loading((state) => ({
        ...state,
        entries: state.entries.toSorted((a, b) => (a.index < 100 && String(a.index) < String(b.index) ? -1 : 1)),
      })),
  },
  'STORE-9': {
    what: 'takes a truncation of everything for one of nothing',
    make: () =>
      writing((batch) =>
        batch.truncateFrom === 1 && isOnly(batch, 'truncateFrom') ? { truncateFrom: Number.MAX_SAFE_INTEGER } : batch,
      ),
  },
  'STORE-10': {
    what: 'appends before it truncates',
    also: ['STORE-16', 'STORE-20', 'STORE-29', 'STORE-30', 'STORE-34'],
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
    make: () => entriesOf((entry) => ({ ...entry, command: entry.command.slice(0, 1 << 20) })),
  },
  'STORE-13': {
    what: 'takes a snapshot without bytes for none',
    make: () => loading((state) => (state.snapshot?.state.length === 0 ? { ...state, snapshot: null } : state)),
  },
  'STORE-14': {
    what: 'keeps the configuration of the first snapshot',
    make: () => {
      const first = new WeakMap<object, NonNullable<RaftWrite['snapshot']>>()
      return {
        write: (inner, batch) => {
          if (batch.snapshot === undefined || batch.snapshot === null) return inner.write(batch)
          const kept = first.get(inner) ?? batch.snapshot
          first.set(inner, kept)
          return inner.write({ ...batch, snapshot: { ...batch.snapshot, config: kept.config } })
        },
      }
    },
  },
  'STORE-15': {
    what: 'lets a snapshot take the whole log',
    also: ['STORE-30', 'STORE-31', 'STORE-34'],
    make: () => writing((batch) => (batch.snapshot === undefined ? batch : { truncateFrom: 1, ...batch })),
  },
  'STORE-16': {
    what: 'does not truncate where a snapshot comes',
    make: () => writing((batch) => (batch.snapshot === undefined ? batch : without(batch, 'truncateFrom'))),
  },
  'STORE-17': {
    what: 'keeps indices in 32 bits',
    make: () => entriesOf((entry) => ({ ...entry, index: entry.index | 0 })),
  },
  ...lifetimeMutants,
  'STORE-29': {
    what: 'takes an entry that it has seen before for stored',
    also: ['STORE-30'],
    make: () => {
      const seen = new WeakMap<object, Set<string>>()
      return {
        write: (inner, batch) => {
          const here = seen.get(inner) ?? new Set()
          seen.set(inner, here)
          const places = (batch.entries ?? []).map(({ index, term }) => `${index} ${term}`)
          const known = batch.truncateFrom === undefined && places.some((place) => here.has(place))
          for (const place of places) here.add(place)
          return inner.write(known ? without(batch, 'entries') : batch)
        },
      }
    },
  },
  'STORE-30': {
    what: 'forgets the leader where a log is cut',
    make: () =>
      writing((batch) => (batch.truncateFrom === 4 && batch.leader !== undefined ? { ...batch, leader: null } : batch)),
  },
  'STORE-31': {
    what: 'keeps the first MiB of a snapshot',
    make: () =>
      loading((state) => ({
        ...state,
        snapshot: state.snapshot && { ...state.snapshot, state: state.snapshot.state.slice(0, 1 << 20) },
      })),
  },
  'STORE-32': {
    what: 'counts a command’s bytes in eight bits',
    also: ['STORE-12'],
    make: () =>
      entriesOf((entry) =>
        entry.command.length > 256 ? { ...entry, command: entry.command.slice(0, entry.command.length & 0xff) } : entry,
      ),
  },
  'STORE-33': {
    what: 'writes over entries that it was not told to cut away',
    make: () => ({
      write: (inner, batch) => {
        const from = batch.entries?.[0]?.index
        if (from === undefined || from > 3 || batch.truncateFrom !== undefined || batch.snapshot !== undefined)
          return inner.write(batch)
        return inner.write({ truncateFrom: from, ...batch })
      },
    }),
  },
  'STORE-34': {
    what: 'takes an older snapshot for a newer one',
    make: () => {
      const newest = new WeakMap<object, number>()
      return {
        write: (inner, batch) => {
          if (batch.snapshot === undefined) return inner.write(batch)
          const [before, index] = [newest.get(inner) ?? 0, batch.snapshot?.index ?? 0]
          newest.set(inner, Math.max(before, index))
          return inner.write(index >= 0 && index < before ? without(batch, 'snapshot') : batch)
        },
      }
    },
  },
}

function loading(change: (state: RaftState) => RaftState | null): Fault {
  return {
    async load(inner) {
      const state = await inner.load()
      return state === null ? null : change(state)
    },
  }
}

function entriesOf(change: (entry: StoredEntry) => StoredEntry): Fault {
  return loading((state) => ({ ...state, entries: state.entries.map(change) }))
}

function writing(change: (batch: RaftWrite) => RaftWrite): Fault {
  return { write: (inner, batch) => inner.write(change(batch)) }
}

function without(batch: RaftWrite, ...names: (keyof RaftWrite)[]): RaftWrite {
  return Object.fromEntries(Object.entries(batch).filter(([name]) => !names.includes(name as keyof RaftWrite)))
}

function isOnly(batch: RaftWrite, name: keyof RaftWrite): boolean {
  return isEmptyWrite(without(batch, name))
}

function asNoop({ index, term, command, dedupKey, proposer, timeMs }: StoredEntry): StoredEntry {
  return { kind: 'noop', index, term, command, dedupKey, proposer, timeMs }
}
