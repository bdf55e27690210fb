import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Count, LOOK_EVERY_S, MAX_LOOKS, Patience } from './patience.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('counts down to each look, and stops after the last', () => {
  const counts: Count[] = []
  const patience = new Patience((count) => counts.push(count))
  patience.wait()
  vi.advanceTimersByTime(60_000)
  expect(counts).toEqual([4, 3, 2, 1, 'now'])
  for (let look = 1; look < MAX_LOOKS; look++) {
    patience.wait()
    vi.advanceTimersByTime(LOOK_EVERY_S * 1000)
  }
  expect(counts.filter((count) => count === 'now')).toHaveLength(MAX_LOOKS)
  patience.wait()
  expect(counts.at(-1)).toBe('over')
  expect(vi.getTimerCount()).toBe(0)
})

it('stops at once when renewed, and then has all its looks again', () => {
  const counts: Count[] = []
  const patience = new Patience((count) => counts.push(count))
  for (let look = 0; look <= MAX_LOOKS; look++) patience.wait()
  expect(counts.at(-1)).toBe('over')
  patience.renew()
  patience.wait()
  expect(counts.at(-1)).toBe(LOOK_EVERY_S)
  patience.renew()
  expect(vi.getTimerCount()).toBe(0)
})
