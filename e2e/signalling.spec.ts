import { expect, test as base } from '@playwright/test'
import { type SignalServer, startSignalServer } from '../src/server/index.ts'
import { playOut, Player, sitDown } from './player.ts'

/** Two signalling servers of the test's own; both are gone when it ends. */
const test = base.extend<{ servers: readonly [SignalServer, SignalServer] }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  servers: async ({}, use) => {
    const servers = [await startSignalServer(), await startSignalServer()] as const
    await use(servers)
    await Promise.all(servers.map((server) => server.close()))
  },
})

const listing = (servers: readonly SignalServer[]): string => `&servers=${servers.map(({ url }) => url).join(',')}`
const isAt = (server: SignalServer): RegExp => new RegExp(`:${server.port}/?$`)

test('the first server dies in mid-game: play and chat go on, and a newcomer reaches the room', async ({
  browser,
  servers,
}) => {
  const [first, second] = servers
  const { x, o, link } = await sitDown(await browser.newPage(), await browser.newPage(), listing(servers))
  await playOut(x, o, [4, 0])
  for (const player of [x, o]) await player.shows('server', isAt(first))

  await first.close()
  await playOut(x, o, [8, 1])
  await x.says('did you notice?')
  await o.hears('did you notice?')
  for (const player of [x, o]) await player.shows('server', isAt(second))
  await x.seesServers('failing', 'in-use')
  for (const player of [x, o]) await player.plays(player === x ? 'X' : 'O')

  const newcomer = new Player(await browser.newPage())
  await newcomer.open(link)
  await newcomer.shows('failure', 'table-full')
  await playOut(x, o, [2, 6])
})

test('the first server dies while the founder waits: the friend comes in through the next', async ({
  browser,
  servers,
}) => {
  const [first, second] = servers
  const x = new Player(await browser.newPage())
  const link = await x.create(listing(servers))
  await first.close()
  await x.shows('server', isAt(second))
  const o = new Player(await browser.newPage())
  await o.open(link)
  await Promise.all([x.plays('X'), o.plays('O')])
  await playOut(x, o, [4, 0])
})

test('the only server is killed and started again in mid-game: the same room is there, and newcomers reach it', async ({
  browser,
  servers,
}) => {
  const [only] = servers
  const { x, o, link } = await sitDown(await browser.newPage(), await browser.newPage(), listing([only]))
  await playOut(x, o, [4, 0])
  await only.close({ abrupt: true })
  await Promise.all([x.shows('signalling', 'searching'), o.shows('signalling', 'searching')])
  await playOut(x, o, [8, 1])
  const again = await startSignalServer({ port: only.port })
  try {
    for (const player of [x, o]) await player.shows('server', isAt(again))
    const newcomer = new Player(await browser.newPage())
    await newcomer.open(link)
    await newcomer.shows('failure', 'table-full')
    await playOut(x, o, [2, 6])
  } finally {
    await again.close()
  }
})

test('every server dies: the game goes on, and says so', async ({ browser, servers }) => {
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage(), listing(servers))
  await Promise.all(servers.map((server) => server.close()))
  await Promise.all([x.shows('signalling', 'searching'), o.shows('signalling', 'searching')])
  await expect(x.page.getByRole('status').filter({ hasText: 'the game goes on without it' })).toBeVisible()
  await playOut(x, o, [4, 0])
})

test('no server answers: the page says so, and tries again when asked', async ({ page, servers }) => {
  await Promise.all(servers.map((server) => server.close()))
  const x = new Player(page)
  await page.goto(`/?stun=off${listing(servers)}`)
  await page.getByRole('button', { name: 'Create a game' }).click()
  await x.shows('failure', 'no-server')
  await x.isTold('No signalling server answers')
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible()
})
