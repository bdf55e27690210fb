import { expect, test } from '@playwright/test'

test('the shortest program: two tabs agree on a sum, and a reloaded one comes back to it', async ({ context }) => {
  const founder = await context.newPage()
  await founder.goto('/examples/counting.html')
  await expect(founder).toHaveURL(/#./)
  const friend = await context.newPage()
  await friend.goto(founder.url())

  // A click before the page has its seat does nothing, so the friend clicks until one counts.
  await expect(async () => {
    await friend.locator('body').click()
    await expect(founder.locator('body')).toHaveText(/^\d+ clicks, agreed by both$/, { timeout: 1000 })
  }).toPass()
  const agreed = /^[1-9]\d* clicks, agreed by both$/
  await expect(friend.locator('body')).toHaveText(agreed)

  await founder.reload()
  await expect(founder.locator('body')).toHaveText(agreed)
  await expect(async () => {
    expect(await founder.locator('body').textContent()).toBe(await friend.locator('body').textContent())
  }).toPass()
})

test('the smallest room: two tabs count each other, and a host that reloads hosts no longer', async ({ context }) => {
  const founder = await context.newPage()
  await founder.goto('/examples/room.html')
  await expect(founder.locator('body')).toHaveText('1 of 1 are here. You host.')
  const guest = await context.newPage()
  await guest.goto(founder.url())
  await expect(guest.locator('body')).toHaveText('2 of 2 are here.')
  await founder.reload()
  await expect(founder.locator('body')).toHaveText('2 of 2 are here.')
  await expect(guest.locator('body')).toHaveText('2 of 2 are here. You host.')
})
