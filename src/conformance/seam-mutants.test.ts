import { describe, expect, it } from 'vitest'
import { DelegateSeam } from './delegate-seam.ts'
import { runLaw } from './describe-laws.ts'
import { inMemoryHarness } from './in-memory-harness.ts'
import type { Law } from './law.ts'
import { withTagMux } from './mux-harness.ts'
import { muxLaws } from './mux-laws.ts'
import { seamLaws } from './seam-laws.ts'
import { simulatedHarness } from './simulated-harness.ts'
import { type Mutant, wrapSeams } from './test-support/mutant.ts'
import { muxMutants } from './test-support/mux-mutants.ts'
import { lostLinkMutants, seamMutants } from './test-support/seam-mutants.ts'

/** Each law that a mutant breaks has to go red on it, on a harness on which it is green. */
function describeMutants<H extends { close(): Promise<void> }>(
  name: string,
  laws: readonly Law<H>[],
  mutants: readonly Mutant<H>[],
  makeHarness: () => H,
): void {
  describe(name, () => {
    for (const mutant of mutants) {
      it(`a seam that ${mutant.name} turns ${mutant.breaks.join(', ')} red`, async () => {
        for (const id of mutant.breaks) {
          const law = laws.find((candidate) => candidate.id === id)
          if (law === undefined) throw new Error(`no law ${id}`)
          const harness = makeHarness()
          try {
            await expect(runLaw(law, mutant.spoil(harness)), `[${id}] stays green`).rejects.toThrow()
          } finally {
            await harness.close()
          }
        }
      })
    }
  })
}

describeMutants('laws of seams', seamLaws, seamMutants, inMemoryHarness)
describeMutants('laws of lost links', seamLaws, lostLinkMutants, () => simulatedHarness({ seed: 1 }))
describeMutants('laws of muxes', muxLaws, muxMutants, () => withTagMux(inMemoryHarness()))

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
