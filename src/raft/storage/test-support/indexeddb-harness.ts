import type { RaftStorageHarness } from '../../../conformance/raft-storage-laws.ts'
import { IndexedDbRaftStorage, type IndexedDbRaftStorageOptions } from '../indexeddb/indexeddb-raft-storage.ts'
import type { RaftStorage } from '../../contract.ts'

/** Runs the storage laws on databases of random names in the IndexedDB there is. */
export function indexedDbHarness(options: IndexedDbRaftStorageOptions = {}): RaftStorageHarness {
  const names = new Map<RaftStorage, string>()
  const openAs = async (name: string): Promise<RaftStorage> => {
    const storage = await IndexedDbRaftStorage.open(name, options)
    names.set(storage, name)
    return storage
  }
  return {
    open: () => openAs(`laws ${crypto.randomUUID()}`),
    async reopen(storage) {
      await storage.close()
      return openAs(names.get(storage) as string)
    },
    failNextWrite: () => abortNextTransaction(),
    async close() {
      for (const storage of names.keys()) await storage.close()
      await Promise.all([...new Set(names.values())].map(deleteDatabase))
    },
  }
}

/**
 * Makes the next write transaction of this realm fail the way a full disk does: its first request is refused with
 * `error`, and the transaction aborts.
 */
export function abortNextTransaction(
  error: DOMException = new DOMException('no room left', 'QuotaExceededError'),
): void {
  const { put } = IDBObjectStore.prototype
  IDBObjectStore.prototype.put = () => {
    IDBObjectStore.prototype.put = put
    throw error
  }
}

export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name)
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error)
  })
}
