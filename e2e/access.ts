import { AxeBuilder } from '@axe-core/playwright'
import { expect, type Locator, type Page } from '@playwright/test'

/** Firefox gives the focus to the page in front alone. */
export async function hasFocus(element: Locator): Promise<void> {
  await element.page().bringToFront()
  await expect(element).toBeFocused()
}

export async function tabTo(page: Page, selector: string): Promise<void> {
  await page.bringToFront()
  const target = page.locator(selector)
  for (let stop = 0; stop < 12; stop++) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  await expect(target).toBeFocused()
}

export async function passesAxe(page: Page): Promise<void> {
  await page.bringToFront()
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
}
