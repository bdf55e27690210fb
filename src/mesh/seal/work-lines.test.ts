import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { WorkLines } from './work-lines.ts'

const clock = new VirtualClock()

afterEach(() => vi.unstubAllGlobals())

describe('WorkLines', () => {
  it('[SEAL-1] a line keeps its order, and the lines go on beside each other', async () => {
    const done: string[] = []
    const lines = new WorkLines<string>({
      ...{ clock, costOf: () => 1, maxLineCost: 10, maxCost: 20, share: () => 1 },
      work: async ([item = '']) => {
        for (let i = 0; i < (item.startsWith('slow') ? 5 : 1); i++) await undefined
        done.push(item)
      },
    })
    for (const item of ['slow 1', 'slow 2']) lines.add('a', item)
    lines.add('b', 'fast')
    await clock.advance(0)
    expect(done).toEqual(['fast', 'slow 1', 'slow 2'])
  })

  it('[SEAL-8] a line and all lines have a bound, which work that is done frees', async () => {
    const lines = new WorkLines<number>({
      ...{
        clock,
        costOf: (cost: number) => cost,
        maxLineCost: 3,
        maxCost: 4,
        share: (items: readonly number[]) => items.length,
      },
      work: async () => {},
    })
    expect([lines.add('a', 2), lines.add('a', 2), lines.add('b', 2), lines.add('c', 1)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    await clock.advance(0)
    expect([lines.add('a', 3), lines.add('b', 1), lines.add('b', 1)]).toEqual([true, true, false])
    await clock.advance(0)
    lines.close()
    expect(lines.add('a', 1)).toBe(false)
  })

  it('[SEAL-8] work that fails is reported, and the line goes on', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const done: number[] = []
    const lines = new WorkLines<number>({
      ...{ clock, costOf: () => 1, maxLineCost: 10, maxCost: 10, share: () => 1 },
      work: async ([item = 0]) => {
        if (item === 1) throw new Error('a bug')
        done.push(item)
      },
    })
    for (const item of [1, 2, 3]) lines.add('a', item)
    await clock.advance(0)
    expect([done, reported]).toEqual([[2, 3], [new Error('a bug')]])
  })
})
