import { describe, expect, it } from 'vitest'
import { sleep } from './abort.ts'
import { systemClock } from './clock.ts'

describe('systemClock', () => {
  it('[CLOCK-1] a timer further off than platforms count does not fire at once', async () => {
    let fired = 0
    const handles = [Number.POSITIVE_INFINITY, 2 ** 31].map((ms) => systemClock.setTimeout(() => fired++, ms))
    await sleep(systemClock, 20)
    for (const handle of handles) systemClock.clearTimeout(handle)
    expect(fired).toBe(0)
  })
})
