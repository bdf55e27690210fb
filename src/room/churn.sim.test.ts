import { describe, expect, it } from 'vitest'
import { Churn } from './test-support/churn.ts'

describe('rooms under churn', { timeout: 60_000 }, () => {
  it.each([2, 3, 5, 8])(
    '[PART-8] of %i: once everything is healed, every roster shows everybody who is there',
    async (size) => {
      for (let seed = 1; seed <= 6; seed++) {
        const churn = new Churn(seed, size)
        await churn.run(25)
        expect(churn.violations(), `seed ${seed}, size ${size}\n${churn.log.join('\n')}`).toEqual([])
      }
    },
  )
})
