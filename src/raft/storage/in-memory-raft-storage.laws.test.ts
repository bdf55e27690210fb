import { describe, it } from 'vitest'
import { raftStorageLaws } from '../../conformance/raft-storage-laws.ts'
import { inMemoryHarness } from './test-support/in-memory-harness.ts'

describe('the storage laws, in memory', () => {
  for (const law of raftStorageLaws) it(`[${law.id}] ${law.title}`, () => law.run(inMemoryHarness()))
})
