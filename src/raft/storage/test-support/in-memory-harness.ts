import type { RaftStorageHarness } from '../../../conformance/raft-storage-laws.ts'
import type { RaftStorage } from '../../contract.ts'
import { InMemoryRaftStorage } from '../in-memory-raft-storage.ts'

/** Runs the storage laws on media in memory. */
export function inMemoryHarness(): RaftStorageHarness {
  return {
    open: () => InMemoryRaftStorage.create(),
    reopen: async (storage) => inMemory(storage).reopen(),
    failNextWrite: (storage) => inMemory(storage).failNextWrite(),
    close: async () => {},
  }
}

function inMemory(storage: RaftStorage): InMemoryRaftStorage {
  if (storage instanceof InMemoryRaftStorage) return storage
  throw new TypeError('not a storage of this harness')
}
