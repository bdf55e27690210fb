import type { StoredEntry } from '../contract.ts'

/** A place in the log. Ordered by term, then index (Raft paper, section 5.4.1). */
export interface LogPosition {
  readonly index: number
  readonly term: number
}

/**
 * The replicated log: contiguous entries above a floor. What lies at or below the floor is gone from
 * here and committed everywhere it matters; only the term at the floor itself is still known. Indices
 * count from 1, so an empty log has the floor (0, term 0).
 */
export class RaftLog {
  readonly #floor: LogPosition
  readonly #entries: StoredEntry[]

  constructor(floor: LogPosition, entries: readonly StoredEntry[]) {
    this.#floor = floor
    this.#entries = [...entries]
  }

  get floorIndex(): number {
    return this.#floor.index
  }

  get lastIndex(): number {
    return this.#floor.index + this.#entries.length
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#floor.term
  }

  /** `null` where the log does not reach, below the floor as above the end. */
  termAt(index: number): number | null {
    if (index === this.#floor.index) return this.#floor.term
    return this.entryAt(index)?.term ?? null
  }

  entryAt(index: number): StoredEntry | null {
    return this.#entries[index - this.#floor.index - 1] ?? null
  }

  /** Whether a log that ends at `position` is at least as up to date as this one. */
  isCoveredBy(position: LogPosition): boolean {
    if (position.term !== this.lastTerm) return position.term > this.lastTerm
    return position.index >= this.lastIndex
  }

  append(entry: StoredEntry): void {
    this.#entries.push(entry)
  }

  /** Cuts away `index` and everything after it. */
  truncateFrom(index: number): void {
    this.#entries.length = Math.max(0, index - this.#floor.index - 1)
  }

  /** Entries from `from` to `through`, both inclusive, clipped to what is held. */
  slice(from: number, through: number): StoredEntry[] {
    const offset = this.#floor.index + 1
    return this.#entries.slice(Math.max(0, from - offset), Math.max(0, through + 1 - offset))
  }

  /** Entries from `from` on while their sizes sum to at most `maxBytes`; one at the least, where there is one. */
  batch(from: number, maxBytes: number, sizeOf: (entry: StoredEntry) => number): StoredEntry[] {
    const first = from - this.#floor.index - 1
    let bytes = 0
    let end = first
    for (; end < this.#entries.length; end++) {
      bytes += sizeOf(this.#entries[end] as StoredEntry)
      if (bytes > maxBytes && end > first) break
    }
    return this.#entries.slice(first, end)
  }

  /**
   * The largest index, at most `index`, whose entry has a term of at most `term`; the floor where there
   * is none. Terms never decrease along a log, so a binary search finds it.
   */
  lastIndexWithin({ index, term }: LogPosition): number {
    let low = this.#floor.index
    let high = Math.min(index, this.lastIndex)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.termAt(middle) as number) <= term) low = middle
      else high = middle - 1
    }
    return Math.max(low, this.#floor.index)
  }

  /** The newest configuration entry below `index`, or `null` where the log holds none. */
  newestConfig(index: number = Infinity): (StoredEntry & { kind: 'config' }) | null {
    for (let i = Math.min(this.#entries.length, index - this.#floor.index - 1) - 1; i >= 0; i--) {
      const entry = this.#entries[i] as StoredEntry
      if (entry.kind === 'config') return entry
    }
    return null
  }
}
