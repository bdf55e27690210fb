import { describe, expect, it } from 'vitest'
import { membersNow, Simulation, type SimulationOptions } from '../test-support/simulation.ts'

const ROUNDS = Number(process.env['RAFT_SIM_ROUNDS'] ?? 12)
const FIRST_SEED = Number(process.env['RAFT_SIM_SEED'] ?? 1)
const CALM_BOUND_MS = 5000

function trial(options: SimulationOptions, changes: boolean): Simulation {
  const simulation = new Simulation(options)
  try {
    simulation.trouble(6000, changes)
    simulation.calm()
    expectProgress(simulation)
    return simulation
  } catch (error) {
    throw new Error(`seed ${options.seed} at ${simulation.nowMs.toFixed(1)} ms: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Once the trouble is over, a voter's proposal commits on every member, within a bound. */
function expectProgress(simulation: Simulation): void {
  const untilMs = simulation.nowMs + CALM_BOUND_MS
  const proposed: string[] = []
  const everywhere = (): boolean => {
    const through = simulation.invariants.committed.length
    const reached = membersNow(simulation).members.every((id) => simulation.coreOf(id)?.commitIndex === through)
    return reached && proposed.some((name) => simulation.acknowledged.has(name))
  }
  // Again and again, as the voter of one moment may be removed in the next.
  while (simulation.nowMs < untilMs && !everywhere()) {
    proposed.push(simulation.propose(membersNow(simulation).voters[0] as string))
    simulation.runUntil(simulation.nowMs + 1000, everywhere)
  }
  expect(everywhere(), `no progress within ${CALM_BOUND_MS} ms:\n${simulation.describe()}`).toBe(true)
}

describe('raft core under simulation', () => {
  for (const [name, base, changes] of [
    ['three voters', { voters: 3, others: 0 }, false],
    ['five voters', { voters: 5, others: 0 }, false],
    ['three voters of five nodes, membership changing', { voters: 3, others: 2 }, true],
    ['one voter of four nodes, membership changing', { voters: 1, others: 3 }, true],
    ['a lossy, slow network', { voters: 3, others: 1, loss: 0.25, duplicate: 0.2, latencyMs: 80 }, true],
    ['small frames', { voters: 5, others: 0, frameBytes: 250, latencyMs: 60 }, false],
    ['slow disks', { voters: 3, others: 1, diskMs: 60 }, true],
  ] as const) {
    it(`[RAFT-22] invariants hold and calm brings progress: ${name}`, () => {
      let committed = 0
      for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
        committed += trial({ seed, ...base }, changes).acknowledged.size
      }
      // A simulation in which nothing ever commits would prove nothing.
      expect(committed).toBeGreaterThan(ROUNDS * 5)
    }, 120_000)
  }
})
