import { describe, expect, it } from 'vitest'
import { DelegateSeam } from './delegate-seam.ts'
import { runLaw } from './describe-laws.ts'
import { inMemoryHarness } from './in-memory-harness.ts'
import { withTagMux } from './mux-harness.ts'
import { muxLaws } from './mux-laws.ts'
import { seamLaws } from './seam-laws.ts'
import { simulatedHarness } from './simulated-harness.ts'
import { describeMutants } from './test-support/describe-mutants.ts'
import { wrapSeams } from './test-support/mutant.ts'
import { muxMutants } from './test-support/mux-mutants.ts'
import { lostLinkMutants, seamMutants } from './test-support/seam-mutants.ts'

describeMutants('laws of seams', 'a seam', seamLaws, seamMutants, inMemoryHarness)
describeMutants('laws of lost links', 'a seam', seamLaws, lostLinkMutants, () => simulatedHarness({ seed: 1 }))
describeMutants('laws of muxes', 'a mux', muxLaws, muxMutants, () => withTagMux(inMemoryHarness()))

describe('the suite', () => {
  const broken = new Set([...seamMutants, ...lostLinkMutants, ...muxMutants].flatMap(({ breaks }) => breaks))

  it('has a mutant for every law', () => {
    const unproved = [...seamLaws, ...muxLaws].map(({ id }) => id).filter((id) => !broken.has(id))
    expect(unproved).toEqual([])
  })

  it('has one law per id', () => {
    const ids = [...seamLaws, ...muxLaws].map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(60)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('stays green on a wrapper that changes nothing', async () => {
    for (const law of seamLaws) {
      if (law.needs !== undefined) continue
      const harness = inMemoryHarness()
      await runLaw(
        law,
        wrapSeams(harness, (seam) => new DelegateSeam(seam)),
      )
      await harness.close()
    }
  })
})
