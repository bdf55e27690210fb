import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { moveSchema } from './move-schema.ts'

const { validate } = moveSchema['~standard']

describe('moveSchema', () => {
  it('takes a mark and a next round, and only their fields', () => {
    expect(validate({ kind: 'mark', round: 0, cell: 8, by: 'X' })).toEqual({
      value: { kind: 'mark', round: 0, cell: 8 },
    })
    expect(validate({ kind: 'next', round: 3, cell: 1 })).toEqual({ value: { kind: 'next', round: 3 } })
  })

  it('refuses what is not a turn', () => {
    const bad: unknown[] = [
      null,
      4,
      'mark',
      [],
      {},
      { kind: 'mark', round: 0 },
      { kind: 'mark', round: 0, cell: 9 },
      { kind: 'mark', round: 0, cell: -1 },
      { kind: 'mark', round: 0, cell: 0.5 },
      { kind: 'mark', round: '0', cell: 0 },
      { kind: 'next', round: Number.NaN },
      { kind: 'undo', round: 0 },
    ]
    for (const value of bad) expect(validate(value)).toHaveProperty('issues')
  })

  it('never throws', () => {
    fc.assert(fc.property(fc.anything(), (value) => void validate(value)))
  })
})
