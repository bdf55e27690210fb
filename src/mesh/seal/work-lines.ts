import { tracked, type Clock } from '../../base/clock.ts'
import { reportUncaught } from '../../base/observable.ts'

/**
 * Work that takes its time, in lines: one piece after the other within a line, the lines beside each
 * other. What waits is bounded, by line and in all.
 */
export class WorkLines<T> {
  readonly #options: WorkLinesOptions<T>
  readonly #lines: Map<string, Line<T>> = new Map()
  #cost = 0
  #over = false

  constructor(options: WorkLinesOptions<T>) {
    this.#options = options
  }

  /** False, and nothing is kept, where a bound is met. */
  add(key: string, item: T): boolean {
    const { costOf, maxLineCost, maxCost, clock } = this.#options
    const cost = costOf(item)
    const line = this.#lines.get(key) ?? { items: [], cost: 0 }
    if (this.#over || line.cost + cost > maxLineCost || this.#cost + cost > maxCost) return false
    line.items.push(item)
    line.cost += cost
    this.#cost += cost
    if (this.#lines.has(key)) return true
    this.#lines.set(key, line)
    void tracked(clock, this.#work(key, line))
    return true
  }

  /** What waits is forgotten; what is under way goes on. Idempotent. */
  close(): void {
    this.#over = true
    for (const line of this.#lines.values()) line.items = []
  }

  /** Never rejects. */
  async #work(key: string, line: Line<T>): Promise<void> {
    const { costOf, share, work } = this.#options
    // What else is ready in this task can then be part of the first share.
    await undefined
    while (line.items.length > 0) {
      const items = line.items.splice(0, Math.max(1, share(line.items)))
      const cost = items.reduce((sum, item) => sum + costOf(item), 0)
      line.cost -= cost
      this.#cost -= cost
      await work(items).catch(reportUncaught)
    }
    this.#lines.delete(key)
  }
}

export interface WorkLinesOptions<T> {
  readonly clock: Clock
  /** How much of the bounds one item takes. */
  readonly costOf: (item: T) => number
  readonly maxLineCost: number
  readonly maxCost: number
  /** How many of the first of a line to work on together. */
  readonly share: (items: readonly T[]) => number
  /** What it rejects with is reported, and ends nothing else. */
  readonly work: (items: readonly T[]) => Promise<void>
}

interface Line<T> {
  items: T[]
  cost: number
}
