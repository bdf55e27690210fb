import { AxeBuilder } from '@axe-core/playwright'
import { expect, type Page, test } from '@playwright/test'
import { playOut, Player, sitDown } from './player.ts'

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing on any page fails axe's rules: ${colorScheme}`, async ({ browser }) => {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' })
    const lobby = await context.newPage()
    await lobby.goto('/?stun=off')
    await passesAxe(lobby)
    const { x, o, link } = await sitDown(lobby, await context.newPage())
    await playOut(x, o, [4, 1, 0, 2])
    await x.says('well played')
    await o.hears('well played')
    await passesAxe(o.page)
    await x.marks(8)
    await o.isTold('Your friend wins')
    await passesAxe(o.page)
    const visitor = new Player(await context.newPage())
    await visitor.open(link)
    await visitor.shows('failure', 'table-full')
    await passesAxe(visitor.page)
    const founder = new Player(await context.newPage())
    await founder.create()
    await passesAxe(founder.page)
  })
}

test('a round is played by keyboard alone', async ({ browser }) => {
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage())
  await x.shows('turn', 'mine')
  await tabTo(x.page, '#board [data-cell="4"]')
  await x.page.keyboard.press('Enter')
  await o.sees(4, 'X')
  await tabTo(o.page, '#board [data-cell="4"]')
  await o.page.keyboard.press('ArrowUp')
  await o.page.keyboard.press('ArrowLeft')
  await expect(o.cell(0)).toBeFocused()
  await expect(o.cell(0)).toHaveAccessibleName('row 1, column 1: empty')
  await o.page.keyboard.press('Space')
  await x.sees(0, 'O')
  await expect(x.cell(0)).toHaveAccessibleName('row 1, column 1: O, your friend’s')
  await expect(o.page.locator('#board [tabindex="0"]')).toHaveCount(1)
})

test('the focus stays where something is to be done', async ({ browser }) => {
  const x = new Player(await browser.newPage())
  await x.page.goto('/?stun=off')
  await tabTo(x.page, '#create')
  await x.page.keyboard.press('Enter')
  await x.shows('connection', 'waiting')
  await expect(x.page.locator('#headline')).toBeFocused()
  await tabTo(x.page, '#copy')
  const o = new Player(await browser.newPage())
  await o.open(x.page.url())
  await Promise.all([x.plays('X'), o.plays('O')])
  await expect(x.cell(4)).toBeFocused()
  await playOut(x, o, [4, 1, 0, 2, 8])
  await o.page.locator('#next-round').focus()
  await o.page.keyboard.press('Enter')
  await o.shows('round', '1')
  await expect(o.cell(2)).toBeFocused()
})

test('a phone shows the whole board without scrolling sideways', async ({ browser }) => {
  const phone = await browser.newContext({ viewport: { width: 320, height: 640 }, hasTouch: true })
  const { x } = await sitDown(await phone.newPage(), await browser.newPage())
  const [content, window] = await x.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(content).toBeLessThanOrEqual(window as number)
  const cell = await x.cell(0).boundingBox()
  expect(Math.min(cell?.width ?? 0, cell?.height ?? 0)).toBeGreaterThanOrEqual(44)
})

async function tabTo(page: Page, selector: string): Promise<void> {
  const target = page.locator(selector)
  for (let stop = 0; stop < 12; stop++) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  await expect(target).toBeFocused()
}

async function passesAxe(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
}
