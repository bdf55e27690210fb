import { CoreSimulation, SETTINGS } from './core-simulation.ts'
import { History } from './history.ts'
import { InvariantError } from './invariants.ts'
import { KvClients } from './kv-client.ts'
import { appending } from './kv-store.ts'
import { checkLinearizable } from './linearizability.ts'
import { Fate } from './misfortune.ts'
import { type Mix, MIXES } from './mixes.ts'

/** Once the trouble is over, a proposal commits on every member within so many simulated milliseconds. */
export const CALM_BOUND_MS: number = 20 * SETTINGS.electionTimeoutMaxMs

export interface TrialOptions {
  readonly seed: number
  /** Default: the one whose turn it is, {@link mixOf}. */
  readonly mix?: Mix | undefined
  /** How long trouble lasts, simulated milliseconds. */
  readonly troubleMs?: number | undefined
  readonly trace?: ((line: string) => void) | undefined
}

/** What one seed came to. */
export interface TrialReport {
  readonly seed: number
  readonly mix: string
  readonly simulatedMs: number
  readonly steps: number
  /** Entries that committed. */
  readonly committed: number
  /** Clients' requests that were answered. */
  readonly answered: number
  /** How long it took to make progress once all was calm, simulated milliseconds. */
  readonly calmMs: number
}

export function mixOf(seed: number): Mix {
  return MIXES[seed % MIXES.length] as Mix
}

/**
 * One seed: a while of trouble under clients' load, then calm, in which the cluster has to make progress, then the
 * clients' history is judged. Throws {@link InvariantError} at the first rule that is broken.
 */
export function runCoreTrial({ seed, mix = mixOf(seed), troubleMs = 60_000, trace }: TrialOptions): TrialReport {
  const simulation = new CoreSimulation({ seed, mix, trace })
  const history = new History()
  const clients = new KvClients(simulation, history)
  const fate = new Fate(simulation)
  while (simulation.nowMs < troubleMs) {
    simulation.runUntil(Math.min(troubleMs, simulation.nowMs + simulation.random() * 2 * mix.everyMs))
    fate.strike()
  }
  simulation.calm()
  const calmMs = expectProgress(simulation)
  expectLinearizable(history)
  const { nowMs: simulatedMs, steps, invariants } = simulation
  const committed = invariants.committed.length
  return { seed, mix: mix.name, simulatedMs, steps, committed, answered: clients.answered, calmMs }
}

/** Throws where no order of what the clients asked for explains what they were told. */
export function expectLinearizable({ operations }: History): void {
  const verdict = checkLinearizable(operations)
  if (verdict.linearizable) return
  const seen = verdict.operations.map((each) => JSON.stringify(each)).join('\n')
  throw new InvariantError('linearizable', `no order explains what clients saw of key ${verdict.key}:\n${seen}`)
}

/**
 * Whether half of those who have to agree lost their disks for good. Not only by what has committed: a change on its way
 * can be in every log that is left, and ask for a majority that is not there any more.
 */
function hasLostMajority({ machines, members }: CoreSimulation): boolean {
  const lost = new Set(machines.filter(({ isLost }) => isLost).map(({ id }) => id))
  const ballots = machines.flatMap(({ life }) => {
    const config = life?.core.log.newestConfig()?.config
    return config === undefined ? [] : [config.voters, config.old ?? config.voters]
  })
  return [members.voters.map(({ id }) => id), ...ballots].some(
    (voters) => voters.filter((id) => lost.has(id)).length * 2 >= voters.length,
  )
}

/** Returns how long it took. A majority that lost its disks for good cannot make any, and is not asked to. */
function expectProgress(simulation: CoreSimulation): number {
  const fromMs = simulation.nowMs
  if (hasLostMajority(simulation)) return 0
  const outcomes = simulation.onOutcome
  const isAcknowledged = new Set<number>()
  simulation.onOutcome = (machine, outcome) => {
    outcomes(machine, outcome)
    if (outcome.kind === 'proposed') isAcknowledged.add(outcome.token)
  }
  const tokens: number[] = []
  const everywhere = (): boolean => {
    if (!tokens.some((token) => isAcknowledged.has(token))) return false
    const through = simulation.invariants.committed.length
    return simulation.members.all.every(({ life, isLost }) => isLost || life?.core.commitIndex === through)
  }
  // Again and again, as the voter of one moment may be removed in the next.
  for (let round = 1; !everywhere(); round++) {
    if (simulation.nowMs - fromMs >= CALM_BOUND_MS) {
      throw new InvariantError('progress', `none within ${CALM_BOUND_MS} ms of calm\n${simulation.describe()}`)
    }
    const voter = simulation.members.voters.find(({ isLost }) => !isLost)
    if (voter !== undefined) {
      const token = -round
      tokens.push(token)
      const dedupKey = { clientId: `auto:${voter.id}-calm`, requestId: round }
      simulation.step(voter, { kind: 'propose', token, command: appending(0xffff_ffff, round), dedupKey })
    }
    simulation.runUntil(simulation.nowMs + 1000, everywhere)
  }
  return simulation.nowMs - fromMs
}
