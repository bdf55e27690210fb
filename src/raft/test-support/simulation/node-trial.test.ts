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
})
