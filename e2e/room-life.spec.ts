import { expect, test } from '@playwright/test'
import { cutNetwork } from './cut-network.ts'
import { gather, Guest } from './guest.ts'

for (const who of ['a member', 'the host'] as const) {
  test(`reload: ${who} comes back as the same member, with what was said`, async ({ browser }) => {
    const ada = new Guest(await browser.newPage(), 'Ada')
    const bea = new Guest(await browser.newPage(), 'Bea')
    await gather([ada, bea])
    await ada.says('before')
    await bea.hears('Ada', 'before')
    const [gone, stays] = who === 'the host' ? [ada, bea] : [bea, ada]
    await gone.page.reload()
    if (who === 'the host') {
      await gone.isTold('Bea hosts the room now: you were away.')
      await stays.isTold('Ada was away. You host the room now.')
    } else {
      await gone.isTold('You are here with Ada.')
      await stays.isTold('You are here with Bea.')
    }
    for (const [guest, other] of [
      [ada, 'Bea'],
      [bea, 'Ada'],
    ] as const) {
      await guest.seesOnly(other)
      await guest.sees(other, 'here')
    }
    await bea.hears('Ada', 'before')
    await stays.says('after')
    await stays.seesAllHave('after')
    await gone.hears(stays.name, ...(who === 'the host' ? ['after'] : ['before', 'after']))
  })
}

test(
  'close and reopen: what was said meanwhile waits for who comes back',
  { tag: '@everywhere' },
  async ({ browser }) => {
    const [one, two] = [await browser.newContext(), await browser.newContext()]
    const ada = new Guest(await one.newPage(), 'Ada')
    const bea = new Guest(await two.newPage(), 'Bea')
    const link = await gather([ada, bea])
    await ada.says('before')
    await bea.hears('Ada', 'before')
    await bea.page.close({ runBeforeUnload: false })
    await ada.isTold('Bea is away. Their place is held for')
    await ada.sees('Bea', /^away, place held for \d+\ss$/)
    for (const text of ['while you were away', 'and this']) await ada.says(text)
    await ada.seesDelivery('and this', 'Kept for Bea.')

    const back = new Guest(await two.newPage(), 'Bea')
    await back.page.goto(link)
    await back.isTold('You are here with Ada.')
    await back.hears('Ada', 'before', 'while you were away', 'and this')
    await ada.isTold('You are here with Bea.')
    await ada.seesAllHave('and this')
    await ada.seesOnly('Bea')
  },
)

test('closed for longer than the place was held: back as a newcomer, and told so', async ({ browser }) => {
  const [one, two] = [await browser.newContext(), await browser.newContext()]
  const ada = new Guest(await one.newPage(), 'Ada')
  const bea = new Guest(await two.newPage(), 'Bea')
  const link = await gather([ada, bea], '&window=2')
  await bea.page.close()
  await ada.isTold('You are alone here. Send the link to whoever should come.')
  const back = new Guest(await two.newPage(), 'Bea')
  await back.page.goto(link)
  await back.isTold('You were away too long and came in anew. You are here with Ada.')
  await ada.isTold('You are here with Bea.')
})

test('the host’s tab is closed: the place is held, then another hosts, and lets people in', async ({ browser }) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  const cleo = new Guest(await browser.newPage(), 'Cleo')
  const link = await gather([ada, bea, cleo], '&window=4')
  await ada.page.close()
  for (const guest of [bea, cleo]) await guest.wasTold('Ada, who hosts, is away. Somebody else takes over in')
  await bea.isTold('Ada is gone. You host the room now.')
  await cleo.isTold('Ada is gone. Bea hosts the room now.')
  await cleo.seesHost('Bea')
  await bea.says('still here')
  await cleo.hears('Bea', 'still here')

  const dan = new Guest(await browser.newPage(), 'Dan')
  await dan.comesIn(link)
  await dan.isTold('You are here with Bea and Cleo.')
  await bea.page.getByRole('button', { name: 'Send Dan out' }).click()
  await dan.isStopped('You were sent out', /ended your stay/)
})

test('a host that says goodbye hands over at once', async ({ browser }) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  await gather([ada, bea])
  await ada.page.getByRole('button', { name: 'Leave the room' }).click()
  await ada.isStopped('You have left the room', /others know that you went/)
  await bea.isTold('Ada is gone. You host the room now.')
})

test('the host alone reloads, and its room is where it was', async ({ browser }) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const link = await ada.opens()
  await ada.page.reload()
  await ada.isTold('You are alone here. Send the link to whoever should come.')
  const bea = new Guest(await browser.newPage(), 'Bea')
  await bea.comesIn(link)
  await bea.isTold('You are here with Ada.')
})

test('aeroplane mode, as the browser tells it: the page says so, and that the others still hear', async ({
  browser,
}) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const context = await browser.newContext()
  const bea = new Guest(await context.newPage(), 'Bea')
  await gather([ada, bea])
  await context.setOffline(true)
  await bea.isTold('Your browser says it is offline, but Ada still hears you.')
  await bea.says('can you hear me?')
  await ada.hears('Bea', 'can you hear me?')
  await context.setOffline(false)
  await bea.isTold('You are here with Ada.')
})

test('aeroplane mode, really cut off: each side is told its own, and nothing said is lost', async ({ browser }) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const context = await browser.newContext()
  const bea = new Guest(await context.newPage(), 'Bea')
  const network = await cutNetwork(bea.page)
  await gather([ada, bea])
  await context.setOffline(true)
  await network.cut()
  await bea.isTold(
    'Your own connection seems to be gone. Your place is held, and what you say is kept, until it is back.',
  )
  await ada.isTold('Bea is away. Their place is held for')
  for (const text of ['from the plane', 'above the clouds']) await bea.says(text)
  await ada.says('safe flight')
  await bea.seesDelivery('above the clouds', 'Kept for Ada.')
  await ada.seesDelivery('safe flight', 'Kept for Bea.')

  await network.mend()
  await context.setOffline(false)
  await bea.isTold('You are here with Ada.')
  await ada.isTold('You are here with Bea.')
  await ada.hears('Bea', 'from the plane', 'above the clouds')
  await bea.hears('Ada', 'safe flight')
  await bea.seesAllHave('above the clouds')
  await ada.seesAllHave('safe flight')
})

test('the host is cut off for longer than its place is held: another hosts, and they agree when it is back', async ({
  browser,
}) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  const cleo = new Guest(await browser.newPage(), 'Cleo')
  const network = await cutNetwork(ada.page)
  await gather([ada, bea, cleo], '&window=4')
  await network.cut()
  await ada.isTold(/^Your own connection seems to be gone\. Your place is held/)
  for (const guest of [bea, cleo]) await guest.wasTold('Ada, who hosts, is away. Somebody else takes over in')
  await bea.isTold('Ada is gone. You host the room now.')
  await network.mend()
  for (const guest of [ada, bea, cleo]) {
    await guest.seesOnly(...['Ada', 'Bea', 'Cleo'].filter((name) => name !== guest.name))
  }
  for (const guest of [ada, cleo]) await guest.seesHost('Bea')
  await expect(bea.root).toHaveAttribute('data-role', 'host')
})
