import { describe, expect, it } from 'vitest'
import { ALL_CALLS_BURST, ALL_CALLS_PER_SECOND, CallLimits, CALLS_BURST, CALLS_PER_SECOND } from './call-limits.ts'

function taken(limits: CallLimits, times: number, peer: (i: number) => string, nowMs: number): number {
  let count = 0
  for (let i = 0; i < times; i++) if (limits.take(peer(i), nowMs)) count++
  return count
}

describe('CallLimits', () => {
  it('[LINK-11] one peer may call a burst at once, then so many a second, and keeps nobody else from calling', () => {
    const limits = new CallLimits(0)
    expect(taken(limits, 100, () => 'mallory', 0)).toBe(CALLS_BURST)
    expect(limits.take('bob', 0)).toBe(true)
    expect(taken(limits, 100, () => 'mallory', 1_000)).toBe(CALLS_PER_SECOND)
    expect(taken(limits, 100, () => 'mallory', 61_000)).toBe(CALLS_BURST)
  })

  it('[LINK-11] all together may call a burst at once, then so many a second, however many ids they have', () => {
    const limits = new CallLimits(0)
    expect(taken(limits, 5_000, (i) => `one of many ${i}`, 0)).toBe(ALL_CALLS_BURST)
    expect(taken(limits, 5_000, (i) => `others ${i}`, 1_000)).toBe(ALL_CALLS_PER_SECOND)
    expect(limits.take('bob', 60_000)).toBe(true)
  })
})
