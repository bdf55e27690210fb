import { expect, it } from 'vitest'
import { ClosedError, StorageFailedError } from '../../base/errors.ts'
import type { StoredEntry } from '../contract.ts'
import { InMemoryRaftStorage } from './in-memory-raft-storage.ts'

const entry = (index: number, term = 1): StoredEntry => ({
  kind: 'command',
  index,
  term,
  command: Uint8Array.of(index),
  dedupKey: null,
  proposer: null,
  timeMs: index,
})

it('[STORE-26] the identity given is kept, over a reopen too; left out, one is made', async () => {
  const own = await InMemoryRaftStorage.create()
  expect(own.reopen().peerIdentity).toBe(own.peerIdentity)
  const given = await InMemoryRaftStorage.create({ peerIdentity: own.peerIdentity })
  expect(given.peerIdentity.id).toBe(own.peerIdentity.id)
})

it('[STORE-25] a reopened medium holds what was written, and the old handle is closed', async () => {
  const storage = await InMemoryRaftStorage.create()
  await storage.write({ term: 1, vote: 'a', entries: [entry(1), entry(2)] })
  const next = storage.reopen()
  await expect(storage.write({ term: 2 })).rejects.toBeInstanceOf(ClosedError)
  expect(await next.load()).toMatchObject({ term: 1, vote: 'a', entries: [entry(1), entry(2)] })
})

it('[STORE-22] after a write that failed every later one fails, and nothing of it was stored', async () => {
  const storage = await InMemoryRaftStorage.create()
  await storage.write({ term: 1 })
  storage.failNextWrite()
  await expect(storage.write({ term: 2 })).rejects.toBeInstanceOf(StorageFailedError)
  await expect(storage.write({ term: 3 })).rejects.toBeInstanceOf(StorageFailedError)
  expect(await storage.reopen().load()).toMatchObject({ term: 1 })
})

it('[STORE-23] a Node Buffer is copied too, though its slice is a view', async () => {
  const storage = await InMemoryRaftStorage.create()
  const [given, state, sessions] = [Buffer.of(1, 2), Buffer.of(3, 4), Buffer.of(5, 6)]
  const config = { voters: ['a'], learners: [], old: null }
  const snapshot = { index: 1, term: 1, timeMs: 0, configIndex: 0, config, sessions, state }
  await storage.write({ term: 1, snapshot, entries: [{ ...entry(2), command: given }] })
  given.fill(0xee)
  state.fill(0xee)
  sessions.fill(0xee)
  expect(await storage.load()).toMatchObject({
    snapshot: { state: Uint8Array.of(3, 4), sessions: Uint8Array.of(5, 6) },
    entries: [{ command: Uint8Array.of(1, 2) }],
  })
})
