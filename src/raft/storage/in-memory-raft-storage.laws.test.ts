import { describeLaws } from '../../conformance/describe-laws.ts'
import { raftStorageLaws } from '../../conformance/raft-storage-laws.ts'
import { inMemoryHarness } from './test-support/in-memory-harness.ts'

describeLaws('the storage laws, in memory', raftStorageLaws, inMemoryHarness)
