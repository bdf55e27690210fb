/**
 * Memory for the frames of one bond, which are let go in about the order in which they were taken: chunks that are
 * filled from front to back, and used again when all of their frames are gone. New memory is dearer than the frame's
 * own copying: it is cleared, mapped in page by page, and collected.
 *
 * What is taken and never let go costs its chunk, no more.
 */
export class FrameMemory {
  #filling: Chunk | null = null
  /** Chunks without a frame. */
  readonly #free: Chunk[] = []
  readonly #lent: WeakMap<ArrayBufferLike, Chunk> = new WeakMap()

  /** Bytes to be written over, all of them; `undefined` where they would take too much of a chunk. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (bytes > MAX_LENT_BYTES) return undefined
    let chunk = this.#filling
    if (chunk === null || chunk.filledBytes + bytes > CHUNK_BYTES) {
      this.#filling = chunk = this.#free.pop() ?? this.#newChunk()
    }
    const at = chunk.filledBytes
    chunk.filledBytes += bytes
    chunk.frames++
    return new Uint8Array(chunk.buffer, at, bytes)
  }

  /** Nobody reads `frame` any more. One that was not taken here is none of its business. */
  release(frame: Uint8Array): void {
    const chunk = this.#lent.get(frame.buffer)
    if (chunk === undefined || --chunk.frames > 0) return
    chunk.filledBytes = 0
    if (chunk !== this.#filling && this.#free.length < MAX_FREE_CHUNKS) this.#free.push(chunk)
  }

  #newChunk(): Chunk {
    const chunk = { buffer: new ArrayBuffer(CHUNK_BYTES), filledBytes: 0, frames: 0 }
    this.#lent.set(chunk.buffer, chunk)
    return chunk
  }
}

interface Chunk {
  readonly buffer: ArrayBuffer
  filledBytes: number
  frames: number
}

/** Four of the largest parts, with what stands before them. */
export const CHUNK_BYTES = 263_168

/** A larger frame would leave too much of a chunk empty. */
export const MAX_LENT_BYTES = 66_000

/** As much as one view has under way. */
const MAX_FREE_CHUNKS = 4
