import { IncomingTakenError } from './errors.ts'

/**
 * A first-in first-out stream for one consumer at a time. The consumer claims it by making an
 * iterator; a second concurrent one throws {@link IncomingTakenError}; ending the iterator (`break`,
 * `return()`) frees the stream and the next one goes on from the buffer. After {@link end} what is
 * buffered is still delivered, then the stream is done.
 *
 * The inbox itself is unbounded: whoever fills it bounds it (credit, a window, a cap) and learns from
 * `onTake` what has been consumed.
 */
export class Inbox<T> implements AsyncIterable<T> {
  readonly #buffer: T[] = []
  /** Index of the oldest item still in `#buffer`; the array is compacted now and then, not on each take. */
  #head = 0
  #waiting: ((result: IteratorResult<T>) => void) | null = null
  #claimed = false
  #ended = false
  readonly #onTake: ((item: T) => void) | undefined

  constructor(onTake?: (item: T) => void) {
    this.#onTake = onTake
  }

  /** Items buffered and not yet taken. */
  get size(): number {
    return this.#buffer.length - this.#head
  }

  /** Returns false, and keeps nothing, after {@link end}. */
  push(item: T): boolean {
    if (this.#ended) return false
    const waiting = this.#waiting
    if (waiting === null) {
      this.#buffer.push(item)
      return true
    }
    this.#waiting = null
    waiting({ done: false, value: item })
    this.#onTake?.(item)
    return true
  }

  /** No more items. Idempotent. */
  end(): void {
    this.#ended = true
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.({ done: true, value: undefined })
  }

  /** Drops the item that would be taken next, where one is buffered. */
  dropOldest(): void {
    if (this.size > 0) this.#next()
  }

  /** Drops what is buffered. */
  clear(): void {
    this.#buffer.length = 0
    this.#head = 0
  }

  [Symbol.asyncIterator](): AsyncIterator<T> & AsyncIterable<T> {
    if (this.#claimed) throw new IncomingTakenError()
    this.#claimed = true
    let live = true
    const iterator: AsyncIterator<T> & AsyncIterable<T> = {
      next: () => {
        if (!live) return Promise.resolve({ done: true, value: undefined })
        if (this.#waiting !== null) {
          return Promise.reject(new TypeError('next() was called while an earlier call still waits: await each one'))
        }
        if (this.size > 0) return Promise.resolve({ done: false, value: this.#shift() })
        if (this.#ended) {
          release()
          return Promise.resolve({ done: true, value: undefined })
        }
        return new Promise((resolve) => {
          this.#waiting = (result) => {
            if (result.done === true) release()
            resolve(result)
          }
        })
      },
      return: () => {
        release()
        return Promise.resolve({ done: true, value: undefined })
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    const release = (): void => {
      if (!live) return
      live = false
      this.#claimed = false
      const waiting = this.#waiting
      this.#waiting = null
      waiting?.({ done: true, value: undefined })
    }
    return iterator
  }

  #shift(): T {
    const item = this.#next()
    this.#onTake?.(item)
    return item
  }

  #next(): T {
    const item = this.#buffer[this.#head] as T
    this.#buffer[this.#head] = undefined as T
    this.#head++
    if (this.#head > 1024 && this.#head * 2 > this.#buffer.length) {
      this.#buffer.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }
}
