import type { Random } from '../base/random.ts'
import { utf8 } from '../base/bytes.ts'

/**
 * Chance that repeats: the same seed draws the same numbers on every machine. "Small fast counter"
 * (sfc32, Doty-Humphrey's PractRand), seeded through FNV-1a so that near seeds draw unlike numbers.
 */
export function seededRandom(seed: number | string): Random {
  const next = sfc32(utf8(String(seed)))
  return () => next() / 4_294_967_296
}

/** 64 bytes that depend on every bit of `bytes`, without waiting. For tests: no defence against an attacker. */
export function syncHash64(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const next = sfc32(bytes)
  const hash = new Uint8Array(64)
  const view = new DataView(hash.buffer)
  for (let offset = 0; offset < 64; offset += 4) view.setUint32(offset, next())
  return hash
}

/** Draws whole numbers in [0, 2^32). */
function sfc32(seed: Uint8Array): () => number {
  let a = fnv1a(seed, 0x811c9dc5)
  let b = fnv1a(seed, 0x01000193)
  let c = fnv1a(seed, 0x9e3779b9)
  let counter = 1
  const next = (): number => {
    const drawn = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + drawn) | 0
    return drawn >>> 0
  }
  for (let warmUp = 0; warmUp < 15; warmUp++) next()
  return next
}

function fnv1a(bytes: Uint8Array, basis: number): number {
  let hash = basis
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash | 0
}
