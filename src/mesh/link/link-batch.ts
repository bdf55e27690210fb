import { MalformedBytesError } from '../../base/bytes.ts'

/**
 * Several link frames in one message: the type, then each frame behind its length. A batch holds whole frames of any
 * other type, two at the least where this library writes it, and no batch.
 */
export const BATCH = 7

/** What a batch adds to itself, and to each of its frames. Bytes; lengths are 16 bits, high byte first. */
export const BATCH_HEADER_BYTES = 1
export const BATCHED_HEADER_BYTES = 2

/** `bytes` is what the frames take with their headers. */
export function packBatch(frames: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const batch = new Uint8Array(BATCH_HEADER_BYTES + bytes)
  batch[0] = BATCH
  let at = BATCH_HEADER_BYTES
  for (const frame of frames) {
    const { length } = frame
    batch[at++] = length >> 8
    batch[at++] = length & 0xff
    // The engine's own copying costs more than it gains where there is little to copy.
    if (length > 96) batch.set(frame, at)
    else for (let i = 0; i < length; i++) batch[at + i] = frame[i] as number
    at += length
  }
  return batch
}

/**
 * Hands the frames of a batch on, as views on it, in order, until `take` says that it wants no more. Throws
 * {@link MalformedBytesError} where a frame is empty, is a batch, or ends behind the batch's end.
 */
export function unpackBatch(batch: Uint8Array, take: (frame: Uint8Array) => boolean): void {
  for (let at = BATCH_HEADER_BYTES; at < batch.length;) {
    const start = at + BATCHED_HEADER_BYTES
    const end = start + (((batch[at] as number) << 8) | (batch[at + 1] ?? 0))
    if (end > batch.length || end === start || batch[start] === BATCH) {
      throw new MalformedBytesError('a batch holds what is no frame')
    }
    if (!take(batch.subarray(start, end))) return
    at = end
  }
}
