import type * as Simulation from '../src/raft/test-support/simulation/index.ts'
import type { Mutant } from '../src/raft/test-support/simulation/mutants.ts'
import type * as RoomSimulation from '../src/room/test-support/simulation/index.ts'
import type { Mutant as RoomMutant } from '../src/room/test-support/simulation/mutants.ts'

export function loadSimulation(mutant?: Mutant | null): Promise<typeof Simulation>
export function loadSimulation(mutant: RoomMutant | null, layer: 'room'): Promise<typeof RoomSimulation>
