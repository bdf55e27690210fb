import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredEntry } from '../contract.ts'
import { entrySizeBytes } from './entry-size.ts'
import { MAX_TAIL_BYTES } from './limits.ts'
import { NO_FLOOR, RaftLog } from './log.ts'

const CONFIG = { voters: ['a'], learners: [], old: null }
const entry = (index: number, term: number, bytes = 0): StoredEntry => ({
  kind: 'command',
  index,
  term,
  command: new Uint8Array(bytes),
  dedupKey: null,
  proposer: null,
  timeMs: 0,
})
const logOf = (terms: readonly number[], floor = NO_FLOOR): RaftLog =>
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
    const log = logOf([], { index: 7, term: 3, timeMs: 0 })
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
    const log = new RaftLog(NO_FLOOR, [entry(1, 1, 10), entry(2, 1, 10), entry(3, 1, 500), entry(4, 1, 10)])
    const indices = (from: number): number[] => log.batch(from, 150).entries.map(({ index }) => index)
    expect([indices(1), indices(3), indices(4), indices(5)]).toEqual([[1, 2], [3], [4], []])
    const twice = log.batch(1, 150).bytes
    expect(log.batch(1, twice).entries).toHaveLength(2)
    expect(log.batch(1, twice - 1).entries).toHaveLength(1)
  })

  it('[SNAP-5] [SNAP-6] floor, tail, size and configurations are those of a plain list, whatever happens to it', () => {
    const step = fc.record({ what: fc.constantFrom('append', 'config', 'cut', 'compact', 'reset'), at: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(4), (steps, tail) => {
        const log = new RaftLog(NO_FLOOR, [])
        let [floor, base] = [0, 0]
        let held: StoredEntry[] = []
        for (const { what, at } of steps) {
          const last = base + held.length
          const index = floor + (at % (last - floor + 1))
          if (what === 'append') held.push(entry(last + 1, 1, at))
          if (what === 'config') held.push({ ...entry(last + 1, 1, at), kind: 'config', config: CONFIG })
          if (what === 'append' || what === 'config') log.append(held.at(-1) as StoredEntry)
          if (what === 'cut') {
            held = held.filter((e) => e.index <= index)
            log.truncateFrom(index + 1)
          }
          if (what === 'compact' && index > floor) {
            log.compactThrough(index, tail)
            floor = index
            base = Math.max(base, floor - tail)
            held = held.filter((e) => e.index > base)
          }
          if (what === 'reset') {
            floor = base = last + 1
            held = []
            log.resetTo({ index: floor, term: 1, timeMs: 0 })
          }
          const above = held.filter((e) => e.index > floor)
          const configs = above.filter((e) => e.kind === 'config')
          expect(log.slice(0, Infinity)).toEqual(held)
          expect([log.floorIndex, log.firstIndex, log.length]).toEqual([floor, base + 1, above.length])
          expect(log.sizeBytes).toBe(above.reduce((sum, e) => sum + entrySizeBytes(e), 0))
          expect(log.newestConfig()?.index).toBe(configs.at(-1)?.index)
          expect(log.newestConfig(configs.at(-1)?.index)?.index).toBe(configs.at(-2)?.index)
        }
      }),
    )
  })

  it('[SNAP-5] the tail has a bound in bytes too', () => {
    const log = new RaftLog(NO_FLOOR, [entry(1, 1), entry(2, 1, MAX_TAIL_BYTES), entry(3, 1)])
    log.compactThrough(3, 10)
    expect(log.firstIndex).toBe(3)
  })

  it('cutting and appending keep indices contiguous', () => {
    const log = logOf([1, 1, 2, 2], { index: 10, term: 1, timeMs: 0 })
    log.truncateFrom(13)
    expect(log.lastIndex).toBe(12)
    log.append(entry(13, 5))
    expect(log.slice(12, 13).map((e) => e.term)).toEqual([1, 5])
    expect(log.slice(1, 11).map((e) => e.index)).toEqual([11])
  })
})
