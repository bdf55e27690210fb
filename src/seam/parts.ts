import { ByteReader, ByteWriter, MalformedBytesError, wellFormed } from '../base/bytes.ts'
import { frameCost } from './credit.ts'

/**
 * A payload too large for one frame goes as parts: the first says how large the whole is, the next ones follow it in
 * order on the same view, and a last word calls an unfinished one off. Between them go no other reliable frames of that
 * view. Fabrics carry a part like any reliable frame, and say that it is one.
 */
export type Part =
  | { readonly kind: 'first'; readonly totalBytes: number; readonly piece: Uint8Array }
  | { readonly kind: 'next'; readonly piece: Uint8Array }
  | { readonly kind: 'abort' }

/** Largest part, its head included: what a frame of another view waits behind, at the most. Bytes. */
export const MAX_PART_BYTES = 65_536

const FIRST = 0
const NEXT = 1
const ABORT = 2

/** Longest head of a part: its kind, and a total of up to 2^53 - 1. */
const MAX_HEAD_BYTES = 9

const NEXT_HEAD: Uint8Array = Uint8Array.of(NEXT)

export const ABORT_PART: Uint8Array = Uint8Array.of(ABORT)

/** Throws {@link MalformedBytesError}; a part that brings nothing on is none. */
export function decodePart(bytes: Uint8Array): Part {
  switch (bytes[0]) {
    case FIRST: {
      const reader = new ByteReader(bytes, 1)
      const totalBytes = reader.varint()
      const piece = reader.rest()
      if (piece.length === 0 || piece.length >= totalBytes) throw new MalformedBytesError('a first part that is none')
      return { kind: 'first', totalBytes, piece }
    }
    case NEXT:
      if (bytes.length === 1) throw new MalformedBytesError('an empty part')
      return { kind: 'next', piece: bytes.subarray(1) }
    case ABORT:
      if (bytes.length > 1) throw new MalformedBytesError('bytes after a last word')
      return { kind: 'abort' }
    default:
      throw new MalformedBytesError('a part of unknown kind')
  }
}

/** What a part costs: its piece, so that a payload costs the same in however many. 0 for what is none. */
export function partCost(bytes: Uint8Array): number {
  const part = wellFormed(() => decodePart(bytes))
  return part === null || part.kind === 'abort' ? 0 : frameCost(part.piece.length)
}

/** A payload on its way in parts, to any number of peers: those that go at one pace share each part. */
export class Parts {
  readonly payload: Uint8Array
  readonly #pieceBytes: number
  readonly #frame: (head: Uint8Array, piece: Uint8Array) => Uint8Array
  #madeFor = -1
  #made: Uint8Array = NEXT_HEAD

  /** `frame` makes what the links carry of a head and what follows it. */
  constructor(payload: Uint8Array, maxFrameBytes: number, frame: (head: Uint8Array, piece: Uint8Array) => Uint8Array) {
    this.payload = payload
    this.#pieceBytes = Math.max(1, Math.min(MAX_PART_BYTES, maxFrameBytes) - MAX_HEAD_BYTES)
    this.#frame = frame
  }

  /** Bytes of the payload in the part that begins at `at`. */
  pieceBytes(at: number): number {
    return Math.min(this.#pieceBytes, this.payload.length - at)
  }

  frameAt(at: number): Uint8Array {
    if (this.#madeFor !== at) {
      this.#made = this.#frame(this.#head(at), this.payload.subarray(at, at + this.pieceBytes(at)))
      this.#madeFor = at
    }
    return this.#made
  }

  abortFrame(): Uint8Array {
    return this.#frame(ABORT_PART, new Uint8Array())
  }

  #head(at: number): Uint8Array {
    return at > 0 ? NEXT_HEAD : new ByteWriter(MAX_HEAD_BYTES).u8(FIRST).varint(this.payload.length).finish()
  }
}
