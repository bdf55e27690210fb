/** What a simulated disk does to writes. Durations are milliseconds; probabilities are per write, 0 to 1. */
export interface DiskFaults {
  /** How long a write takes to become durable. Default 0: it is when `write` returns. */
  readonly syncMs: number
  /** Up to this is added, drawn evenly. Default 0. */
  readonly jitterMs: number
  /** A write finds the disk stalled: it takes `stallMs` more, and those behind it wait. Default 0. */
  readonly stall: number
  /** Default 1000. */
  readonly stallMs: number
  /** A write fails, nothing of it stored, and with it every later one of the handle. Default 0. */
  readonly fail: number
  /** Per crash: of the first write that is lost, some records are stored and others are not. Default 0. */
  readonly torn: number
}

export const NO_DISK_FAULTS: DiskFaults = { syncMs: 0, jitterMs: 0, stall: 0, stallMs: 1000, fail: 0, torn: 0 }

/** Throws `RangeError` where a fault is no duration or no probability. */
export function checkDiskFaults(faults: DiskFaults): DiskFaults {
  for (const name of ['syncMs', 'jitterMs', 'stallMs'] as const) {
    if (!(faults[name] >= 0)) throw new RangeError(`${name} is a duration from 0, not ${faults[name]}`)
  }
  for (const name of ['stall', 'fail', 'torn'] as const) {
    if (!(faults[name] >= 0 && faults[name] <= 1)) throw new RangeError(`${name} is a probability, not ${faults[name]}`)
  }
  return faults
}
