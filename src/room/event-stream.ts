import { Inbox } from '../base/inbox.ts'

/** Events kept for a reader that is behind; of more the oldest go, since the roster tells what they led to. */
export const MAX_UNREAD_EVENTS = 256

/** What happens in a room, for one reader at a time; from the buffer first, then live. */
export class EventStream<T> implements AsyncIterable<T> {
  readonly #inbox = new Inbox<T>()
  #dropped = 0

  /** Events that nobody read in time. */
  get dropped(): number {
    return this.#dropped
  }

  push(event: T): void {
    if (this.#inbox.size >= MAX_UNREAD_EVENTS) {
      this.#inbox.dropOldest()
      this.#dropped++
    }
    this.#inbox.push(event)
  }

  end(): void {
    this.#inbox.end()
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#inbox[Symbol.asyncIterator]()
  }
}
