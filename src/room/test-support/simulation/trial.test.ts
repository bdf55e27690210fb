import { describe, expect, it } from 'vitest'
import { CALM_BOUND_MS, MIXES, runRoomTrial } from './index.ts'

/** `npm run sim:room` runs as many as there is time for. */
const SEEDS = 1

/** Seeds that broke a rule once, with the mix that they ran under. */
const FOUND: readonly (readonly [number, string])[] = [
  [15, 'a bad network'],
  [6, 'ids are drawn anew'],
  [14, 'hosts do not last'],
  [49, 'everything'],
  [79, 'everything'],
  [89, 'everything'],
]

describe('rooms under simulation', () => {
  for (const mix of MIXES) {
    it(`[PART-8] keep every rule, and calm brings agreement: ${mix.name}`, { timeout: 60_000 }, async () => {
      let admitted = 0
      for (let seed = 1; seed <= SEEDS; seed++) {
        const report = await runRoomTrial({ seed, mix, troubleMs: 20_000 })
        admitted += report.admitted
        expect(report.calmMs).toBeLessThanOrEqual(CALM_BOUND_MS)
      }
      // A simulation in which nobody is let in would prove nothing.
      expect(admitted).toBeGreaterThan(0)
    })
  }

  it.each(FOUND)(
    '[PART-8] keep every rule under seed %i, which once broke one: %s',
    { timeout: 60_000 },
    async (seed, name) => {
      await runRoomTrial({ seed, mix: MIXES.find((mix) => mix.name === name), troubleMs: 60_000 })
    },
  )

  it('[PART-8] run a seed the same way each time', async () => {
    const traceOf = async (seed: number): Promise<string> => {
      const lines: string[] = []
      await runRoomTrial({ seed, troubleMs: 8_000, trace: (line) => lines.push(line) })
      return lines.join('\n')
    }
    expect(await traceOf(4)).toBe(await traceOf(4))
    expect(await traceOf(4)).not.toBe(await traceOf(4 + MIXES.length))
  })
})
