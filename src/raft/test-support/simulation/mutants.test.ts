import { describe, expect, it } from 'vitest'
import { loadSimulation } from '../../../../scripts/simulation-bundle.mjs'
import type { Rule } from './invariants.ts'
import { MUTANTS } from './mutants.ts'

/** Each is found within this many seeds, or it is not found. */
const MOST_SEEDS = 100

const RULES: readonly Rule[] = [
  'election safety',
  'one vote a term',
  'leader append-only',
  'log matching',
  'leader completeness',
  'state-machine safety',
  'committed is final',
  'durable on a majority',
  'promise is on disk',
  'never backwards',
  'loads what it stored',
  'order of indices',
  'exactly once',
  'acknowledged is committed',
  'linearizable',
  'progress',
]

describe('the simulation notices', () => {
  for (const mutant of MUTANTS) {
    it(`[RAFT-22] ${mutant.name}`, { timeout: 60_000 }, async () => {
      const { MIXES, runCoreTrial, runNodeTrial } = await loadSimulation(mutant)
      const mix = MIXES.find(({ name }) => name === mutant.mix)
      expect(mix, 'its mix').toBeDefined()
      const runTrial = mutant.nodes === true ? runNodeTrial : runCoreTrial
      let broken: unknown = null
      for (let seed = 1; seed <= MOST_SEEDS && broken === null; seed++) {
        try {
          await runTrial({ seed, mix, troubleMs: 60_000 })
        } catch (error) {
          broken = error
        }
      }
      expect(broken, `no rule was broken in ${MOST_SEEDS} seeds`).toMatchObject({ name: 'InvariantError' })
      expect(mutant.breaks).toContain((broken as { rule: Rule }).rule)
    })
  }

  it('[RAFT-22] something for every rule', () => {
    expect(new Set(MUTANTS.flatMap(({ breaks }) => breaks))).toEqual(new Set(RULES))
  })
})
