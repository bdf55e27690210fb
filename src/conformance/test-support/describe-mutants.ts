import { describe, expect, it } from 'vitest'
import { runLaw } from '../describe-laws.ts'
import type { Law } from '../law.ts'
import type { Mutant } from './mutant.ts'

/** Each law that a mutant breaks has to go red on it, on a harness on which it is green. `what` is mutated: "a seam". */
export function describeMutants<H extends { close(): Promise<void> }>(
  name: string,
  what: string,
  laws: readonly Law<H>[],
  mutants: readonly Mutant<H>[],
  makeHarness: () => H,
): void {
  describe(name, () => {
    for (const mutant of mutants) {
      it(`${what} that ${mutant.name} turns ${mutant.breaks.join(', ')} red`, async () => {
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
