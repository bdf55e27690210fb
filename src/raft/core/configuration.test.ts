import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed, type Configuration, hasQuorum, quorumIndex } from './configuration.ts'

const set = (...ids: string[]): Set<string> => new Set(ids)
const LETTERS: string[] = ['a', 'b', 'c', 'd', 'e', 'f']
const simple = (voters: Set<string>): Configuration => ({ index: 1, voters, learners: set(), old: null })

describe('configuration', () => {
  it('[RAFT-2] any two quorums of one configuration share a voter, joint or not', () => {
    const ids = fc.uniqueArray(fc.constantFrom(...LETTERS), { minLength: 1 })
    fc.assert(
      fc.property(ids, fc.option(ids), ids, ids, (voters, old, one, other) => {
        const config: Configuration = {
          index: 1,
          voters: set(...voters),
          learners: set(),
          old: old === null ? null : set(...old),
        }
        if (!hasQuorum(config, (id) => one.includes(id)) || !hasQuorum(config, (id) => other.includes(id))) return
        expect(one.some((id) => other.includes(id) && voters.includes(id))).toBe(true)
      }),
    )
  })

  it('[RAFT-14] a quorum before a change, one during it and one after it share a voter pairwise', () => {
    const ids = fc.uniqueArray(fc.constantFrom(...LETTERS), { minLength: 1 })
    fc.assert(
      fc.property(ids, ids, ids, ids, (before, after, one, other) => {
        const during: Configuration = { index: 2, voters: set(...after), learners: set(), old: set(...before) }
        if (!hasQuorum(during, (id) => one.includes(id))) return
        for (const voters of [before, after]) {
          if (!hasQuorum(simple(set(...voters)), (id) => other.includes(id))) continue
          expect(one.some((id) => other.includes(id))).toBe(true)
        }
      }),
    )
  })

  it('[RAFT-9] the index of a quorum is the highest that a majority of each set holds', () => {
    const match = new Map([
      ['a', 9],
      ['b', 7],
      ['c', 5],
      ['d', 3],
    ])
    const matchOf = (id: string): number => match.get(id) ?? 0
    expect(quorumIndex(simple(set('a')), matchOf)).toBe(9)
    expect(quorumIndex(simple(set('a', 'b')), matchOf)).toBe(7)
    expect(quorumIndex(simple(set('a', 'b', 'c')), matchOf)).toBe(7)
    expect(quorumIndex(simple(set('a', 'b', 'c', 'd')), matchOf)).toBe(5)
    expect(quorumIndex({ ...simple(set('a', 'b')), old: set('c', 'd', 'x') }, matchOf)).toBe(3)
    expect(quorumIndex(simple(set()), matchOf)).toBe(0)
  })

  it('[RAFT-17] changes are deltas; what holds already changes nothing; what cannot be meant is refused', () => {
    const config = { voters: set('a', 'b'), learners: set('l') }
    expect(changed(config, { promote: ['l'] })).toEqual({ voters: set('a', 'b', 'l'), learners: set() })
    expect(changed(config, { addLearners: ['n'], promote: ['n'] })).toEqual({
      voters: set('a', 'b', 'n'),
      learners: set('l'),
    })
    expect(changed(config, { demote: ['a'], remove: ['l'] })).toEqual({ voters: set('b'), learners: set('a') })
    expect(changed(config, { addLearners: ['a', 'l'], promote: ['b'], remove: ['stranger'] })).toEqual(config)
    for (const change of [
      { promote: ['x'] },
      { demote: ['x'] },
      { remove: ['a', 'b'] },
      { demote: ['a'], remove: ['a'] },
    ]) {
      expect(() => changed(config, change)).toThrow(RangeError)
    }
  })
})
