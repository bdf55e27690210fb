import type { Swatch } from '../seam/contract.ts'

/** What fabrics publish as their largest payload under the laws: less than the default, and in parts all the same. Bytes. */
export const LAW_PAYLOAD_BYTES = 2_097_152

/** `length` bytes that differ from place to place and from seed to seed. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 0xff
  return bytes
}

/** A number, from 1, as a frame of at least four bytes. */
export function numbered(value: number, length = 4): Uint8Array {
  const bytes = new Uint8Array(length)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** The number of each frame. */
export function numbersOf(frames: readonly Swatch[]): number[] {
  return frames.map(({ payload }) => new DataView(payload.buffer, payload.byteOffset).getUint32(0))
}

/** `first` to `last`, both in. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

/** Whether two arrays hold the same bytes; quicker and quieter than a matcher on megabytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
