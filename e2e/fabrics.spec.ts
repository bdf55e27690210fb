import { expect, test as base } from '@playwright/test'
import { type RunningPeerServer, startPeerServer } from '../test/browser/peer-servers.ts'
import { gather, Guest } from './guest.ts'
import { playOut, Player, sitDown } from './player.ts'

/** A PeerServer of the test's own. */
const test = base.extend<{ peerServer: RunningPeerServer }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  peerServer: async ({}, use) => {
    const server = await startPeerServer()
    await use(server)
    await server.close()
  },
})

const X_WINS = [4, 1, 0, 2, 8]

async function playToAWin(x: Player, o: Player): Promise<void> {
  await playOut(x, o, X_WINS)
  await x.isTold('You win')
  await o.isTold('Your friend wins')
}

test('a game over simple-peer', async ({ browser }) => {
  const { x, o, link } = await sitDown(await browser.newPage(), await browser.newPage(), '&fabric=simple-peer')
  expect(link).toContain('fabric=simple-peer')
  await expect(o.page.getByText('Connected, browser to browser over simple-peer.')).toBeVisible()
  await playToAWin(x, o)
})

test('a game over peerjs, by way of a real PeerServer', async ({ browser, peerServer }) => {
  const query = `&fabric=peerjs&servers=${encodeURIComponent(peerServer.url)}`
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage(), query)
  await expect(o.page.getByText('Connected, browser to browser over peerjs.')).toBeVisible()
  await playToAWin(x, o)
})

test('a game through the signalling server, in browsers without WebRTC', async ({ browser }) => {
  const [one, two] = [await browser.newPage(), await browser.newPage()]
  for (const page of [one, two]) await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'RTCPeerConnection'))
  const { x, o } = await sitDown(one, two, '&fabric=websocket')
  await expect(o.page.getByText('Connected, through the signalling server, sealed from end to end.')).toBeVisible()
  await playToAWin(x, o)
})

test('[RELAY-20] a game between browsers that no direct way leads between, relayed by the signalling server', async ({
  browser,
}) => {
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage(), '&path=turn')
  for (const { page } of [x, o])
    await expect(page.getByText('Connected, relayed by a server, sealed from end to end')).toBeVisible()
  await playToAWin(x, o)
})

test('a lobby through the signalling server, in browsers without WebRTC: the address keeps it', async ({ browser }) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  for (const { page } of [ada, bea])
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'RTCPeerConnection'))
  await gather([ada, bea], '&fabric=websocket')
  await bea.page.reload()
  await bea.isTold('You are here with Ada.')
  for (const [guest, other] of [
    [ada, 'Bea'],
    [bea, 'Ada'],
  ] as const) {
    await expect(guest.label(other).locator('.path')).toHaveText(/^through the signalling server/)
    await expect(guest.page.getByRole('link', { name: 'play tic-tac-toe' })).toHaveAttribute('href', /fabric=websocket/)
  }
})

test('an address that asks for a fabric that there is not is refused in words, on both pages', async ({ page }) => {
  for (const [demo, action] of [
    ['/', 'Create a game'],
    ['/lobby.html', 'Open a room'],
  ] as const) {
    await page.goto(`${demo}?stun=off&fabric=pigeon`)
    await expect(page.getByRole('heading', { name: 'No such way to connect' })).toBeVisible()
    await expect(page.getByText('It has webrtc, simple-peer, peerjs, websocket, broadcast-channel.')).toBeVisible()
    await page.getByRole('button', { name: 'Connect by WebRTC' }).click()
    await expect(page.getByRole('button', { name: action })).toBeVisible()
    await expect(page).toHaveURL(/\?stun=off$/)
  }
})

test('a game between tabs, and a tab that is closed is gone at once', async ({ context }) => {
  const { x, o } = await sitDown(await context.newPage(), await context.newPage(), '&fabric=broadcast-channel')
  await expect(o.page.getByText('Connected, tab to tab of this browser.')).toBeVisible()
  await x.says('over here')
  await o.hears('over here')
  await playToAWin(x, o)
  const link = o.page.url()
  await o.page.close()
  await x.shows('friend', 'gone')
  const back = new Player(await context.newPage())
  await back.open(link)
  await Promise.all([x.plays('X'), back.plays('O')])
})
