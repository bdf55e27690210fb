import { expect } from 'vitest'
import { equalBytes } from '../base/bytes.ts'
import type { RaftState, RaftStorage, RaftWrite, StoredEntry } from '../raft/contract.ts'
import { encodeEntry } from '../raft/storage/record-codec.ts'
import type { Law } from './law.ts'

/** What the storage laws need of an implementation. Each law gets a harness of its own. */
export interface RaftStorageHarness {
  /** A handle on a new medium that nobody has written. */
  open(): Promise<RaftStorage>
  /** Closes the handle, and opens its medium in another one that shares nothing with it but the medium. */
  reopen(storage: RaftStorage): Promise<RaftStorage>
  /** Makes the next write of this handle fail, nothing of it stored. Left out: the law that needs it is a gap to declare. */
  failNextWrite?(storage: RaftStorage): void
  /** Closes every handle and removes every medium. */
  close(): Promise<void>
}

export type StorageLaw = Law<RaftStorageHarness>

/** Writes in turn to a new medium, then {@link expectStored}. */
export async function expectAfter(
  harness: RaftStorageHarness,
  writes: readonly RaftWrite[],
  state: RaftState,
): Promise<void> {
  const storage = await harness.open()
  expect(await storage.load()).toBeNull()
  for (const batch of writes) await storage.write(batch)
  await expectStored(harness, storage, state)
}

/** For logs of many bytes, over which a matcher takes seconds: each entry is compared as it is stored. */
export function expectLog(state: RaftState | null, entries: readonly StoredEntry[]): void {
  const loaded = state?.entries ?? []
  expect(loaded.length).toBe(entries.length)
  const differs = entries.findIndex((entry, i) => {
    const other = loaded[i] as StoredEntry
    return other.index !== entry.index || !equalBytes(encodeEntry(other), encodeEntry(entry))
  })
  expect(differs, 'the place of the first entry that is another').toBe(-1)
}

/** Reads through the same handle and, after a reopen, through another: both have to agree. */
export async function expectStored(
  harness: RaftStorageHarness,
  storage: RaftStorage,
  state: RaftState | null,
): Promise<void> {
  expect(await storage.load(), 'through the handle that wrote').toEqual(state)
  expect(await (await harness.reopen(storage)).load(), 'through another handle').toEqual(state)
}
