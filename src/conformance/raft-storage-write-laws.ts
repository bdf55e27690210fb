import { expect } from 'vitest'
import { ClosedError } from '../base/errors.ts'
import type { RaftState, RaftWrite } from '../raft/contract.ts'
import { verifySignature } from '../seam/peer-identity.ts'
import { expectStored, type StorageLaw } from './raft-storage-harness.ts'
import {
  CEILING,
  command,
  configEntry,
  jointConfig,
  simpleConfig,
  snapshotAt,
  unwritten,
} from './raft-storage-samples.ts'

export const writeLaws: readonly StorageLaw[] = [
  {
    id: 'STORE-18',
    title: 'a write is all or nothing: one that is refused leaves nothing of itself',
    run: async (harness) => {
      const before = { ...unwritten, term: 1, vote: 'ana', entries: [command(1, 1), command(2, 1)] }
      for (const bad of [command(9, 1), command(3, -1), { ...command(3, 1), index: 2.5 }]) {
        const storage = await harness.open()
        await storage.load()
        await storage.write(before)
        await expect(
          storage.write({ term: 2, vote: 'bob', truncateFrom: 2, entries: [command(2, 2), bad] }),
        ).rejects.toThrow()
        expect(await (await harness.reopen(storage)).load()).toEqual(before)
      }
    },
  },
  {
    id: 'STORE-19',
    title: 'numbers outside 0 to 2^53 - 1 are a RangeError, whichever record they are for',
    run: async (harness) => {
      for (const number of [-1, 0.5, Number.NaN, Infinity, CEILING + 1]) {
        const batches: RaftWrite[] = [
          { term: number },
          { commit: number },
          { leader: { term: number, id: 'ana' } },
          { truncateFrom: number },
          { snapshot: snapshotAt(number, 0) },
          { snapshot: snapshotAt(1, number) },
          { entries: [command(1, number)] },
          { entries: [{ ...command(1, 1), index: number }] },
          { entries: [{ ...command(1, 1), dedupKey: { clientId: 'c', requestId: number } }] },
        ]
        for (const batch of batches) {
          const storage = await harness.open()
          await expect(storage.write(batch), JSON.stringify(batch)).rejects.toBeInstanceOf(RangeError)
          await storage.close()
        }
      }
    },
  },
  {
    id: 'STORE-20',
    title: 'writes under way together become durable, and are answered, in call order',
    run: async (harness) => {
      const storage = await harness.open()
      await storage.load()
      const answered: number[] = []
      const all: Promise<void>[] = []
      for (let i = 0; i < 200; i++) {
        const batch: RaftWrite =
          i % 4 === 3
            ? { term: i, truncateFrom: 1, entries: [command(1, i), command(2, i)] }
            : { term: i, vote: i % 2 === 0 ? `voter ${i}` : null, truncateFrom: 2, entries: [command(2, i)] }
        all.push(
          storage.write(i === 0 ? { term: 0, entries: [command(1, 0)] } : batch).then(() => void answered.push(i)),
        )
      }
      await Promise.all(all)
      expect(answered).toEqual(Array.from({ length: 200 }, (_, i) => i))
      const entries = [command(1, 199), command(2, 199)]
      await expectStored(harness, storage, { ...unwritten, term: 199, vote: 'voter 198', entries })
    },
  },
  {
    id: 'STORE-21',
    title: 'load sees every write called before it',
    run: async (harness) => {
      const storage = await harness.open()
      const called = [storage.write({ term: 1 }), storage.write({ term: 2, vote: 'ana', entries: [command(1, 1)] })]
      expect(await storage.load()).toEqual({ ...unwritten, term: 2, vote: 'ana', entries: [command(1, 1)] })
      await Promise.all(called)
    },
  },
  {
    id: 'STORE-22',
    title: 'after one write failed all later ones are refused, and none of them is stored',
    needs: ['failNextWrite'],
    run: async (harness) => {
      const storage = await harness.open()
      await storage.write({ term: 1 })
      harness.failNextWrite?.(storage)
      const outcomes = await Promise.allSettled([
        storage.write({ term: 2 }),
        storage.write({ term: 3 }),
        storage.write({ vote: 'ana' }),
      ])
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
      await expect(storage.write({ term: 4 })).rejects.toMatchObject({ code: 'StorageFailedError' })
      expect(await (await harness.reopen(storage)).load()).toEqual({ ...unwritten, term: 1 })
    },
  },
  {
    id: 'STORE-23',
    title: 'arrays given are copied when write returns: changing them later changes nothing',
    run: async (harness) => {
      const storage = await harness.open()
      const [entry, snapshot] = [command(4, 1), snapshotAt(3, 1)]
      const voters = ['ana', 'bob']
      const config = configEntry(5, 1, { voters, learners: [], old: null })
      const written = storage.write({ term: 1, snapshot, entries: [entry, config] })
      const expected = {
        ...unwritten,
        term: 1,
        snapshot: snapshotAt(3, 1),
        entries: [command(4, 1), structuredClone(config)],
      }
      entry.command.fill(0xee)
      snapshot.state.fill(0xee)
      voters.push('eve')
      await written
      await expectStored(harness, storage, expected)
    },
  },
  {
    id: 'STORE-24',
    title: 'arrays returned belong to the caller: changing them changes nothing stored',
    run: async (harness) => {
      const storage = await harness.open()
      const state = {
        ...unwritten,
        term: 1,
        snapshot: snapshotAt(1, 1),
        entries: [command(2, 1), configEntry(3, 1, simpleConfig)],
      }
      await storage.write(state)
      const loaded = (await storage.load()) as RaftState
      loaded.entries[0]?.command.fill(0xee)
      loaded.snapshot?.state.fill(0xee)
      ;(loaded.entries as RaftState['entries'][number][]).pop()
      await expectStored(harness, storage, state)
    },
  },
]

export const lifetimeLaws: readonly StorageLaw[] = [
  {
    id: 'STORE-25',
    title: 'everything stored survives into another handle',
    run: async (harness) => {
      const storage = await harness.open()
      const entries = [command(4, 2), configEntry(5, 3, jointConfig)]
      const leader = { term: 3, id: 'bob' }
      const state = {
        nodeId: 'ana',
        gameId: 'oak',
        lineage: 'one',
        term: 3,
        vote: null,
        leader,
        commit: 4,
        entries,
        snapshot: snapshotAt(3, 1),
      }
      await storage.write({ term: 2, vote: 'bob' })
      await storage.write(state)
      const second = await harness.reopen(storage)
      expect(await second.load()).toEqual(state)
      await second.write({ term: 4, entries: [command(6, 4)] })
      const third = await harness.reopen(second)
      expect(await third.load()).toEqual({ ...state, term: 4, entries: [...entries, command(6, 4)] })
    },
  },
  {
    id: 'STORE-26',
    title: 'the identity is kept with the log: the same id, a key that still proves it',
    run: async (harness) => {
      const storage = await harness.open()
      const { id, publicKey } = storage.peerIdentity
      await storage.write({ nodeId: id })
      const { peerIdentity } = await harness.reopen(storage)
      expect(peerIdentity.id).toBe(id)
      const bytes = Uint8Array.of(1, 2, 3)
      expect(await verifySignature(publicKey, bytes, await peerIdentity.sign(bytes))).toBe(true)
    },
  },
  {
    id: 'STORE-27',
    title: 'two media share nothing, not even an identity',
    run: async (harness) => {
      const [one, other] = [await harness.open(), await harness.open()]
      await one.write({ term: 5, entries: [command(1, 1)] })
      expect(await other.load()).toBeNull()
      expect(other.peerIdentity.id).not.toBe(one.peerIdentity.id)
    },
  },
  {
    id: 'STORE-28',
    title: 'close lets the writes under way finish, then everything is refused as closed',
    run: async (harness) => {
      const storage = await harness.open()
      const underWay = [storage.write({ term: 1 }), storage.write({ term: 2, vote: 'ana' })]
      await Promise.all([storage.close(), storage.close()])
      await Promise.all(underWay)
      await expect(storage.write({ term: 3 })).rejects.toBeInstanceOf(ClosedError)
      await expect(storage.load()).rejects.toBeInstanceOf(ClosedError)
      await storage.close()
      expect(await (await harness.reopen(storage)).load()).toEqual({ ...unwritten, term: 2, vote: 'ana' })
    },
  },
]
