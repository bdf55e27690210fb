import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter, MalformedBytesError, wellFormed } from './bytes.ts'

describe('bytes', () => {
  it('say yes or no in one byte, and nothing else', () => {
    const bytes = new ByteWriter().flag(true).flag(false).finish()
    const reader = new ByteReader(bytes)
    expect([bytes, reader.flag(), reader.flag()]).toEqual([Uint8Array.of(1, 0), true, false])
    expect(() => reader.flag()).toThrow(MalformedBytesError)
    expect(() => new ByteReader(Uint8Array.of(2)).flag()).toThrow(MalformedBytesError)
  })

  it('are none where they are malformed, and hide no other error', () => {
    const read = (bytes: Uint8Array) => (): string => new ByteReader(bytes).text()
    expect(wellFormed(read(new ByteWriter().text('oak').finish()))).toBe('oak')
    expect(wellFormed(read(Uint8Array.of(9, 1)))).toBeNull()
    expect(() =>
      wellFormed(() => {
        throw new RangeError('a bug')
      }),
    ).toThrow('a bug')
  })
})
