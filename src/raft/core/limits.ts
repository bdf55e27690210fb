import type { RaftConfig } from '../contract.ts'

/** Bounds on what a node keeps, all checked. Their meaning is with the fields of the same name in {@link RaftConfig}. */
export interface Limits {
  readonly maxLogEntries: number
  readonly maxLogBytes: number
  readonly maxSnapshotBytes: number
  readonly tailEntries: number
}

/** Bytes that the entries of a log's tail below its floor may take. */
export const MAX_TAIL_BYTES = 1_048_576

/** Throws `RangeError` for what is no bound. */
export function limitsOf(config: RaftConfig = {}): Limits {
  const limits = {
    maxLogEntries: config.maxLogEntries ?? Infinity,
    maxLogBytes: config.maxLogBytes ?? Infinity,
    maxSnapshotBytes: config.maxSnapshotBytes ?? 67_108_864,
    tailEntries: config.tailEntries ?? 1024,
  }
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'tailEntries' ? 0 : 1
    if (!(value >= least)) throw new RangeError(`${name} is ${value}: it must be at least ${least}`)
  }
  return limits
}
