import { make } from './dom.ts'
import { type Facts, isMyTurn } from './facts.ts'
import { embroider, seams, tack, winningStitch } from './stitches.ts'
import { CELLS, type Mark } from './tic-tac-toe.ts'
import { cellLabelOf } from './words.ts'

/**
 * The board as a grid that is played by pointer or by keyboard: one tab stop, arrows move between cells
 * (Home and End within a row, with Control to the corners), Enter or Space marks. Cells stay focusable
 * when they cannot be marked, so that a screen reader can always read the board.
 */
export class BoardView {
  readonly #cells: HTMLButtonElement[] = []
  readonly #cloth: HTMLElement
  readonly #onMark: (cell: number) => void
  #winning: Element | null = null
  #focus = 4
  #drawn = false

  constructor(cloth: HTMLElement, onMark: (cell: number) => void) {
    this.#cloth = cloth
    this.#onMark = onMark
    const grid = make('div', { role: 'grid', class: 'grid', 'aria-label': 'Board' })
    for (let row = 0; row < 3; row++) grid.append(this.#makeRow(row))
    grid.addEventListener('keydown', (event) => this.#onKey(event))
    cloth.append(seams(), grid)
  }

  draw(facts: Facts): void {
    const playable = isMyTurn(facts)
    this.#cloth.classList.toggle('playable', playable)
    this.#cloth.dataset['mine'] = facts.mine ?? ''
    for (let cell = 0; cell < CELLS; cell++) this.#drawCell(cell, facts, playable)
    this.#drawWinning(facts)
    this.#drawn = true
  }

  /** To the cell that the keyboard was on last. */
  focus(): void {
    this.#cells[this.#focus]?.focus()
  }

  #drawCell(cell: number, facts: Facts, playable: boolean): void {
    const button = this.#cells[cell] as HTMLButtonElement
    const mark = facts.game.cells[cell] ?? null
    const pending = mark === null && facts.pending === cell
    const label = cellLabelOf(facts, cell)
    if (button.getAttribute('aria-label') !== label) button.setAttribute('aria-label', label)
    button.setAttribute('aria-disabled', String(!playable || mark !== null))
    button.tabIndex = cell === this.#focus ? 0 : -1
    button.dataset['won'] = String(facts.game.result.kind === 'won' && facts.game.result.line.includes(cell))
    const ghost = mark === null ? facts.mine : null
    this.#sew(button, mark, pending ? 'pending' : playable && ghost !== null ? 'ghost' : 'bare', ghost)
  }

  /** Redraws a cell's needlework only when it changes, so that a mark is sewn once. */
  #sew(button: HTMLButtonElement, mark: Mark | null, tacked: 'pending' | 'ghost' | 'bare', ghost: Mark | null): void {
    const drawing = mark === null ? `${tacked}${ghost ?? ''}` : mark
    if (button.dataset['drawing'] === drawing) return
    button.dataset['drawing'] = drawing
    button.dataset['mark'] = mark ?? ''
    button.dataset['tacked'] = mark === null ? tacked : ''
    button.classList.toggle('fresh', this.#drawn && mark !== null)
    if (mark !== null) button.replaceChildren(embroider(mark))
    else if (tacked !== 'bare' && ghost !== null) button.replaceChildren(tack(ghost))
    else button.replaceChildren()
  }

  #drawWinning(facts: Facts): void {
    const { result } = facts.game
    this.#cloth.dataset['result'] = result.kind
    if (result.kind !== 'won') {
      this.#winning?.remove()
      this.#winning = null
    } else if (this.#winning === null) {
      this.#winning = winningStitch(result.line)
      this.#winning.classList.toggle('fresh', this.#drawn)
      this.#cloth.append(this.#winning)
    }
  }

  #makeRow(row: number): HTMLElement {
    const element = make('div', { role: 'row', class: 'row' })
    for (let column = 0; column < 3; column++) {
      const cell = row * 3 + column
      const button = make('button', { type: 'button', class: 'cell', 'data-cell': String(cell) })
      button.addEventListener('click', () => this.#mark(cell))
      button.addEventListener('focus', () => this.#rove(cell))
      this.#cells[cell] = button
      element.append(make('div', { role: 'gridcell', class: 'gridcell' }, button))
    }
    return element
  }

  #mark(cell: number): void {
    if (this.#cells[cell]?.getAttribute('aria-disabled') === 'false') this.#onMark(cell)
  }

  #rove(cell: number): void {
    this.#focus = cell
    for (const [index, button] of this.#cells.entries()) button.tabIndex = index === cell ? 0 : -1
  }

  #onKey(event: KeyboardEvent): void {
    const target = destination(this.#focus, event.key, event.ctrlKey || event.metaKey)
    if (target === null) return
    event.preventDefault()
    this.#cells[target]?.focus()
  }
}

/** Where a key leads from a cell, stopping at the edges; `null` for keys that are not the grid's. */
export function destination(cell: number, key: string, whole: boolean): number | null {
  const row = Math.floor(cell / 3)
  const column = cell % 3
  if (key === 'ArrowLeft') return row * 3 + Math.max(0, column - 1)
  if (key === 'ArrowRight') return row * 3 + Math.min(2, column + 1)
  if (key === 'ArrowUp') return Math.max(0, row - 1) * 3 + column
  if (key === 'ArrowDown') return Math.min(2, row + 1) * 3 + column
  if (key === 'Home') return whole ? 0 : row * 3
  if (key === 'End') return whole ? CELLS - 1 : row * 3 + 2
  return null
}
