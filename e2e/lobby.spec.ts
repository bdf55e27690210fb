import { expect, test } from '@playwright/test'
import { gather, Guest } from './guest.ts'

test('a room is opened, others come in by its link, and everybody sees who is there and who hosts', async ({
  browser,
}) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  const link = await gather([ada, bea])
  await ada.isTold('You are here with Bea.')
  await bea.isTold('You are here with Ada.')
  await bea.seesHost('Ada')

  const cleo = new Guest(await browser.newPage(), 'Cleo')
  await cleo.comesIn(link)
  await ada.isTold('You are here with Bea and Cleo.')
  await cleo.isTold('You are here with Ada and Bea.')
  for (const text of ['hello', 'hello again']) await ada.says(text)
  for (const guest of [bea, cleo]) await guest.hears('Ada', 'hello', 'hello again')
  await ada.seesAllHave('hello again')

  await bea.page.getByRole('button', { name: 'Leave the room' }).click()
  await bea.isStopped(
    'You have left the room',
    'Your place is free for somebody else, and the others know that you went.',
  )
  await ada.isTold('You are here with Cleo.')
  await bea.page.getByRole('button', { name: 'Come in again' }).click()
  await bea.isTold(/^You are here with (Ada and Cleo|Cleo and Ada)\.$/)
  await bea.hears('Ada')
})

test('the host locks the room and sends somebody out', async ({ browser }) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  const link = await gather([ada, bea])
  await expect(bea.page.getByRole('button', { name: 'Lock the room' })).toBeHidden()
  await ada.page.getByRole('button', { name: 'Lock the room' }).click()
  await expect(bea.page.getByText('Locked by the host: nobody new comes in.')).toBeVisible()

  const cleo = new Guest(await browser.newPage(), 'Cleo')
  await cleo.asks(link)
  await cleo.isStopped('The room is locked', 'The host lets nobody new in: you come in as soon as it is unlocked.')
  await ada.page.getByRole('button', { name: 'Unlock the room' }).click()
  await cleo.isTold(/^You are here with/)
  await ada.seesOnly('Bea', 'Cleo')

  await ada.page.getByRole('button', { name: 'Send Bea out' }).click()
  await bea.isStopped('You were sent out', 'The host has ended your stay in this room; you may ask to come in again.')
  await ada.seesOnly('Cleo')
  await cleo.seesOnly('Ada')
  await bea.page.getByRole('button', { name: 'Come in again' }).click()
  await ada.seesOnly('Cleo', 'Bea')
})

test('a link that is not whole, a room without anybody, no server: the page says which', async ({ page }) => {
  const guest = new Guest(page, 'Ada')
  await page.goto('/lobby.html?stun=off#nonsense')
  await guest.isStopped('This link is not whole', /^Part of the invitation is missing/)
  const link = await guest.opens()
  await page.getByRole('button', { name: 'Leave the room' }).click()
  await page.goto('about:blank')
  await guest.asks(link)
  await guest.isStopped('Nobody is in this room', /as soon as somebody is there/)
  const nowhere = new URL(link)
  nowhere.searchParams.set('servers', 'ws://127.0.0.1:9')
  await page.goto('about:blank')
  await guest.asks(nowhere.href)
  await guest.isStopped('No signalling server answers', /as soon as one answers/)
})
