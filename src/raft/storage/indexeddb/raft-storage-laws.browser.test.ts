import { describe, it } from 'vitest'
import { raftStorageLaws } from '../../../conformance/raft-storage-laws.ts'
import { indexedDbHarness } from '../test-support/indexeddb-harness.ts'

describe.each([{ durability: 'strict' }, { durability: 'relaxed' }] as const)(
  'the storage laws, IndexedDB, $durability',
  (options) => {
    for (const law of raftStorageLaws) {
      it(`[${law.id}] ${law.title}`, async () => {
        const harness = indexedDbHarness(options)
        try {
          await law.run(harness)
        } finally {
          await harness.close()
        }
      })
    }
  },
)
