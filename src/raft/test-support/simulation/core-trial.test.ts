import { describe, expect, it } from 'vitest'
import { CALM_BOUND_MS, runCoreTrial } from './core-trial.ts'
import { MIXES } from './mixes.ts'

/** `npm run sim` runs as many as there is time for. */
const SEEDS = 3

describe('the core under simulation', () => {
  for (const mix of MIXES) {
    it(`[RAFT-22] keeps every rule, and calm brings progress: ${mix.name}`, { timeout: 60_000 }, () => {
      const sums = { committed: 0, answered: 0 }
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { committed, answered, calmMs } = runCoreTrial({ seed, mix, troubleMs: 30_000 })
        sums.committed += committed
        sums.answered += answered
        expect(calmMs).toBeLessThanOrEqual(CALM_BOUND_MS)
      }
      // A simulation in which nothing ever commits would prove nothing.
      expect(sums.committed).toBeGreaterThan(SEEDS * 3)
      expect(sums.answered).toBeGreaterThan(SEEDS * 3)
    })
  }

  it('[RAFT-22] asks no progress of a change that is in every log and whose majority lost its disks', () => {
    expect(() => runCoreTrial({ seed: 107_274, troubleMs: 60_000 })).not.toThrow()
  })

  it('[RAFT-22] promotes nobody who holds no entry, however little has committed', () => {
    // A voter that knew of no voter refused every candidate of the table it was needed by.
    expect(() => runCoreTrial({ seed: 326_111, troubleMs: 60_000 })).not.toThrow()
  })

  it('[RAFT-22] runs a seed the same way each time', () => {
    const traceOf = (seed: number): string => {
      const lines: string[] = []
      runCoreTrial({ seed, troubleMs: 10_000, trace: (line) => lines.push(line) })
      return lines.join('\n')
    }
    expect(traceOf(4)).toBe(traceOf(4))
    expect(traceOf(4)).not.toBe(traceOf(4 + MIXES.length))
  })
})
