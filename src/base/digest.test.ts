import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from './bytes.ts'
import { digest53, murmur3 } from './digest.ts'

describe('digest', () => {
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['hello', 0, 0x248bfa47],
    ['hello, world', 0, 0x149bbb7f],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog.', 0, 0xd5c48bfc],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6],
  ])('the published value of %j under seed %i', (text, seed, expected) => {
    expect(murmur3(utf8(text), seed)).toBe(expected)
  })

  it('[SNAP-10] a change of any one bit, or of the length, is another digest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (bytes, at) => {
        const changed = bytes.slice()
        changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ (1 << (at % 8))
        expect(digest53(changed)).not.toBe(digest53(bytes))
        expect(digest53(Uint8Array.of(...bytes, 0))).not.toBe(digest53(bytes))
        expect(Number.isSafeInteger(digest53(bytes))).toBe(true)
      }),
    )
  })
})
