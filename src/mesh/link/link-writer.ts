import { BATCH_HEADER_BYTES, BATCHED_HEADER_BYTES, packBatch } from './link-batch.ts'

/**
 * Makes messages of frames. The first frame of a turn of the event loop goes out at once; those that follow in the
 * same turn travel together, when it is over or as soon as they fill a batch. So a frame on an idle link waits for
 * nothing, and a thousand small ones cost what a few large ones do.
 *
 * A task of one's own, to hear when a turn is over, costs as much as a small frame: it is asked for only where a frame
 * is held. While none is, a turn counts as over when some microtasks have gone by without a frame.
 */
export class LinkWriter {
  readonly #port: LinkWriterPort
  #held: Uint8Array<ArrayBuffer>[] = []
  #heldBytes = 0
  /** A frame went out in this turn: the next ones wait for its end. */
  #isInTurn = false
  /** {@link LinkWriterPort.afterTurn} will say when it is over. */
  #isEndDue = false
  /** Since the last frame was written. */
  #quietMicrotasks = 0

  constructor(port: LinkWriterPort) {
    this.#port = port
  }

  /** Bytes written and not yet sent. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Sends `frame` in order, at the latest when this turn is over. It belongs to the writer from here on. */
  write(frame: Uint8Array<ArrayBuffer>): void {
    this.#quietMicrotasks = 0
    const isFirst = !this.#isInTurn
    if (isFirst) {
      this.#isInTurn = true
      this.#port.afterMicrotask(this.#watch)
    }
    if (frame.length > MAX_BATCHED_FRAME_BYTES || (isFirst && this.#heldBytes === 0)) {
      this.flush()
      this.#port.send(frame)
      return
    }
    this.hold(frame)
    if (isFirst) this.flush()
  }

  /** As {@link write}, but `frame` waits for others until the turn is over. At most {@link MAX_BATCHED_FRAME_BYTES}. */
  hold(frame: Uint8Array<ArrayBuffer>): void {
    const bytes = BATCHED_HEADER_BYTES + frame.length
    if (BATCH_HEADER_BYTES + this.#heldBytes + bytes > MAX_BATCH_BYTES) this.flush()
    this.#held.push(frame)
    this.#heldBytes += bytes
    if (this.#isEndDue) return
    this.#isEndDue = true
    this.#port.afterTurn(this.#onTurnOver)
  }

  /** Sends what is held. */
  flush(): void {
    const held = this.#held
    const [first] = held
    if (first === undefined) return
    const batch = held.length === 1 ? first : packBatch(held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    this.#port.send(batch)
  }

  readonly #watch = (): void => {
    if (this.#isEndDue) return
    if (++this.#quietMicrotasks < QUIET_MICROTASKS) this.#port.afterMicrotask(this.#watch)
    else this.#isInTurn = false
  }

  readonly #onTurnOver = (): void => {
    this.#isInTurn = this.#isEndDue = false
    this.flush()
  }
}

export interface LinkWriterPort {
  send(message: Uint8Array<ArrayBuffer>): void
  /** Runs `run` as a microtask. */
  afterMicrotask(run: () => void): void
  /** Runs `run` once the present task and every microtask that follows from it are over. */
  afterTurn(run: () => void): void
}

/** Largest batch. Every engine takes as much in one message, and a larger one is no faster. */
export const MAX_BATCH_BYTES = 16_384

/** A larger frame gains nothing by company, and would have to be copied for it. */
export const MAX_BATCHED_FRAME_BYTES = 4_096

/** Twice what lies between two sends through two muxes of which the second waits for the first. */
export const QUIET_MICROTASKS = 16
