import { describeLaws } from '../../../conformance/describe-laws.ts'
import { raftStorageLaws } from '../../../conformance/raft-storage-laws.ts'
import { indexedDbHarness } from '../test-support/indexeddb-harness.ts'

for (const durability of ['strict', 'relaxed'] as const) {
  describeLaws(`the storage laws, IndexedDB, ${durability}`, raftStorageLaws, () => indexedDbHarness({ durability }))
}
