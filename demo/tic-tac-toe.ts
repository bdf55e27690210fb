/**
 * The game: rounds of tic-tac-toe as a fold over agreed turns. Every player folds the same turns in the
 * same order, so a turn that the rules do not allow is skipped alike on every board, and nobody has to
 * be trusted: the mark is that of the seat whose player proposed the turn, never a field of the turn.
 */
export function play(game: Game, move: Move, by: Mark): Game {
  if (move.round !== game.round) return game
  return move.kind === 'mark' ? markCell(game, move.cell, by) : nextRound(game)
}

export type Mark = 'X' | 'O'

/** `round` names the board a turn was meant for: one that arrives late or twice does nothing to the next. */
export type Move =
  | { readonly kind: 'mark'; readonly round: number; readonly cell: number }
  | { readonly kind: 'next'; readonly round: number }

export type Result =
  | { readonly kind: 'open' }
  | { readonly kind: 'won'; readonly by: Mark; readonly line: readonly number[] }
  | { readonly kind: 'draw' }

export interface Game {
  /** Counts from 0. X opens the even rounds, O the odd ones. */
  readonly round: number
  /** Nine of them, row by row. */
  readonly cells: readonly (Mark | null)[]
  readonly turn: Mark
  readonly result: Result
  /** The cell of the last mark in this round. */
  readonly last: number | null
  readonly wins: Readonly<Record<Mark, number>>
}

export const CELLS = 9

export const newGame: Game = board(0, { X: 0, O: 0 })

/** Seats are taken in order: the founder of the table is X. */
export function markOfSeat(index: number): Mark {
  return index === 0 ? 'X' : 'O'
}

export function otherMark(mark: Mark): Mark {
  return mark === 'X' ? 'O' : 'X'
}

const LINES: readonly (readonly [number, number, number])[] = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
  [0, 3, 6],
  [1, 4, 7],
  [2, 5, 8],
  [0, 4, 8],
  [2, 4, 6],
]

function board(round: number, wins: Game['wins']): Game {
  return {
    round,
    cells: Array.from({ length: CELLS }, () => null),
    turn: round % 2 === 0 ? 'X' : 'O',
    result: { kind: 'open' },
    last: null,
    wins,
  }
}

function markCell(game: Game, cell: number, by: Mark): Game {
  if (game.result.kind !== 'open' || game.turn !== by || game.cells[cell] !== null) return game
  const cells = game.cells.with(cell, by)
  const result = resultOf(cells)
  const wins = result.kind === 'won' ? { ...game.wins, [by]: game.wins[by] + 1 } : game.wins
  return { ...game, cells, turn: otherMark(by), result, last: cell, wins }
}

function nextRound(game: Game): Game {
  return game.result.kind === 'open' ? game : board(game.round + 1, game.wins)
}

function resultOf(cells: Game['cells']): Result {
  for (const line of LINES) {
    const by = cells[line[0]]
    if (by != null && line.every((cell) => cells[cell] === by)) return { kind: 'won', by, line }
  }
  return cells.includes(null) ? { kind: 'open' } : { kind: 'draw' }
}
