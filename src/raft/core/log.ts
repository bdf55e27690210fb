import type { StoredEntry } from '../contract.ts'
import { BatchSize, entrySizeBytes } from './entry-size.ts'
import { MAX_TAIL_BYTES } from './limits.ts'

/** A place in the log. Ordered by term, then index (Raft paper, section 5.4.1). */
export interface LogPosition {
  readonly index: number
  readonly term: number
}

/** A place whose entry need not be there any more, and the time of that entry, epoch milliseconds. */
export interface LogFloor extends LogPosition {
  readonly timeMs: number
}

/** Where every log begins. */
export const NO_FLOOR: LogFloor = { index: 0, term: 0, timeMs: 0 }

type ConfigEntry = StoredEntry & { readonly kind: 'config' }

/**
 * The replicated log: contiguous entries above a floor. What lies at or below the floor is committed, and a snapshot
 * stands for it; of the floor itself term and time are known. Indices count from 1, so an empty log has the floor 0.
 *
 * A tail below the floor stays in memory, for followers that are but a little behind: nothing else counts on it.
 */
export class RaftLog {
  #floor: LogFloor
  /** The place before the first entry held: the floor, or the end of what was let go below it. */
  #base: LogFloor
  #entries: StoredEntry[]
  /** Those of the entries that hold a configuration. */
  #configs: ConfigEntry[]
  #bytes = 0

  constructor(floor: LogFloor, entries: readonly StoredEntry[]) {
    this.#floor = floor
    this.#base = floor
    this.#entries = [...entries]
    this.#configs = this.#entries.filter(isConfig)
    for (const entry of entries) this.#bytes += entrySizeBytes(entry)
  }

  get floorIndex(): number {
    return this.#floor.index
  }

  /** The first index from which on entries are at hand: above the floor, or below it where the tail reaches. */
  get firstIndex(): number {
    return this.#base.index + 1
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term
  }

  /** Entries above the floor. */
  get length(): number {
    return this.lastIndex - this.#floor.index
  }

  /** What the entries above the floor take, bytes, about. */
  get sizeBytes(): number {
    return this.#bytes
  }

  /** `null` where the log does not reach, below as above. */
  termAt(index: number): number | null {
    return (index === this.#base.index ? this.#base : this.entryAt(index))?.term ?? null
  }

  /** Likewise, epoch milliseconds. */
  timeAt(index: number): number | null {
    return (index === this.#base.index ? this.#base : this.entryAt(index))?.timeMs ?? null
  }

  entryAt(index: number): StoredEntry | null {
    return this.#entries[index - this.#base.index - 1] ?? null
  }

  /** Whether a log that ends at `position` is at least as up to date as this one. */
  isCoveredBy(position: LogPosition): boolean {
    if (position.term !== this.lastTerm) return position.term > this.lastTerm
    return position.index >= this.lastIndex
  }

  append(entry: StoredEntry): void {
    this.#entries.push(entry)
    this.#bytes += entrySizeBytes(entry)
    if (isConfig(entry)) this.#configs.push(entry)
  }

  /** Cuts away `index`, which lies above the floor, and everything after it. */
  truncateFrom(index: number): void {
    const cut = this.#entries.splice(Math.max(0, index - this.firstIndex))
    for (const entry of cut) this.#bytes -= entrySizeBytes(entry)
    while ((this.#configs.at(-1)?.index ?? 0) >= index) this.#configs.pop()
  }

  /**
   * Raises the floor to an index that is held. Of what lies below it the newest `tailEntries` stay at hand, as long
   * as they take no more than {@link MAX_TAIL_BYTES}.
   */
  compactThrough(index: number, tailEntries: number): void {
    for (const entry of this.slice(this.#floor.index + 1, index)) this.#bytes -= entrySizeBytes(entry)
    this.#floor = this.#placeAt(index)
    const base = this.#tailStart(index, tailEntries)
    const place = this.#placeAt(base)
    this.#entries.splice(0, base - this.#base.index)
    this.#base = place
    this.#configs = this.#configs.filter((entry) => entry.index > base)
  }

  /** Nothing of what is held agrees with what lies below `floor`. */
  resetTo(floor: LogFloor): void {
    this.#floor = floor
    this.#base = floor
    this.#entries = []
    this.#configs = []
    this.#bytes = 0
  }

  /** Entries from `from` to `through`, both inclusive, clipped to what is held. */
  slice(from: number, through: number): StoredEntry[] {
    const offset = this.firstIndex
    return this.#entries.slice(Math.max(0, from - offset), Math.max(0, through + 1 - offset))
  }

  /** Entries from `from` on that take at most `maxBytes` in one frame, and their size; one at the least, where there is one. */
  batch(from: number, maxBytes: number): { readonly entries: StoredEntry[]; readonly bytes: number } {
    const first = from - this.firstIndex
    const size = new BatchSize()
    let bytes = 0
    let end = first
    for (; end < this.#entries.length; end++) {
      size.add(this.#entries[end] as StoredEntry)
      if (size.bytes > maxBytes && end > first) break
      bytes = size.bytes
    }
    return { entries: this.#entries.slice(first, end), bytes }
  }

  /**
   * The largest index, at most `index`, whose entry has a term of at most `term`; the place before the first entry
   * held where there is none. Terms never decrease along a log, so a binary search finds it.
   */
  lastIndexWithin({ index, term }: LogPosition): number {
    let low = this.#base.index
    let high = Math.min(index, this.lastIndex)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.termAt(middle) as number) <= term) low = middle
      else high = middle - 1
    }
    return Math.max(low, this.#base.index)
  }

  /** The newest configuration entry above the floor and below `index`, or `null` where the log holds none. */
  newestConfig(index: number = Infinity): ConfigEntry | null {
    for (let i = this.#configs.length - 1; i >= 0; i--) {
      const entry = this.#configs[i] as ConfigEntry
      if (entry.index < index) return entry.index > this.#floor.index ? entry : null
    }
    return null
  }

  #tailStart(index: number, tailEntries: number): number {
    let start = index
    for (let bytes = 0; start > this.#base.index && index - start < tailEntries; start--) {
      bytes += entrySizeBytes(this.entryAt(start) as StoredEntry)
      if (bytes > MAX_TAIL_BYTES) break
    }
    return start
  }

  #placeAt(index: number): LogFloor {
    const place = index === this.#base.index ? this.#base : (this.entryAt(index) as LogFloor)
    return { index, term: place.term, timeMs: place.timeMs }
  }
}

function isConfig(entry: StoredEntry): entry is ConfigEntry {
  return entry.kind === 'config'
}
