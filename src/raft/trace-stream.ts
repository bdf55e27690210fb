/** Events kept for a reader that is behind; older ones are dropped, so that watching never slows what is watched. */
export const TRACE_CAPACITY = 512

/** The newest {@link TRACE_CAPACITY} events, then live. Each reader takes what it reads: one at a time sees all. */
export class TraceStream<T> implements AsyncIterable<T> {
  #events: T[] = []
  #wake: (() => void)[] = []
  #ended = false

  push(event: T): void {
    if (this.#ended) return
    this.#events.push(event)
    if (this.#events.length > 2 * TRACE_CAPACITY) this.#events = this.#events.slice(-TRACE_CAPACITY)
    this.#rouse()
  }

  end(): void {
    this.#ended = true
    this.#rouse()
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    let live = true
    const end = { done: true, value: undefined } as const
    return {
      next: async () => {
        while (live) {
          if (this.#events.length > TRACE_CAPACITY) this.#events = this.#events.slice(-TRACE_CAPACITY)
          const event = this.#events.shift()
          if (event !== undefined) return { done: false, value: event }
          if (this.#ended) return end
          await new Promise<void>((resolve) => this.#wake.push(resolve))
        }
        return end
      },
      return: () => {
        live = false
        this.#rouse()
        return Promise.resolve(end)
      },
    }
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = []
    for (const resolve of wake) resolve()
  }
}
