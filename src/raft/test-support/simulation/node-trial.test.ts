import { describe, expect, it } from 'vitest'
import { MIXES } from './mixes.ts'
import { runNodeTrial } from './node-trial.ts'

describe('whole nodes under simulation', () => {
  for (const [seed, mix] of MIXES.entries()) {
    it(`[RAFT-22] agree, answer as one machine would, and recover: ${mix.name}`, { timeout: 60_000 }, async () => {
      const { committed, answered } = await runNodeTrial({ seed, mix, troubleMs: 15_000 })
      expect(committed).toBeGreaterThan(2)
      expect(answered).toBeGreaterThan(0)
    })
  }

  // 400691: two starts of one machine at once; 403145: a timer that rang too early for ever.
  it.each([400_691, 403_145])(
    '[RAFT-22] recover with seed %i, which once did not',
    { timeout: 60_000 },
    async (seed) => {
      const { committed, answered } = await runNodeTrial({ seed, troubleMs: 60_000 })
      expect(committed).toBeGreaterThan(2)
      expect(answered).toBeGreaterThan(0)
    },
  )
})
