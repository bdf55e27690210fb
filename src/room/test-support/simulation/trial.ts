import { memberOf, viewOf } from '../../core/room-state.ts'
import type { Life } from './life.ts'
import { Fate } from './misfortune.ts'
import { type Mix, MIXES } from './mixes.ts'
import { RoomWorld } from './room-world.ts'
import { SETTINGS } from './settings.ts'
import { type Counts, RuleError } from './rules.ts'

/**
 * Once the trouble is over, all agree within so long: one window for a place that stood still, one for the host's, one
 * for what the next host opens, and silences in between.
 */
export const CALM_BOUND_MS: number = 3 * SETTINGS.windowMs + 12 * SETTINGS.maxTimeoutMs

/** For so long after that nothing moves. */
const SETTLED_MS = 2 * SETTINGS.windowMs

export interface TrialOptions {
  readonly seed: number
  /** Default: the one whose turn it is, {@link mixOf}. */
  readonly mix?: Mix | undefined
  /** How long trouble lasts, simulated milliseconds. */
  readonly troubleMs?: number | undefined
  readonly trace?: ((line: string) => void) | undefined
}

/** What one seed came to. */
export interface TrialReport extends Readonly<Counts> {
  readonly seed: number
  readonly mix: string
  readonly members: number
  readonly simulatedMs: number
  readonly steps: number
  /** How long it took all to agree once all was calm, simulated milliseconds. */
  readonly calmMs: number
}

export function mixOf(seed: number): Mix {
  return MIXES[seed % MIXES.length] as Mix
}

/** One seed: a while of trouble, then calm, in which all have to agree. Throws {@link RuleError} at the first rule broken. */
export async function runRoomTrial(options: TrialOptions): Promise<TrialReport> {
  const { seed, mix = mixOf(seed), troubleMs = 60_000, trace } = options
  const world = new RoomWorld({ seed, mix, trace })
  const fate = new Fate(world)
  await world.run(1500)
  while (world.nowMs < troubleMs) {
    await world.run(world.random() * 2 * mix.everyMs)
    fate.strike()
  }
  world.calm()
  const calmMs = await expectAgreement(world)
  const { nowMs: simulatedMs, steps, persons, rules } = world
  return { seed, mix: mix.name, members: persons.length, simulatedMs, steps, calmMs, ...rules.counts }
}

async function expectAgreement(world: RoomWorld): Promise<number> {
  const fromMs = world.nowMs
  // Whoever is out comes in now.
  for (const device of world.persons) device.come()
  for (let wrong = disagreements(world); wrong.length > 0; wrong = disagreements(world)) {
    if (world.nowMs - fromMs >= CALM_BOUND_MS) {
      throw new RuleError('converges', `not within ${CALM_BOUND_MS} ms of calm\n${wrong.join('\n')}`)
    }
    await world.run(SETTINGS.intervalMs)
  }
  const calmMs = world.nowMs - fromMs
  const agreed = world.lives[0]?.core.state
  await world.run(SETTLED_MS)
  const wrong = disagreements(world)
  const { epoch } = world.lives[0]?.core.state ?? {}
  if (epoch !== agreed?.epoch) wrong.push(`epoch ${agreed?.epoch} became ${epoch}`)
  if (wrong.length > 0) throw new RuleError('settles', wrong.join('\n'))
  return calmMs
}

/** What is wrong now; everybody is to be in one room that shows exactly them. */
function disagreements(world: RoomWorld): string[] {
  const { persons, lives } = world
  const wrong: string[] = []
  const first = lives[0]?.core.state
  for (const { name, life } of persons) {
    if (life === null || life.core.phase !== 'inside') wrong.push(`${name} is ${life?.core.phase ?? 'out'}`)
    else wrong.push(...amiss(life, lives))
    const state = life?.core.state
    if (first != null && state != null && viewOf(state).digest !== viewOf(first).digest) {
      wrong.push(`${name} has another copy: ${state.epoch}.${state.version} of ${state.host}`)
    }
  }
  return wrong
}

function amiss({ peer, core }: Life, lives: readonly Life[]): string[] {
  const members = core.view?.members ?? []
  const wrong = members.filter(({ away }) => away !== null).map(({ id }) => `${peer} shows ${id} as away`)
  for (const member of members) {
    if (!lives.some((life) => life.peer === member.id)) wrong.push(`${peer} shows ${member.id}, who is not here`)
  }
  for (const life of lives) {
    if (memberOf(core.state, life.peer) === undefined) wrong.push(`${peer} does not show ${life.peer}`)
  }
  return wrong
}
