/**
 * 53 bits that depend on every bit of `bytes`, as a whole number: two runs of MurmurHash3 (x86, 32 bits; Austin
 * Appleby, public domain) under different seeds. Finds what went wrong by accident, and is no defence against one who
 * means it; unlike WebCrypto's digests it needs no promise, and so can stand in a pure core.
 */
export function digest53(bytes: Uint8Array): number {
  return (murmur3(bytes, 0x9747b28c) & 0x1fffff) * 2 ** 32 + murmur3(bytes, 0)
}

/** MurmurHash3_x86_32. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  let hash = seed
  const whole = bytes.length & ~3
  const at = (index: number): number => bytes[index] as number
  for (let i = 0; i < whole; i += 4) {
    hash ^= mixed(at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24))
    hash = (Math.imul(rotated(hash, 13), 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let i = bytes.length - 1; i >= whole; i--) rest = (rest << 8) | at(i)
  hash ^= mixed(rest) ^ bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mixed(block: number): number {
  return Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)
}

function rotated(bits: number, by: number): number {
  return (bits << by) | (bits >>> (32 - by))
}
