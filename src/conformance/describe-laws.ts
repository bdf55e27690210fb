import { describe, expect, it } from 'vitest'
import type { Law } from './law.ts'

export interface DescribeLawsOptions {
  /** Laws that this implementation is known not to pass, by id, each with the reason in words. */
  readonly gaps?: Readonly<Record<string, string>>
  /** Real milliseconds a law may take. Default 15000. */
  readonly timeoutMs?: number
}

/**
 * Registers one vitest test per law, each on a harness of its own, which it closes. Nothing is skipped: a
 * law whose hooks the harness lacks fails unless a gap is declared, and so does a gap that the
 * implementation has outgrown, one without a reason, and one of a law that does not exist.
 */
export function describeLaws<H extends { close(): Promise<void> }>(
  name: string,
  laws: readonly Law<H>[],
  makeHarness: () => H | Promise<H>,
  options: DescribeLawsOptions = {},
): void {
  const { gaps = {}, timeoutMs = 15_000 } = options
  describe(name, () => {
    for (const law of laws) {
      const gap = gaps[law.id]
      const title = `[${law.id}] ${law.title}${gap === undefined ? '' : ` (declared gap: ${gap})`}`
      it(title, { timeout: timeoutMs }, async () => {
        const harness = await makeHarness()
        try {
          if (gap === undefined) await runLaw(law, harness)
          else await expect(runLaw(law, harness), 'the gap is closed: take its declaration away').rejects.toThrow()
        } finally {
          await harness.close()
        }
      })
    }
    it('declares gaps of laws that exist, each with its reason', () => {
      const ids = new Set(laws.map((law) => law.id))
      for (const [id, reason] of Object.entries(gaps)) {
        expect(ids, `gap ${id}`).toContain(id)
        expect(reason.trim().split(/\s+/).length, `the reason of gap ${id}, in words`).toBeGreaterThan(3)
      }
    })
  })
}

/** Runs a law where its hooks are there, and rejects where they are not. */
export async function runLaw<H>(law: Law<H>, harness: H): Promise<void> {
  const missing = (law.needs ?? []).filter((hook) => harness[hook] === undefined)
  if (missing.length > 0)
    throw new Error(`[${law.id}] needs ${missing.join(', ')} of the harness: provide it, or declare a gap`)
  await law.run(harness)
}
