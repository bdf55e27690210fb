import { describe, expect, it } from 'vitest'
import { destination } from './board-view.ts'

describe('keys on the board', () => {
  it.each([
    [4, 'ArrowLeft', false, 3],
    [4, 'ArrowRight', false, 5],
    [4, 'ArrowUp', false, 1],
    [4, 'ArrowDown', false, 7],
    [0, 'ArrowLeft', false, 0],
    [0, 'ArrowUp', false, 0],
    [8, 'ArrowRight', false, 8],
    [8, 'ArrowDown', false, 8],
    [4, 'Home', false, 3],
    [4, 'End', false, 5],
    [4, 'Home', true, 0],
    [4, 'End', true, 8],
    [4, 'a', false, null],
  ] as const)('from %i by %s (whole board: %s) to %s', (cell, key, whole, target) => {
    expect(destination(cell, key, whole)).toBe(target)
  })
})
