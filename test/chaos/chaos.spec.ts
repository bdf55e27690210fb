import { expect, test } from '@playwright/test'
import { MEMBERS, playSession, RECOVERY_BOUND_MS } from './session.ts'

/** `npm run chaos` says how many and which; a plain run plays the first three. */
const sessions = Number(process.env['SELVAGE_CHAOS_SESSIONS'] ?? 3)
const seed = process.env['SELVAGE_CHAOS_SEED'] ?? 'selvage'

test.use({ trace: 'off' })
test.describe.configure({ timeout: 240_000 })

for (let index = 0; index < sessions; index++) {
  const own = `${seed}/${index}`
  test(`chaos ${own}: ${MEMBERS} peers lose and double nothing, and are a mesh again within ${RECOVERY_BOUND_MS / 1000} s`, async ({
    browser,
  }) => {
    const report = await playSession(browser, own)
    await test.info().attach('chaos', { body: JSON.stringify(report), contentType: 'application/json' })
    expect(report.violations).toEqual([])
    // Of the last life of each page: few where reloads come late and all is soon whole again.
    expect(report.frames).toBeGreaterThan(100)
  })
}
