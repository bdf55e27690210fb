import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { int32, json } from './codec.ts'
import type { StandardResult, StandardSchemaV1 } from './standard-schema.ts'

function schemaOf<A>(
  validate: (value: unknown) => StandardResult<A> | Promise<StandardResult<A>>,
): StandardSchemaV1<unknown, A> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const cellSchema = schemaOf<{ cell: number }>((value) => {
  const cell = (value as { cell?: unknown } | null)?.cell
  if (typeof cell === 'number') return { value: { cell } }
  return { issues: [{ message: 'not a number', path: ['move', { key: 'cell' }] }] }
})

describe('json', () => {
  it('[CODEC-1] carries every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const codec = json()
        const text = JSON.stringify(value)
        expect(JSON.stringify(codec.decode(codec.encode(value)))).toBe(text)
      }),
    )
  })

  it('[CODEC-1] hands out what the schema made of the value', () => {
    expect(json(cellSchema).decode(utf8('{"cell":4,"extra":1}'))).toEqual({ cell: 4 })
  })

  it('[CODEC-1] refuses in both directions what the schema refuses, naming where', () => {
    const codec = json(cellSchema)
    expect(() => codec.decode(utf8('{"cell":"4"}'))).toThrow('move.cell: not a number')
    expect(() => codec.encode({ cell: 'x' } as never)).toThrow(TypeError)
  })

  it('[CODEC-1] refuses what JSON has no form for, and bytes that are not JSON', () => {
    expect(() => json().encode(undefined)).toThrow(TypeError)
    expect(() => json().decode(utf8('{'))).toThrow(SyntaxError)
    expect(() => json().decode(Uint8Array.of(0xff))).toThrow(TypeError)
  })

  it('[CODEC-2] a schema that answers with a promise is a TypeError where it is named', () => {
    expect(() => json(schemaOf(async (value) => ({ value })))).toThrow(TypeError)
  })

  it('[CODEC-2] a schema that answers with a promise for some values is a TypeError for those', () => {
    const sometimes = schemaOf<number>((value) =>
      typeof value === 'number' ? Promise.reject(new Error('never seen')) : { issues: [{ message: 'no number' }] },
    )
    const codec = json(sometimes)
    expect(() => codec.encode(1)).toThrow('only synchronous schemas')
    expect(() => codec.decode(utf8('1'))).toThrow(TypeError)
  })
})

describe('int32', () => {
  it('[CODEC-3] carries every 32-bit whole number', () => {
    fc.assert(fc.property(fc.integer(), (value) => int32().decode(int32().encode(value)) === value))
  })

  it('[CODEC-3] refuses everything else', () => {
    for (const value of [0.5, 2 ** 31, Number.NaN]) expect(() => int32().encode(value)).toThrow(RangeError)
    for (const length of [0, 3, 5]) expect(() => int32().decode(new Uint8Array(length))).toThrow(RangeError)
  })

  it('[CODEC-3] reads a view at its own offset', () => {
    expect(int32().decode(Uint8Array.of(9, 9, 0, 0, 0, 7).subarray(2))).toBe(7)
  })
})
