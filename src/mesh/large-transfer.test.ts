import { describe, expect, it } from 'vitest'
import { HIGH_WATER_BYTES } from './link/link-driver.ts'
import { MeshWorld, rosterOf } from './test-support/mesh-world.ts'

const HALF_FULL_BYTES = HIGH_WATER_BYTES / 2

describe('large payloads over links that break', () => {
  it('[BOND-1, RTC-37] a payload of many parts arrives whole, and once, though its link breaks again and again', async () => {
    const world = new MeshWorld()
    const { a, b } = await world.pair()
    const seen = [rosterOf(a), rosterOf(b)]
    const payload = Uint8Array.from({ length: 3_000_001 }, (_, at) => (at * 31) >> 7)
    const arrived: Uint8Array[] = []
    const reading = (async () => {
      for await (const { payload: whole } of b.incoming) if (arrived.push(whole.slice()) === 2) return
    })()
    const sending = a.sendTo(b.selfId, payload)
    let most = 0
    for (let breaks = 0; breaks < 4; breaks++) {
      for (let under = 0; under < 2;) {
        const buffered = Math.max(0, ...[...world.links.open].map((link) => link.bufferedAmount))
        most = Math.max(most, buffered)
        if (buffered > HALF_FULL_BYTES) under++
        await world.clock.advance(1)
      }
      expect(arrived).toEqual([])
      world.links.breakAll()
    }
    await world.run(sending)
    await world.run(a.sendTo(b.selfId, Uint8Array.of(9)))
    await world.run(reading)
    expect(arrived.map(({ length }) => length)).toEqual([payload.length, 1])
    expect(arrived[0]?.every((byte, at) => byte === payload[at])).toBe(true)
    expect(most).toBeLessThanOrEqual(HIGH_WATER_BYTES)
    expect(seen).toEqual([[], []])
    await world.end(a, b)
  })
})
