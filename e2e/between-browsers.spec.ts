import { expect, test as base } from '@playwright/test'
import type { Browser } from '@playwright/test'
import { findFirefox, firefoxLaunchOptions } from '../test/browser/find-browser.ts'
import { leaveOut } from '../test/browser/leave-out.ts'
import { playOut, sitDown } from './player.ts'

const firefox = findFirefox()

/** A Firefox beside the Chromium of the project. */
const test = base.extend<{ other: Browser }>({
  other: async ({ playwright }, use) => {
    const browser = await playwright.firefox.launch(firefoxLaunchOptions(firefox ?? ''))
    await use(browser)
    await browser.close()
  },
})

const GAME = 'Chromium and Firefox play each other'

if (firefox === null) test(GAME, () => leaveOut('no Firefox was found: Chromium and Firefox do not play each other'))
else {
  for (const founder of ['Chromium', 'Firefox'] as const) {
    test(`${GAME}: ${founder} founds, both reload in mid-game`, async ({ browser, other, baseURL }) => {
      const [first, second] = founder === 'Chromium' ? [browser, other] : [other, browser]
      const pages = [await first.newPage({ baseURL: baseURL ?? '' }), await second.newPage({ baseURL: baseURL ?? '' })]
      const { x, o } = await sitDown(pages[0]!, pages[1]!)
      await playOut(x, o, [4, 0])
      for (const player of [x, o]) {
        await player.page.reload()
        await Promise.all([x.plays('X'), o.plays('O')])
      }
      await playOut(x, o, [8, 1])
      await x.says('which browser is yours?')
      await o.hears('which browser is yours?')
      const names = await Promise.all([x, o].map(({ page }) => page.evaluate(() => navigator.userAgent)))
      expect(names.map((name) => name.includes('Firefox'))).toEqual([founder === 'Firefox', founder !== 'Firefox'])
    })
  }
}
