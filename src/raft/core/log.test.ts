import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredEntry } from '../contract.ts'
import { RaftLog } from './log.ts'

const entry = (index: number, term: number, bytes = 0): StoredEntry => ({
  kind: 'command',
  index,
  term,
  command: new Uint8Array(bytes),
  dedupKey: null,
  proposer: null,
  timeMs: 0,
})
const logOf = (terms: readonly number[], floor = { index: 0, term: 0 }): RaftLog =>
  new RaftLog(
    floor,
    terms.map((term, i) => entry(floor.index + 1 + i, term)),
  )

describe('log', () => {
  it('[RAFT-4] higher term wins, then higher index; equal is good enough', () => {
    const log = logOf([1, 1, 2])
    expect(log.isCoveredBy({ index: 3, term: 2 })).toBe(true)
    expect(log.isCoveredBy({ index: 1, term: 3 })).toBe(true)
    expect(log.isCoveredBy({ index: 2, term: 2 })).toBe(false)
    expect(log.isCoveredBy({ index: 9, term: 1 })).toBe(false)
  })

  it('[RAFT-4] above a floor an empty log ends at the floor, not at nothing', () => {
    const log = logOf([], { index: 7, term: 3 })
    expect([log.lastIndex, log.lastTerm]).toEqual([7, 3])
    expect(log.isCoveredBy({ index: 0, term: 0 })).toBe(false)
    expect([log.termAt(6), log.termAt(7), log.termAt(8)]).toEqual([null, 3, null])
  })

  it('[RAFT-10] the last index within a position is the one a scan would find', () => {
    const terms = fc.array(fc.nat({ max: 4 }), { maxLength: 12 }).map((steps) => steps.sort((a, b) => a - b))
    fc.assert(
      fc.property(terms, fc.nat({ max: 15 }), fc.nat({ max: 5 }), (list, index, term) => {
        let expected = 0
        for (let i = 1; i <= Math.min(index, list.length); i++) if ((list[i - 1] as number) <= term) expected = i
        expect(logOf(list).lastIndexWithin({ index, term })).toBe(expected)
      }),
    )
  })

  it('a batch stays under its bound, and holds one entry whatever its size', () => {
    const log = new RaftLog({ index: 0, term: 0 }, [
      entry(1, 1, 10),
      entry(2, 1, 10),
      entry(3, 1, 500),
      entry(4, 1, 10),
    ])
    const sizeOf = (e: StoredEntry): number => e.command.length
    expect(log.batch(1, 25, sizeOf)).toHaveLength(2)
    expect(log.batch(3, 25, sizeOf).map((e) => e.index)).toEqual([3])
    expect(log.batch(5, 25, sizeOf)).toEqual([])
  })

  it('cutting and appending keep indices contiguous', () => {
    const log = logOf([1, 1, 2, 2], { index: 10, term: 1 })
    log.truncateFrom(13)
    expect(log.lastIndex).toBe(12)
    log.append(entry(13, 5))
    expect(log.slice(12, 13).map((e) => e.term)).toEqual([1, 5])
    expect(log.slice(1, 11).map((e) => e.index)).toEqual([11])
  })
})
