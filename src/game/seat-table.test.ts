import { describe, expect, it } from 'vitest'
import type { Committed } from '../raft/contract.ts'
import { encodeApplication, encodeFounded, encodeSeated } from './game-entry.ts'
import { firstFreeSeat, isFull, SeatTable, seatOf, takenSeats } from './seat-table.ts'

function entry(index: number, proposer: string | null, command: Uint8Array): Committed {
  return { kind: 'entry', entry: { index, term: 1, command, dedupKey: null, proposer, timeMs: 0 } }
}

function peers(table: SeatTable): (string | null)[] {
  return table.seats.map((seat) => seat.peer)
}

describe('SeatTable', () => {
  it('[SEAT-1] the founding entry sets the number of seats and puts the founder into seat 0', () => {
    const table = new SeatTable()
    expect(table.seats).toEqual([])
    table.apply({ kind: 'internal', index: 1 })
    table.apply(entry(2, 'ann', encodeFounded(3, 'ann')))
    expect(table.seats).toEqual([
      { number: 0, peer: 'ann' },
      { number: 1, peer: null },
      { number: 2, peer: null },
    ])
    expect(table.index).toBe(2)
    expect(firstFreeSeat(table.seats)).toBe(1)
  })

  it('[SEAT-1] a second founding entry changes nothing', () => {
    const table = new SeatTable()
    table.apply(entry(2, 'ann', encodeFounded(2, 'ann')))
    table.apply(entry(3, 'ann', encodeFounded(5, 'eve')))
    expect(peers(table)).toEqual(['ann', null])
  })

  it('[SEAT-2] a seat is given once, to a peer without one, by a peer with one', () => {
    const table = new SeatTable()
    table.apply(entry(2, 'ann', encodeFounded(3, 'ann')))
    table.apply(entry(3, 'eve', encodeSeated(1, 'eve')))
    table.apply(entry(4, null, encodeSeated(1, 'eve')))
    expect(peers(table)).toEqual(['ann', null, null])
    table.apply(entry(5, 'ann', encodeSeated(1, 'bob')))
    table.apply(entry(6, 'bob', encodeSeated(1, 'eve')))
    table.apply(entry(7, 'bob', encodeSeated(2, 'bob')))
    table.apply(entry(8, 'bob', encodeSeated(3, 'cat')))
    expect(peers(table)).toEqual(['ann', 'bob', null])
    expect(takenSeats(table.seats)).toBe(2)
    expect(isFull(table.seats)).toBe(false)
    table.apply(entry(9, 'bob', encodeSeated(2, 'cat')))
    expect(isFull(table.seats)).toBe(true)
    expect(seatOf(table.seats, 'cat')?.number).toBe(2)
    expect(seatOf(table.seats, 'eve')).toBeNull()
  })

  it('[SEAT-2] a seat entry before the founding entry changes nothing', () => {
    const table = new SeatTable()
    table.apply(entry(1, 'ann', encodeSeated(0, 'ann')))
    expect(table.seats).toEqual([])
    expect(isFull(table.seats)).toBe(false)
  })

  it('[SEAT-3] commands count from the moment their proposer has a seat', () => {
    const table = new SeatTable()
    const move = encodeApplication(Uint8Array.of(7))
    expect(table.apply(entry(1, 'ann', move))).toBeNull()
    table.apply(entry(2, 'ann', encodeFounded(2, 'ann')))
    expect(table.apply(entry(3, 'ann', move))).toEqual(Uint8Array.of(7))
    expect(table.apply(entry(4, 'bob', move))).toBeNull()
    expect(table.apply(entry(5, null, move))).toBeNull()
    table.apply(entry(6, 'ann', encodeSeated(1, 'bob')))
    expect(table.apply(entry(7, 'bob', move))).toEqual(Uint8Array.of(7))
  })

  it('[SEAT-4] unknown entries move the index on and nothing else', () => {
    const table = new SeatTable()
    table.apply(entry(2, 'ann', encodeFounded(2, 'ann')))
    const { seats } = table
    expect(table.apply(entry(3, 'ann', Uint8Array.of(9, 9)))).toBeNull()
    expect(table.seats).toBe(seats)
    expect(table.index).toBe(3)
  })
})
