import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { lossyDelaysMs, reliableDelayMs, type NetworkFaults } from './fault-model.ts'

/** What a wire asks of its network. */
export interface WireConditions {
  readonly clock: Clock
  readonly random: Random
  readonly faults: () => NetworkFaults
  /** Whether nothing gets through in this direction now. */
  readonly isCut: () => boolean
}

interface Parcel {
  dueMs: number
  readonly deliver: () => void
}

/**
 * One direction between two peers. Reliable parcels arrive in order, each once, however late; across a
 * cut they wait. Lossy ones take their chances each alone.
 */
export class SimulatedWire {
  readonly #conditions: WireConditions
  #queue: Parcel[] = []
  #timer: unknown = undefined
  #lastDueMs = 0
  /** Counts up when the wire is emptied: lossy parcels of before find themselves forgotten. */
  #generation = 0

  constructor(conditions: WireConditions) {
    this.#conditions = conditions
  }

  sendReliable(deliver: () => void): void {
    const { clock, random, faults } = this.#conditions
    this.#lastDueMs = Math.max(this.#lastDueMs, clock.now() + reliableDelayMs(faults(), random))
    this.#queue.push({ dueMs: this.#lastDueMs, deliver })
    this.#arm()
  }

  sendLossy(deliver: () => void): void {
    const { clock, random, faults, isCut } = this.#conditions
    const generation = this.#generation
    for (const delayMs of lossyDelaysMs(faults(), random)) {
      clock.setTimeout(() => {
        if (generation === this.#generation && !isCut()) deliver()
      }, delayMs)
    }
  }

  /** The cut is over: what waited sets out now. */
  resume(): void {
    const { clock, faults } = this.#conditions
    const soonestMs = clock.now() + faults().latencyMs
    for (const parcel of this.#queue) parcel.dueMs = Math.max(parcel.dueMs, soonestMs)
    this.#lastDueMs = Math.max(this.#lastDueMs, soonestMs)
    this.#conditions.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#arm()
  }

  /** Forgets everything under way. */
  clear(): void {
    this.#generation++
    this.#queue = []
    this.#lastDueMs = 0
    this.#conditions.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    const [next] = this.#queue
    if (this.#timer !== undefined || next === undefined || this.#conditions.isCut()) return
    const { clock } = this.#conditions
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined
      this.#deliverDue()
    }, next.dueMs - clock.now())
  }

  #deliverDue(): void {
    const { clock, isCut } = this.#conditions
    for (
      let next = this.#queue[0];
      next !== undefined && next.dueMs <= clock.now() && !isCut();
      next = this.#queue[0]
    ) {
      this.#queue.shift()
      next.deliver()
    }
    this.#arm()
  }
}
