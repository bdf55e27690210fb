import type { StorageLaw } from './raft-storage-harness.ts'
import { historyLaws } from './raft-storage-history-laws.ts'
import { logLaws, recordLaws, snapshotLaws } from './raft-storage-state-laws.ts'
import { lifetimeLaws, writeLaws } from './raft-storage-write-laws.ts'

export type { RaftStorageHarness } from './raft-storage-harness.ts'

/** What every `RaftStorage` keeps, as rules STORE-* of CONTRACT.md. */
export const raftStorageLaws: readonly StorageLaw[] = [
  ...recordLaws,
  ...logLaws,
  ...snapshotLaws,
  ...writeLaws,
  ...lifetimeLaws,
  ...historyLaws,
]
