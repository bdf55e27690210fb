import { afterEach, describe, expect, it, vi } from 'vitest'
import { type WorkerClock, workerClock } from './worker-clock.ts'

let clock: WorkerClock

afterEach(() => {
  clock.close()
  vi.unstubAllGlobals()
})

const rings = (ms: number): Promise<number> => {
  const since = performance.now()
  return new Promise((resolve) => clock.setTimeout(() => resolve(performance.now() - since), ms))
}

/** What a hidden tab does to the page's own timers. */
function throttlePage(): void {
  const real = globalThis.setTimeout.bind(globalThis)
  vi.stubGlobal('setTimeout', (run: () => void, ms: number) => real(run, Math.max(1000, ms)))
}

describe('workerClock', () => {
  it('[CLOCK-11] is in time where the timers of the page are not', async () => {
    throttlePage()
    clock = workerClock()
    // The first one waits for the worker to start.
    await rings(1)
    const waits: number[] = []
    for (let i = 0; i < 10; i++) waits.push(await rings(50))
    expect(Math.min(...waits)).toBeGreaterThan(45)
    expect(waits.sort((a, b) => a - b)[5]).toBeLessThan(500)
  })

  it('[CLOCK-12] runs each timer once, and none that was disarmed', async () => {
    clock = workerClock()
    let runs = 0
    clock.setTimeout(() => runs++, 20)
    const disarmed = clock.setTimeout(() => (runs += 100), 20)
    clock.clearTimeout(disarmed)
    clock.clearTimeout(undefined)
    await rings(60)
    await rings(60)
    expect(runs).toBe(1)
  })

  it('[CLOCK-13] goes on without a worker: closed, broken, or refused by the page', async () => {
    clock = workerClock()
    const pending = rings(50)
    clock.close()
    clock.close()
    expect(await pending).toBeGreaterThan(45)
    expect(await rings(10)).toBeGreaterThan(5)
    vi.stubGlobal(
      'Blob',
      class extends Blob {
        constructor() {
          super(['throw new Error("broken")'])
        }
      },
    )
    clock = workerClock()
    expect(await rings(50)).toBeGreaterThan(45)
    vi.stubGlobal('Worker', function refused() {
      throw new DOMException('refused', 'SecurityError')
    })
    clock = workerClock()
    expect(await rings(10)).toBeGreaterThan(5)
  })
})
