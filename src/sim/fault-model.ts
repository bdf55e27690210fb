import type { Random } from '../base/random.ts'

/** What a simulated network does to frames. Probabilities are per frame, 0 to 1. */
export interface NetworkFaults {
  /** One way, milliseconds. Default 10. */
  readonly latencyMs: number
  /** Up to this is added, drawn evenly, milliseconds. Default 0. */
  readonly jitterMs: number
  /** A lossy frame is gone; a reliable one is late by a retransmission or several. Default 0. */
  readonly loss: number
  /** A lossy frame arrives twice; a reliable one never does. Default 0. */
  readonly duplicate: number
  /** A lossy frame is overtaken; a reliable one holds up those behind it. Default 0. */
  readonly reorder: number
}

export const NO_FAULTS: NetworkFaults = { latencyMs: 10, jitterMs: 0, loss: 0, duplicate: 0, reorder: 0 }

/** Retransmissions after which a reliable frame arrives whatever was drawn. */
const MAX_RETRANSMISSIONS = 20

/** Throws `RangeError` where a fault is no duration or no probability. */
export function checkFaults(faults: NetworkFaults): NetworkFaults {
  for (const name of ['latencyMs', 'jitterMs'] as const) {
    if (!(faults[name] >= 0)) throw new RangeError(`${name} is a duration from 0, not ${faults[name]}`)
  }
  for (const name of ['loss', 'duplicate', 'reorder'] as const) {
    if (!(faults[name] >= 0 && faults[name] <= 1)) throw new RangeError(`${name} is a probability, not ${faults[name]}`)
  }
  return faults
}

/** After how many milliseconds a reliable frame arrives. */
export function reliableDelayMs(faults: NetworkFaults, random: Random): number {
  const retransmitMs = Math.max(20, 2 * faults.latencyMs + faults.jitterMs)
  let delayMs = transitMs(faults, random)
  for (let lost = 0; lost < MAX_RETRANSMISSIONS && happens(faults.loss, random); lost++) delayMs += retransmitMs
  return happens(faults.reorder, random) ? delayMs + overtakenMs(faults, random) : delayMs
}

/** After how many milliseconds each copy of a lossy frame arrives: none, one or two. */
export function lossyDelaysMs(faults: NetworkFaults, random: Random): readonly number[] {
  if (happens(faults.loss, random)) return []
  const copies = happens(faults.duplicate, random) ? 2 : 1
  return Array.from({ length: copies }, () => {
    const delayMs = transitMs(faults, random)
    return happens(faults.reorder, random) ? delayMs + overtakenMs(faults, random) : delayMs
  })
}

function transitMs(faults: NetworkFaults, random: Random): number {
  return faults.latencyMs + (faults.jitterMs > 0 ? random() * faults.jitterMs : 0)
}

function overtakenMs(faults: NetworkFaults, random: Random): number {
  return (1 + random()) * Math.max(5, faults.latencyMs)
}

function happens(probability: number, random: Random): boolean {
  return probability > 0 && random() < probability
}
