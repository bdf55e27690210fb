import { describe, expect, it } from 'vitest'
import { sleep } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { TimerHeap } from './timer-heap.ts'
import { VirtualClock } from './virtual-clock.ts'
import { seededRandom } from './seeded-random.ts'

describe('VirtualClock', () => {
  it('[TIME-1] fires by due time, then by arming order, and shows each its own time', async () => {
    const clock = new VirtualClock({ startMs: 1000 })
    const fired: string[] = []
    const arm = (name: string, ms: number): unknown => clock.setTimeout(() => fired.push(`${name}@${clock.now()}`), ms)
    arm('late', 20)
    arm('first', 10)
    arm('second', 10)
    clock.clearTimeout(arm('never', 10))
    await clock.advance(15)
    expect(fired).toEqual(['first@1010', 'second@1010'])
    expect(clock.now()).toBe(1015)
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(5)
    expect(fired.at(-1)).toBe('late@1020')
  })

  it('[TIME-2] all that follows from one timer happens before the next one fires', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.setTimeout(() => {
      void (async () => {
        for (let turn = 0; turn < 500; turn++) await null
        seen.push('consequence')
        clock.setTimeout(() => seen.push('armed on the way'), 0)
      })()
    }, 5)
    clock.setTimeout(() => seen.push('other'), 5)
    await clock.advance(5)
    expect(seen).toEqual(['consequence', 'other', 'armed on the way'])
  })

  it('[TIME-3] tracked input and output is finished before time moves on', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.setTimeout(() => {
      void (async () => {
        await clock.track(new Promise<void>((resolve) => systemClock.setTimeout(resolve, 5)))
        await clock.track(crypto.subtle.digest('SHA-256', new Uint8Array(4)))
        seen.push(`io@${clock.now()}`)
      })()
    }, 10)
    clock.setTimeout(() => seen.push(`next@${clock.now()}`), 11)
    await clock.advance(20)
    expect(seen).toEqual(['io@10', 'next@11'])
  })

  it('[TIME-4] run advances as far as the promise needs, and no further', async () => {
    const clock = new VirtualClock()
    clock.setTimeout(() => {}, 10_000)
    const value = await clock.run(
      sleep(clock, 300)
        .then(() => sleep(clock, 400))
        .then(() => 'done'),
    )
    expect(value).toBe('done')
    expect(clock.now()).toBe(700)
    await expect(clock.run(sleep(clock, 1).then(() => Promise.reject(new TypeError('its own'))))).rejects.toThrow(
      'its own',
    )
  })

  it('[TIME-5] past its limit run rejects and says what still waits', async () => {
    const clock = new VirtualClock()
    const heartbeat = (): void => void clock.setTimeout(heartbeat, 100)
    heartbeat()
    await expect(clock.run(new Promise(() => {}), { limitMs: 1000 })).rejects.toThrow(
      /1000 virtual ms.*timers due at 1100 ms.*under way: 0/,
    )
    expect(clock.now()).toBe(1000)
  })

  it('[TIME-5] with nothing armed run rejects at once instead of hanging', async () => {
    const clock = new VirtualClock()
    await expect(clock.run(new Promise(() => {}), { graceMs: 20 })).rejects.toThrow('no timer is armed')
    const untracked = crypto.subtle.digest('SHA-256', new Uint8Array(4)).then(() => 'came anyway')
    expect(await clock.run(untracked)).toBe('came anyway')
  })

  it('[TIME-6] runs and advances may be nested', async () => {
    const clock = new VirtualClock()
    const inner = async (): Promise<number> => {
      await clock.advance(50)
      await clock.run(sleep(clock, 50))
      return clock.now()
    }
    expect(await clock.run(inner())).toBe(100)
  })

  it('[TIME-7] timers that re-arm themselves without time passing are called a loop', async () => {
    const clock = new VirtualClock()
    const again = (): void => void clock.setTimeout(again, 0)
    again()
    await expect(clock.advance(1)).rejects.toThrow('time stands still')
  })

  it('[TIME-1] the wall moves with the clock, from one epoch', async () => {
    const clock = new VirtualClock()
    const start = clock.wallNow()
    await clock.advance(1234)
    expect(clock.wallNow() - start).toBe(1234)
    expect(new VirtualClock().wallNow()).toBe(start)
    await expect(clock.advance(-1)).rejects.toBeInstanceOf(RangeError)
  })
})

describe('TimerHeap', () => {
  it('[TIME-1] keeps order through many cancellations', () => {
    const random = seededRandom('heap')
    const heap = new TimerHeap()
    const live = new Set<number>()
    const timers = Array.from({ length: 2000 }, (_, i) => {
      live.add(i)
      return heap.add(Math.floor(random() * 50), () => live.delete(i))
    })
    timers.forEach((timer, i) => {
      if (random() < 0.7) {
        heap.cancel(timer)
        heap.cancel(timer)
        live.delete(i)
      }
    })
    expect(heap.size).toBe(live.size)
    let last = { dueMs: -1, order: -1 }
    for (let timer = heap.peek(); timer !== undefined; timer = heap.peek()) {
      expect(timer.dueMs > last.dueMs || (timer.dueMs === last.dueMs && timer.order > last.order)).toBe(true)
      last = timer
      heap.pop()
      timer.run()
      heap.cancel(timer)
    }
    expect(live.size).toBe(0)
    expect(heap.size).toBe(0)
  })
})
