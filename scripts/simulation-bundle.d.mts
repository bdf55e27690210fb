import type * as Simulation from '../src/raft/test-support/simulation/index.ts'
import type { Mutant } from '../src/raft/test-support/simulation/mutants.ts'

export function loadSimulation(mutant?: Mutant | null): Promise<typeof Simulation>
