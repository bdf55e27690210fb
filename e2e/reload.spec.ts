import { type BrowserContext, expect, test } from '@playwright/test'
import { playOut, Player, sitDown } from './player.ts'

/** After `playOut(x, o, [4, 0])`. */
const BEGUN = 'O..|.X.|...'

test('the founder reloads before the friend comes, and still hosts', async ({ browser }) => {
  const x = new Player(await browser.newPage())
  const link = await x.create()
  await x.page.reload()
  await x.shows('connection', 'waiting')
  const o = new Player(await browser.newPage())
  await o.open(link)
  await Promise.all([x.plays('X'), o.plays('O')])
  await playOut(x, o, [4, 0])
})

for (const who of ['founder', 'friend', 'both at once'] as const) {
  test(`reload in mid-game: ${who}`, who === 'both at once' ? { tag: '@everywhere' } : {}, async ({ browser }) => {
    const { x, o } = await sitDown(await browser.newPage(), await browser.newPage())
    await playOut(x, o, [4, 0])
    const reloading = who === 'founder' ? [x] : who === 'friend' ? [o] : [x, o]
    await Promise.all(reloading.map((player) => player.page.reload()))
    await Promise.all([x.plays('X'), o.plays('O')])
    await Promise.all([x.seesBoard(BEGUN), o.seesBoard(BEGUN)])
    await playOut(x, o, [8, 1])
  })
}

test('reload in mid-game: two tabs of one profile, both at once, keep their seats', async ({ context }) => {
  const { x, o } = await sitDown(await context.newPage(), await context.newPage())
  await playOut(x, o, [4, 0])
  await Promise.all([x.page.reload(), o.page.reload()])
  await Promise.all([x.plays('X'), o.plays('O')])
  await playOut(x, o, [8, 1])
})

test('both leave, and the friend is back first: the board is there, and waits for the founder', async ({ browser }) => {
  const [one, two] = [await browser.newContext(), await browser.newContext()]
  const { x, o, link } = await sitDown(await one.newPage(), await two.newPage())
  await playOut(x, o, [4, 0])
  await o.keepsAll()
  await Promise.all([x.page.close(), o.page.close()])

  const friend = await comesBack(two, link)
  await friend.shows('seat', 'O')
  await friend.seesBoard(BEGUN)
  await friend.shows('connection', 'gone')

  const founder = await comesBack(one, link)
  await Promise.all([founder.plays('X'), friend.plays('O')])
  await founder.seesBoard(BEGUN)
  await playOut(founder, friend, [8, 1])
})

test('a mark made while the other is gone is agreed when they return', async ({ browser }) => {
  const { x, o, link } = await sitDown(await browser.newPage(), await browser.newPage())
  await playOut(x, o, [4, 0])
  await o.page.goto('about:blank')
  await x.shows('friend', 'gone')
  await x.cell(8).click()
  await o.open(link)
  await o.plays('O')
  await Promise.all([x.sees(8, 'X'), o.sees(8, 'X')])
  await playOut(o, x, [1, 2])
})

test('a browser that clears what it stored in mid-game: the page stops, and says why', async ({ browser }) => {
  const { x, o } = await sitDown(await browser.newPage(), await browser.newPage())
  await playOut(x, o, [4, 0])
  await o.page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name ?? '')
  })
  await x.shows('turn', 'mine')
  await x.cell(8).click()
  await o.shows('failure', 'storage-failed')
})

test(
  'where the browser refuses storage the page plays on, and says that a reload forgets',
  { tag: '@everywhere' },
  async ({ browser }) => {
    const refusing = await browser.newContext()
    await refusing.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('refused by this test', 'SecurityError')
      }
    })
    const { x, o } = await sitDown(await browser.newPage(), await refusing.newPage())
    await o.shows('storage', 'page')
    await expect(o.page.getByText('a reload forgets your seat')).toBeVisible()
    await playOut(x, o, [4, 0])
    await o.page.reload()
    await o.shows('failure', 'table-full')
    await x.shows('friend', 'gone')
  },
)

async function comesBack(context: BrowserContext, link: string): Promise<Player> {
  const player = new Player(await context.newPage())
  await player.open(link)
  return player
}
