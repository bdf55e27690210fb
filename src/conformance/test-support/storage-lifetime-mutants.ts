import { StorageFailedError } from '../../base/errors.ts'
import type { RaftState, RaftWrite } from '../../raft/contract.ts'
import { InMemoryRaftStorage } from '../../raft/storage/in-memory-raft-storage.ts'
import { testIdentity } from '../../sim/test-identity.ts'
import type { StorageMutant } from './storage-mutants.ts'

const macrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** Wrong in how writes follow one another and in what outlives a handle: the laws from STORE-18 to STORE-28. */
export const lifetimeMutants: Readonly<Record<string, StorageMutant>> = {
  'STORE-18': {
    what: 'stores the records of a write whose entries it refuses',
    make: () => ({
      async write(inner, batch) {
        if (batch.entries?.some((entry) => entry.term < 0) !== true) return inner.write(batch)
        const { term, vote } = batch
        await inner.write({ term, vote } as RaftWrite)
        throw new RangeError('refused, or so it says')
      },
    }),
  },
  'STORE-19': {
    what: 'says nothing of an impossible commit index',
    make: () => ({
      write: (inner, batch) =>
        Object.keys(batch).join() === 'commit' ? inner.write(batch).catch(() => {}) : inner.write(batch),
    }),
  },
  'STORE-20': {
    what: 'answers out of order',
    make: () => {
      let calls = 0
      return {
        async write(inner, batch) {
          const late = calls++ % 5 === 1
          await inner.write(batch)
          if (late) await macrotask()
        },
      }
    },
  },
  'STORE-21': {
    what: 'reads past the writes under way',
    make: () => {
      let underWay = 0
      let before: Promise<RaftState | null> = Promise.resolve(null)
      return {
        load: (inner) => (underWay === 0 ? inner.load() : before),
        async write(inner, batch) {
          if (underWay++ === 0) before = inner.load()
          before.catch(() => {})
          try {
            await inner.write(batch)
            await macrotask()
          } finally {
            underWay--
          }
        },
      }
    },
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
    what: 'copies a snapshot late',
    make: () => ({
      async write(inner, batch) {
        await inner.write(batch)
        if (batch.snapshot === undefined || batch.snapshot === null) return
        await Promise.resolve()
        await inner.write({ snapshot: batch.snapshot })
      },
    }),
  },
  'STORE-24': {
    what: 'hands out what it keeps',
    make: () => {
      const kept = new WeakMap<object, Promise<RaftState | null>>()
      return {
        load: (inner) => {
          const before = kept.get(inner) ?? inner.load()
          kept.set(inner, before)
          return before
        },
        write: (inner, batch) => (kept.delete(inner), inner.write(batch)),
        close: (inner) => (kept.delete(inner), inner.close()),
      }
    },
  },
  'STORE-25': {
    what: 'loses the game when it is reopened once more',
    make: () => {
      const reopened = new WeakSet<object>()
      return {
        async reopen(inner) {
          const next = inner.reopen()
          if (reopened.has(inner)) await next.write({ gameId: null })
          reopened.add(next)
          return next
        },
      }
    },
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
    what: 'has one identity for all',
    also: ['STORE-26'],
    make: () => ({ open: () => InMemoryRaftStorage.create({ peerIdentity: testIdentity('all') }) }),
  },
  'STORE-28': {
    what: 'still reads when it is closed',
    make: () => {
      let last: RaftState | null = null
      return {
        load: (inner) => inner.load().catch(() => last),
        async close(inner) {
          last = await inner.load().catch(() => last)
          await inner.close()
        },
      }
    },
  },
}
