import { describe, expect, it } from 'vitest'
import { runLaw } from './describe-laws.ts'
import { raftStorageLaws } from './raft-storage-laws.ts'
import { faultyHarness } from './test-support/faulty-storage.ts'
import { storageMutants } from './test-support/storage-mutants.ts'

describe('the storage laws bite', () => {
  it('each has a storage that breaks it, and there is no other', () => {
    expect(Object.keys(storageMutants)).toEqual(raftStorageLaws.map((law) => law.id))
  })

  for (const law of raftStorageLaws) {
    const mutant = storageMutants[law.id]
    it(`[${law.id}] is red where a storage ${mutant?.what}, and no law is that looks elsewhere`, async () => {
      const red: string[] = []
      for (const other of raftStorageLaws) {
        await runLaw(other, faultyHarness(mutant?.make() ?? {})).catch(() => red.push(other.id))
      }
      expect(red).toEqual([law.id, ...(mutant?.also ?? [])].toSorted((a, b) => numberOf(a) - numberOf(b)))
    })

    it(`[${law.id}] is green where it does nothing wrong`, () => runLaw(law, faultyHarness({})))
  }
})

function numberOf(id: string): number {
  return Number(id.split('-')[1])
}
