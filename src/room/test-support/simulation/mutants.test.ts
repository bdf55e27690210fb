import { describe, expect, it } from 'vitest'
import { loadSimulation } from '../../../../scripts/simulation-bundle.mjs'
import { MUTANTS } from './mutants.ts'

/** Each is found within this many seeds, or it is not found. */
const MOST_SEEDS = 60

describe('the simulation of rooms notices', () => {
  for (const mutant of MUTANTS) {
    it(`[PART-8] ${mutant.name}`, { timeout: 120_000 }, async () => {
      const { MIXES, runRoomTrial } = await loadSimulation(mutant, 'room')
      const mix = MIXES.find(({ name }) => name === mutant.mix)
      expect(mix, 'its mix').toBeDefined()
      let broken: unknown = null
      for (let seed = 1; seed <= MOST_SEEDS && broken === null; seed++) {
        broken = await runRoomTrial({ seed, mix }).then(
          () => null,
          (error: unknown) => error,
        )
      }
      expect(broken, `no rule was broken in ${MOST_SEEDS} seeds`).toMatchObject({ name: 'RuleError' })
      expect(mutant.breaks).toContain((broken as { rule: string }).rule)
    })
  }
})
