import { expect, test } from '@playwright/test'
import { renderSVG } from 'uqr'
import { playOut, Player, sitDown } from './player.ts'

/** Moves of a round that X wins on the diagonal, and of one that nobody wins. */
const DIAGONAL = [4, 1, 0, 2, 8]
const DRAW = [0, 1, 2, 4, 3, 5, 7, 6, 8]

test('two tabs of one profile play to a win, then a round the other opens', async ({ context }) => {
  const { x, o } = await sitDown(await context.newPage(), await context.newPage())
  await playOut(x, o, DIAGONAL)
  await x.isTold('You win')
  await o.isTold('Your friend wins')
  await o.page.getByRole('button', { name: 'Play another round' }).click()
  for (const player of [x, o]) await player.shows('round', '1')
  await o.marks(4)
  await x.sees(4, 'O')
  await expect(x.page.getByText('Round 2 · you 1, your friend 0')).toBeVisible()
})

test('two contexts play to a draw', { tag: '@everywhere' }, async ({ browser }) => {
  const [one, two] = [await browser.newContext(), await browser.newContext()]
  const { x, o } = await sitDown(await one.newPage(), await two.newPage())
  await playOut(x, o, DRAW)
  for (const player of [x, o]) {
    await player.isTold('A draw')
    await player.seesBoard('XOX|XOO|OXX')
  }
})

test('two browser processes play to a win', async ({ browser, browserName, playwright, launchOptions }) => {
  const other = await playwright[browserName].launch(launchOptions)
  try {
    const { x, o } = await sitDown(await browser.newPage(), await other.newPage())
    await playOut(x, o, DIAGONAL)
    await x.isTold('You win')
    await o.isTold('Your friend wins')
  } finally {
    await other.close()
  }
})

test('both see whose turn it is, who is here, and what the other says', async ({ browser }) => {
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage())
  await x.isTold('Your turn')
  await o.isTold('Your friend’s turn')
  await x.marks(4)
  await x.isTold('Your friend’s turn')
  await o.isTold('Your turn')
  await expect(o.page.locator('#announcer')).toHaveText('Your friend marked row 2, column 2. Your turn.')
  await x.says('hello over there')
  await o.hears('hello over there')
  const hostile = '<img src=x onerror="document.title=1"> &amp; <b>'
  await o.says(hostile)
  await x.hears(hostile)
  await expect(x.page.locator('#messages img, #messages b')).toHaveCount(0)
  await x.says('שלום!')
  await expect(o.page.locator('.text').filter({ hasText: 'שלום!' })).toHaveCSS('direction', 'rtl')
})

test('who looks away is away, who closes the tab is gone, and the seat is kept', async ({ browser }) => {
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage())
  await lookAway(o, 'hidden')
  await x.shows('friend', 'away')
  await lookAway(o, 'visible')
  await x.shows('friend', 'here')
  await x.page.evaluate(watchFriend)
  await o.page.goto('about:blank')
  await x.shows('friend', 'gone')
  await x.shows('connection', 'gone')
  await x.shows('stage', 'seated')
  expect(await x.page.evaluate(() => document.body.dataset['seen'])).toBe(' away gone')
})

test('a third visitor is told that the table is full', async ({ browser }) => {
  const { x, o, link } = await sitDown(await browser.newPage(), await browser.newPage())
  await x.marks(4)
  const visitor = new Player(await browser.newPage())
  await visitor.open(link)
  await visitor.shows('failure', 'table-full')
  await visitor.isTold('The table is full')
  await o.marks(0)
  await x.sees(0, 'O')
  await expect(visitor.page.getByRole('button', { name: 'Create a new game' })).toBeVisible()
})

test('a duplicated tab is another visitor, and the one it was copied from plays on', async ({ context, browser }) => {
  const { x, o } = await sitDown(await context.newPage(), await browser.newPage())
  const [copy] = await Promise.all([
    context.waitForEvent('page'),
    x.page.evaluate(() => void window.open(location.href)),
  ])
  const duplicate = new Player(copy)
  await duplicate.shows('failure', 'table-full')
  expect(await copy.evaluate(() => sessionStorage.length)).toBeGreaterThan(0)
  await playOut(x, o, [4, 0])
})

test('a duplicate of the founder who still waits takes the other seat', async ({ context }) => {
  const x = new Player(await context.newPage())
  await x.create()
  const [copy] = await Promise.all([
    context.waitForEvent('page'),
    x.page.evaluate(() => void window.open(location.href)),
  ])
  await Promise.all([x.plays('X'), new Player(copy).plays('O')])
})

test('links that lead nowhere say why', async ({ page }) => {
  const visitor = new Player(page)
  await visitor.open('/?stun=off#room=tic-tac-toe')
  await visitor.shows('failure', 'invalid-link')
  await visitor.isTold('This link is not whole')
  await visitor.open('/?stun=off#room=tic-tac-toe&secret=AAAAAAAAAAAAAAAAAAAAAA')
  await visitor.shows('failure', 'room-not-found')
  await visitor.isTold('Nobody is at this table')
  await visitor.page.getByRole('button', { name: 'Create a new game' }).click()
  await visitor.shows('connection', 'waiting')
})

test('who is early comes in by itself as soon as the founder is back', async ({ browser }) => {
  const x = new Player(await browser.newPage())
  const link = await x.create()
  await x.page.goto('about:blank')
  const o = new Player(await browser.newPage())
  await o.open(link)
  await o.shows('failure', 'room-not-found')
  await o.shows('looking', 'soon')
  await expect(o.page.locator('#notice')).toBeFocused()
  await x.open(link)
  await Promise.all([x.plays('X'), o.plays('O')])
})

test('a browser without WebRTC is told so', async ({ page }) => {
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'RTCPeerConnection'))
  const x = new Player(page)
  await x.open('/')
  await x.shows('failure', 'no-webrtc')
  await x.isTold('This browser cannot connect')
})

test('a link that is too long for a QR code can still be copied, by hand where it has to be', async ({ page }) => {
  await page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException('refused by this test', 'NotAllowedError'))
  })
  const x = new Player(page)
  const link = await x.create(`&padding=${'x'.repeat(3000)}`)
  await expect(page.locator('#qr')).toBeHidden()
  await page.getByRole('button', { name: 'Copy' }).click()
  await expect(page.getByRole('button', { name: 'Copy by hand' })).toBeVisible()
  expect(await page.evaluate(() => getSelection()?.toString())).toBe(link)
})

test('the link is there to copy and to scan', async ({ context, page }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const x = new Player(page)
  const link = await x.create()
  await page.getByRole('button', { name: 'Copy' }).click()
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link)
  const drawn = await page.getByRole('img', { name: 'QR code of the link' }).locator('path').getAttribute('d')
  expect(renderSVG(link, { border: 1 })).toContain(`d="${drawn}"`)
})

/** Runs in the page: notes each state of the friend, however short. */
function watchFriend(): void {
  const root = document.documentElement
  document.body.dataset['seen'] = ''
  new MutationObserver(() => {
    const friend = root.dataset['friend'] ?? ''
    if (document.body.dataset['seen']?.endsWith(friend) !== true) document.body.dataset['seen'] += ` ${friend}`
  }).observe(root, { attributeFilter: ['data-friend'] })
}

async function lookAway(player: Player, state: 'hidden' | 'visible'): Promise<void> {
  await player.page.evaluate((visibility) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => visibility })
    document.dispatchEvent(new Event('visibilitychange'))
  }, state)
}
