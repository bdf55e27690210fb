import { Inbox } from '../base/inbox.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'
import type { Swatch } from './contract.ts'

/**
 * The frames of one source after the other, as one stream for one consumer at a time, counted from 1 throughout. A
 * frame stays with its source until the one before it was taken, so that its sender goes on waiting for credit.
 */
export class JoinedStream implements AsyncIterable<Swatch> {
  readonly #sources: AsyncIterable<Swatch>[] = []
  readonly #unread = observable(0)
  readonly #inbox: Inbox<Swatch> = new Inbox(() => this.#onTaken())
  readonly #onFailure: (cause: unknown) => void
  #onTaken: () => void = () => {}
  #sequence = 0
  #ended = false

  /** `onFailure`: a source failed; there is no reading on from it. */
  constructor(onFailure: (cause: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Sources that are not read to their end. */
  get unread(): ReadableAtom<number> {
    return this.#unread
  }

  add(source: AsyncIterable<Swatch>): void {
    this.#sources.push(source)
    this.#unread.set(this.#sources.length)
    if (this.#sources.length === 1) void this.#pump()
  }

  /** No more sources: ends after what is in those there are. */
  end(): void {
    this.#ended = true
    if (this.#sources.length === 0) this.#inbox.end()
  }

  [Symbol.asyncIterator](): AsyncIterator<Swatch> {
    return this.#inbox[Symbol.asyncIterator]()
  }

  async #pump(): Promise<void> {
    for (let source = this.#sources[0]; source !== undefined; source = this.#sources[0]) {
      try {
        for await (const swatch of source) await this.#handOn(swatch)
      } catch (cause) {
        this.#onFailure(cause)
      }
      this.#sources.shift()
      this.#unread.set(this.#sources.length)
    }
    if (this.#ended) this.#inbox.end()
  }

  /** Resolves when the frame was taken. */
  async #handOn({ payload, sender, delivery }: Swatch): Promise<void> {
    this.#inbox.push({ payload, sender, sequence: ++this.#sequence, delivery })
    if (this.#inbox.size > 0) await new Promise<void>((resolve) => (this.#onTaken = resolve))
  }
}
