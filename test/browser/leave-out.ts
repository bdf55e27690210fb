import { test } from '@playwright/test'

/**
 * Says that this machine lacks what a test needs. The test passes; `npm test` prints the words with its totals, so
 * that nothing is left out in silence.
 */
export function leaveOut(why: string): void {
  test.info().annotations.push({ type: LEFT_OUT, description: why })
}

/** The type of the annotation, as `scripts/test.mjs` looks for it. */
const LEFT_OUT = 'left out'
