import { type Clock, systemClock } from '../base/clock.ts'
import { ConfigError } from '../base/errors.ts'
import type { RaftConfig } from './contract.ts'
import type { Timing } from './core/replica.ts'

/** A node's configuration with every default filled in and every relation checked. */
export interface Settings extends Timing {
  readonly maxPendingProposals: number
}

/**
 * Throws `RangeError` for a field that is no time or bound at all, {@link ConfigError} for fields that
 * cannot work together and for real time where a test wants virtual time.
 */
export function settingsOf(config: RaftConfig, clock: Clock): Settings {
  const settings: Settings = {
    electionTimeoutMinMs: config.electionTimeoutMinMs ?? 1000,
    electionTimeoutMaxMs: config.electionTimeoutMaxMs ?? 2000,
    heartbeatIntervalMs: config.heartbeatIntervalMs ?? 100,
    catchUpTimeoutMs: config.catchUpTimeoutMs ?? 10_000,
    maxPendingProposals: config.maxPendingProposals ?? 1024,
    scaleMin: config.timingScaleMin ?? 1,
    scaleMax: config.timingScaleMax ?? 4,
  }
  const { scaleMin = 1, scaleMax = 1, ...times } = settings
  for (const [name, value] of Object.entries(times)) {
    if (!Number.isFinite(value) || value < 1)
      throw new RangeError(`${name} is ${value}: it must be finite and at least 1`)
  }
  const { electionTimeoutMinMs: min, electionTimeoutMaxMs: max, heartbeatIntervalMs: heartbeat } = settings
  if (heartbeat >= min) {
    throw new ConfigError(
      `heartbeatIntervalMs ${heartbeat} is not below electionTimeoutMinMs ${min}: followers would depose a healthy leader`,
    )
  }
  if (min >= max) {
    throw new ConfigError(
      `electionTimeoutMinMs ${min} is not below electionTimeoutMaxMs ${max}: without a spread, split votes repeat`,
    )
  }
  if (!(scaleMin <= 1 && scaleMax >= 1 && Number.isFinite(scaleMin) && Number.isFinite(scaleMax))) {
    throw new RangeError(`timing is scaled by ${scaleMin} to ${scaleMax}: numbers at most 1 and at least 1, finite`)
  }
  if (!(scaleMin * heartbeat >= 1)) {
    throw new RangeError(
      `timingScaleMin ${scaleMin} makes heartbeats of less than a millisecond: they would do nothing else`,
    )
  }
  if (config.expectVirtualTime === true && clock === systemClock) {
    throw new ConfigError('expectVirtualTime is set and the clock is the system clock: pass the test its virtual clock')
  }
  return settings
}
