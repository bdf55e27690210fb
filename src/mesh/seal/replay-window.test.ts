import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REPLAY_WINDOW, ReplayWindow } from './replay-window.ts'

describe('ReplayWindow', () => {
  it('[SEAL-5] takes each number once, in any order within the window, and none below it', () => {
    const near = fc.integer({ min: 1, max: 3 * REPLAY_WINDOW })
    const far = fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - REPLAY_WINDOW, 2 ** 40)
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 30, arbitrary: near }, far), { maxLength: 60 }), (numbers) => {
        const window = new ReplayWindow()
        const taken = new Set<number>()
        for (const number of numbers) {
          const highest = Math.max(0, ...taken)
          const expected = number <= highest - REPLAY_WINDOW ? 'stale' : taken.has(number) ? 'replayed' : 'fresh'
          expect(window.judge(number)).toBe(expected)
          if (expected !== 'fresh') continue
          window.take(number)
          taken.add(number)
        }
      }),
    )
  })

  it('[SEAL-5] judging takes nothing', () => {
    const window = new ReplayWindow()
    expect([window.judge(5), window.judge(5)]).toEqual(['fresh', 'fresh'])
  })
})
