import { BATCH_HEADER_BYTES, BATCHED_HEADER_BYTES, packBatch } from './link-batch.ts'

/**
 * Makes messages of frames. The first frame of a turn of the event loop goes out at once; those that follow in the
 * same turn travel together, when it is over or as soon as they fill a batch. So a frame on an idle link waits for
 * nothing, and a thousand small ones cost what a few large ones do.
 */
export class LinkWriter {
  readonly #port: LinkWriterPort
  #held: Uint8Array<ArrayBuffer>[] = []
  #heldBytes = 0
  /** A frame went out in this turn: the next ones wait for its end. */
  #isInTurn = false

  constructor(port: LinkWriterPort) {
    this.#port = port
  }

  /** Bytes written and not yet sent. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Sends `frame` in order, at the latest when this turn is over. It belongs to the writer from here on. */
  write(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#isInTurn) {
      this.#isInTurn = true
      this.#port.afterTurn(this.#onTurnOver)
      this.#port.send(frame)
      return
    }
    if (frame.length > MAX_BATCHED_FRAME_BYTES) {
      this.flush()
      this.#port.send(frame)
      return
    }
    const bytes = BATCHED_HEADER_BYTES + frame.length
    if (BATCH_HEADER_BYTES + this.#heldBytes + bytes > MAX_BATCH_BYTES) this.flush()
    this.#held.push(frame)
    this.#heldBytes += bytes
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

  readonly #onTurnOver = (): void => {
    this.#isInTurn = false
    this.flush()
  }
}

export interface LinkWriterPort {
  send(message: Uint8Array<ArrayBuffer>): void
  /** Runs `run` once the present task and every microtask that follows from it are over. */
  afterTurn(run: () => void): void
}

/** Largest batch. Every engine takes as much in one message, and a larger one is no faster. */
export const MAX_BATCH_BYTES = 16_384

/** A larger frame gains nothing by company, and would have to be copied for it. */
export const MAX_BATCHED_FRAME_BYTES = 4_096
