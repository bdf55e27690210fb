import { loomMutants } from './loom-mutants.ts'
import type { SeamMutant } from './mutant.ts'
import { receivingMutants } from './receiving-mutants.ts'
import { rosterMutants, stateMutants } from './roster-mutants.ts'
import { creditMutants, sendingMutants } from './sending-mutants.ts'

export const seamMutants: readonly SeamMutant[] = [
  ...rosterMutants,
  ...stateMutants,
  ...sendingMutants,
  ...receivingMutants,
  ...creditMutants,
  ...loomMutants,
]

/** Spoils a harness that can lose links. */
export const lostLinkMutants: readonly SeamMutant[] = [
  {
    name: 'never notices a lost link',
    breaks: ['SEAM-42'],
    spoil: (harness) => ({ ...harness, loseLink: () => Promise.resolve() }),
  },
]
