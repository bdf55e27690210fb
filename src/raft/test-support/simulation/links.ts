import { type Random, randomBetween } from '../../../base/random.ts'
import type { RaftMessage } from '../../core/message.ts'

/** What happens to frames. Probabilities are per frame. */
export interface LinkFaults {
  readonly loss: number
  readonly duplicate: number
  /** Each frame draws a delay up to this, so that frames overtake one another, milliseconds. */
  readonly latencyMs: number
  /**
   * An append arrives with only the first few of its entries, or none: what a leader with smaller frames would have
   * sent. Left out: 0.
   */
  readonly shorten?: number
}

/** The links between nodes, by number: what is cut, and when a frame arrives. */
export class Links {
  faulty = true
  readonly #faults: LinkFaults
  readonly #random: Random
  readonly #cut: Set<number> = new Set()
  readonly #stalledUntilMs: number[] = []

  constructor(faults: LinkFaults, random: Random) {
    this.#faults = faults
    this.#random = random
  }

  /** One way. */
  cut(from: number, to: number): void {
    this.#cut.add(from * 256 + to)
  }

  heal(): void {
    this.#cut.clear()
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(from * 256 + to)
  }

  /** What `node` sends and is sent arrives at that time at the earliest. */
  stall(node: number, untilMs: number): void {
    this.#stalledUntilMs[node] = untilMs
  }

  /** Whether a frame arrives at all, and whether twice: 0, 1 or 2. */
  copies(): number {
    if (!this.faulty) return 1
    if (this.#faults.loss > 0 && this.#random() < this.#faults.loss) return 0
    return this.#faults.duplicate > 0 && this.#random() < this.#faults.duplicate ? 2 : 1
  }

  /** What arrives of a frame. */
  partOf(message: RaftMessage): RaftMessage {
    const { shorten = 0 } = this.#faults
    if (shorten === 0 || !this.faulty || message.kind !== 'append') return message
    const { entries } = message
    if (entries.length === 0 || this.#random() >= shorten) return message
    return { ...message, entries: entries.slice(0, randomBetween(this.#random, 0, entries.length)) }
  }

  arrivalMs(from: number, to: number, atMs: number): number {
    const earliestMs = Math.max(atMs, this.#stalledUntilMs[from] ?? 0, this.#stalledUntilMs[to] ?? 0)
    return earliestMs + 1 + this.#random() * this.#faults.latencyMs
  }
}
