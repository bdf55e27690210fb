import { expect, test } from '@playwright/test'
import { gather, Guest } from './guest.ts'
import { hasFocus, passesAxe, tabTo } from './access.ts'

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing in the lobby fails axe's rules: ${colorScheme}`, async ({ browser }) => {
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' })
    const ada = new Guest(await context.newPage(), 'Ada')
    await ada.page.goto('/lobby.html?stun=off')
    await passesAxe(ada.page)
    const [bea, cleo] = [new Guest(await context.newPage(), 'Bea'), new Guest(await context.newPage(), 'Cleo')]
    const link = await gather([ada, bea, cleo])
    await bea.page.close()
    await ada.isTold('Bea is away. Their place is held for')
    await ada.says('until later, Bea')
    await passesAxe(ada.page)
    await ada.page.getByRole('button', { name: 'Lock the room' }).click()
    await expect(cleo.page.getByText('Locked by the host')).toBeVisible()
    await passesAxe(cleo.page)
    const dan = new Guest(await (await browser.newContext({ colorScheme })).newPage(), 'Dan')
    await dan.asks(link)
    await dan.isStopped('The room is locked', /as soon as it is unlocked/)
    await passesAxe(dan.page)
  })
}

test('a room is opened, talked in and kept in order by keyboard alone, and the focus stays where something is to be done', async ({
  browser,
}) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  await ada.page.goto('/lobby.html?stun=off')
  await tabTo(ada.page, '#name')
  await ada.page.keyboard.type('Ada')
  await ada.page.keyboard.press('Enter')
  await ada.isTold('You are alone here. Send the link to whoever should come.')
  await hasFocus(ada.page.locator('#state'))

  const bea = new Guest(await browser.newPage(), 'Bea')
  await bea.comesIn(ada.page.url())
  await tabTo(ada.page, '#words')
  await ada.page.keyboard.type('hello')
  await ada.page.keyboard.press('Enter')
  await bea.hears('Ada', 'hello')
  await hasFocus(ada.page.locator('#words'))

  await ada.page.locator('#state').focus()
  await tabTo(ada.page, '.label[data-name="Bea"] .out')
  await ada.page.keyboard.press('Enter')
  await bea.isStopped('You were sent out', /ended your stay/)
  await hasFocus(bea.page.locator('#notice'))
  await ada.seesOnly()
  await hasFocus(ada.page.locator('#state'))
})

test('a phone shows the whole lobby without scrolling sideways, whatever the names', async ({ browser }) => {
  const phone = await browser.newContext({ viewport: { width: 320, height: 640 }, hasTouch: true })
  const ada = new Guest(await phone.newPage(), 'A'.repeat(40))
  const bea = new Guest(await browser.newPage(), 'B'.repeat(40))
  await gather([ada, bea])
  await bea.says('x'.repeat(300))
  await ada.hears(bea.name, 'x'.repeat(300))
  const [content, window] = await ada.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(content).toBeLessThanOrEqual(window as number)
  for (const button of await ada.page.getByRole('button').all()) {
    const box = await button.boundingBox()
    expect(box?.height ?? 0).toBeGreaterThanOrEqual(32)
  }
})
