import type { RaftTraceEvent } from './trace-event.ts'

/** Events kept for each reader that is behind; it loses older ones, so that watching never slows what is watched. */
export const TRACE_CAPACITY = 512

interface Reader {
  events: RaftTraceEvent[]
  lost: number
  wake: (() => void)[]
}

/**
 * What happens while somebody reads: every reader gets all of it from when its iteration begins. A reader that is
 * more than {@link TRACE_CAPACITY} events behind loses the oldest, and is told how many in their place.
 */
export class TraceStream implements AsyncIterable<RaftTraceEvent> {
  readonly #readers: Set<Reader> = new Set()
  readonly #onWatched: (watched: boolean) => void
  #ended = false

  /** `onWatched` hears when the first reader comes and when the last one goes. */
  constructor(onWatched: (watched: boolean) => void) {
    this.#onWatched = onWatched
  }

  get isWatched(): boolean {
    return this.#readers.size > 0
  }

  push(event: RaftTraceEvent): void {
    for (const reader of this.#readers) {
      reader.events.push(event)
      // Twice as much is cut in one piece: cutting one by one would cost every event a move of all.
      if (reader.events.length >= 2 * TRACE_CAPACITY) trim(reader)
      rouse(reader)
    }
  }

  /** Readers get what they have not read yet, then are done. */
  end(): void {
    this.#ended = true
    for (const reader of this.#readers) rouse(reader)
  }

  [Symbol.asyncIterator](): AsyncIterator<RaftTraceEvent> {
    const reader: Reader = { events: [], lost: 0, wake: [] }
    const end = { done: true, value: undefined } as const
    if (!this.#ended) this.#enter(reader)
    return {
      next: async () => {
        for (;;) {
          if (reader.events.length > TRACE_CAPACITY) trim(reader)
          const event = takeNext(reader)
          if (event !== null) return { done: false, value: event }
          if (this.#ended) this.#leave(reader)
          if (!this.#readers.has(reader)) return end
          await new Promise<void>((resolve) => reader.wake.push(resolve))
        }
      },
      return: () => {
        this.#leave(reader)
        return Promise.resolve(end)
      },
    }
  }

  #enter(reader: Reader): void {
    this.#readers.add(reader)
    if (this.#readers.size === 1) this.#onWatched(true)
  }

  #leave(reader: Reader): void {
    reader.events.length = 0
    reader.lost = 0
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#onWatched(false)
    rouse(reader)
  }
}

function takeNext(reader: Reader): RaftTraceEvent | null {
  const [oldest] = reader.events
  if (oldest === undefined) return null
  if (reader.lost === 0) return reader.events.shift() as RaftTraceEvent
  const count = reader.lost
  reader.lost = 0
  return { kind: 'lost', count, atMs: oldest.atMs }
}

function trim(reader: Reader): void {
  const excess = reader.events.length - TRACE_CAPACITY
  reader.events = reader.events.slice(excess)
  reader.lost += excess
}

function rouse(reader: Reader): void {
  const { wake } = reader
  reader.wake = []
  for (const resume of wake) resume()
}
