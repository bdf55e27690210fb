import { describe, expect, it } from 'vitest'
import { Liveness } from './liveness.ts'

const timing = { intervalMs: 100, minTimeoutMs: 300, maxTimeoutMs: 2_000 }

/** Pings and answers at a round trip of `rttMs`, `count` times. */
function measure(liveness: Liveness, rttMs: (i: number) => number, count: number): void {
  let nowMs = 0
  for (let i = 0; i < count; i++) {
    const id = liveness.ping('bob', nowMs)
    nowMs += rttMs(i)
    liveness.heard('bob', nowMs)
    liveness.ponged('bob', id, nowMs)
  }
}

describe('Liveness', () => {
  it('[PART-4] allows more silence to who is far away, and to whose round trip wavers, within its bounds', () => {
    const timeouts = [() => 10, () => 120, (i: number) => (i % 2) * 200 + 20, () => 5_000].map((rttMs) => {
      const liveness = new Liveness(timing, 0)
      liveness.link('bob', 0)
      expect(liveness.timeoutMs('bob')).toBe(2_000)
      measure(liveness, rttMs, 40)
      return liveness.timeoutMs('bob')
    })
    expect(timeouts[0]).toBe(300)
    expect(timeouts[1]).toBeGreaterThan(550)
    expect(timeouts[2]).toBeGreaterThan(timeouts[1] ?? 0)
    expect(timeouts[3]).toBe(2_000)
  })

  it('[PART-10] pings into silence only, once an interval', () => {
    const liveness = new Liveness(timing, 0)
    liveness.link('bob', 0)
    expect(liveness.duePing('bob', 0)).not.toBeNull()
    let pings = 0
    for (let nowMs = 10; nowMs <= 1_000; nowMs += 10) {
      liveness.heard('bob', nowMs)
      if (liveness.duePing('bob', nowMs) !== null) pings++
    }
    expect(pings).toBe(0)
    for (let nowMs = 1_010; nowMs <= 2_000; nowMs += 10) if (liveness.duePing('bob', nowMs) !== null) pings++
    expect(pings).toBe(10)
  })

  it('[PART-4] a late answer to an older ping measures nothing', () => {
    const liveness = new Liveness(timing, 0)
    liveness.link('bob', 0)
    const first = liveness.ping('bob', 0)
    liveness.ping('bob', 1_000)
    liveness.ponged('bob', first, 1_001)
    expect(liveness.timeoutMs('bob')).toBe(2_000)
  })
})
