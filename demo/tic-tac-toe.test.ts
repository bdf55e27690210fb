import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Game, type Mark, type Move, markOfSeat, newGame, play } from './tic-tac-toe.ts'

const at = (cell: number, round = 0): Move => ({ kind: 'mark', round, cell })
const next = (round: number): Move => ({ kind: 'next', round })

/** X and O in turn, from whoever opens the round. */
function inTurn(game: Game, ...cells: number[]): Game {
  return cells.reduce((before, cell) => play(before, at(cell, before.round), before.turn), game)
}

describe('tic-tac-toe', () => {
  it('gives the first seat X and the second O', () => {
    expect([markOfSeat(0), markOfSeat(1)]).toEqual(['X', 'O'])
  })

  it('puts the mark of whoever proposed, and passes the turn', () => {
    const game = play(newGame, at(4), 'X')
    expect(game.cells[4]).toBe('X')
    expect(game.turn).toBe('O')
    expect(game.last).toBe(4)
  })

  it('skips a turn out of turn, on a taken cell, off the board, of another round, after the end', () => {
    const begun = inTurn(newGame, 4)
    expect(play(begun, at(0), 'X')).toBe(begun)
    expect(play(begun, at(4), 'O')).toBe(begun)
    expect(play(begun, at(9), 'O')).toBe(begun)
    expect(play(begun, at(0, 1), 'O')).toBe(begun)
    const won = inTurn(newGame, 0, 3, 1, 4, 2)
    expect(play(won, at(8), 'O')).toBe(won)
  })

  it('knows all eight lines', () => {
    const lines = [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
      [0, 3, 6],
      [1, 4, 7],
      [2, 5, 8],
      [0, 4, 8],
      [2, 4, 6],
    ]
    for (const [a, b, c] of lines as [number, number, number][]) {
      const rest = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((cell) => ![a, b, c].includes(cell))
      const game = inTurn(newGame, a, rest[0] as number, b, rest[1] as number, c)
      expect(game.result).toEqual({ kind: 'won', by: 'X', line: [a, b, c] })
      expect(game.wins).toEqual({ X: 1, O: 0 })
    }
  })

  it('knows a draw', () => {
    expect(inTurn(newGame, 0, 1, 2, 4, 3, 5, 7, 6, 8).result).toEqual({ kind: 'draw' })
  })

  it('goes on to the next round once, keeps the tally, and lets the other open', () => {
    const won = inTurn(newGame, 0, 3, 1, 4, 2)
    const again = play(play(won, next(0), 'O'), next(0), 'X')
    expect(again).toMatchObject({ round: 1, turn: 'O', result: { kind: 'open' }, wins: { X: 1, O: 0 } })
    expect(again.cells.every((cell) => cell === null)).toBe(true)
  })

  it('does not leave an open round', () => {
    expect(play(newGame, next(0), 'X')).toBe(newGame)
  })

  it('stays a legal board under any turns from anybody', () => {
    const move = fc.oneof(
      fc.record({ kind: fc.constant('mark' as const), round: fc.nat(2), cell: fc.integer({ min: -1, max: 9 }) }),
      fc.record({ kind: fc.constant('next' as const), round: fc.nat(2) }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(move, fc.constantFrom<Mark>('X', 'O')), { maxLength: 60 }), (turns) => {
        const game = turns.reduce((before, [turn, by]) => play(before, turn, by), newGame)
        const count = (mark: Mark): number => game.cells.filter((cell) => cell === mark).length
        const lead = game.round % 2 === 0 ? count('X') - count('O') : count('O') - count('X')
        expect(game.cells).toHaveLength(9)
        expect(lead === 0 || lead === 1).toBe(true)
        expect(game.wins.X + game.wins.O).toBeLessThanOrEqual(game.round + 1)
      }),
    )
  })
})
