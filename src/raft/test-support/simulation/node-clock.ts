import type { Clock } from '../../../base/clock.ts'
import type { LocalClock } from './local-clock.ts'

/** What one node takes for the time: a clock of its own beside the simulation's. */
export function nodeClock(simulated: Clock, local: LocalClock): Clock {
  const clock: Clock = {
    now: () => local.now(simulated.now()),
    wallNow: () => local.wall(simulated.now()),
    setTimeout(run, ms) {
      const atMs = simulated.now()
      return simulated.setTimeout(run, local.when(clock.now() + ms, atMs) - atMs)
    },
    clearTimeout: (handle) => simulated.clearTimeout(handle),
  }
  return clock
}
