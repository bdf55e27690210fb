import { expect, test as base } from '@playwright/test'
import { QUIET } from './player.ts'
import { type Tab, Tabs } from './tabs.ts'

const test = base.extend<{ tabs: Tabs; address: string }>({
  tabs: async ({ playwright, launchOptions }, use) => {
    const tabs = await Tabs.launch({ playwright, launchOptions })
    await use(tabs)
    await tabs.close()
  },
  address: async ({ baseURL }, use) => use(`${baseURL}/${QUIET}`),
})

test('[GAME-30] two tabs of one window play, though one of them is always hidden', async ({ tabs, address }) => {
  const { x, o } = await sitDown(tabs, address)
  for (const [turn, cell] of [4, 0, 8, 1].entries()) {
    const [seen, hidden] = turn % 2 === 0 ? ([x, o] as const) : ([o, x] as const)
    await seen.show()
    await hidden.looks('hidden')
    await seen.marks(cell)
    await hidden.sees(cell, seen === x ? 'X' : 'O')
    // Stored by both, so agreed by both. Which of them leads is left open: one tab is hidden in the moment the other
    // is shown, and may find that its only heir still takes itself for hidden.
    await expect.poll(() => seen.evaluate(leadersInStorage)).toEqual([expect.any(String)])
  }
})

test('[CLOCK-11] where both tabs are hidden, heartbeats go on in time', async ({ tabs, address }) => {
  const { x, o } = await sitDown(tabs, address)
  await tabs.open('about:blank')
  for (const tab of [x, o]) await tab.looks('hidden')
  for (const tab of [x, o]) await tab.evaluate(noteBursts)
  // One of them leads, four times a second. The page's own timers would ring once, and so every pause be of a second.
  for (const tab of [x, o]) await expect.poll(() => tab.evaluate(pauses)).toHaveLength(16)
  const shortest = await Promise.all([x, o].map(async (tab) => median(await tab.evaluate(pauses))))
  expect(Math.min(...shortest)).toBeLessThan(700)
})

for (const who of ['founder', 'friend'] as const) {
  test(`[GAME-30] a page is frozen in mid-game: the other waits, and once thawed the game goes on: ${who}`, async ({
    tabs,
    address,
  }) => {
    const { x, o } = await sitDown(tabs, address, { newWindow: true })
    await x.marks(4)
    await o.sees(4, 'X')
    if (who === 'friend') {
      await o.marks(0)
      await x.sees(0, 'O')
    }
    const [frozen, other, cell] = who === 'founder' ? ([x, o, 0] as const) : ([o, x, 8] as const)
    await frozen.freeze()
    await other.marks(cell)
    // No leader has a majority any more.
    await other.shows('connection', 'settling')
    await other.sees(cell, '')
    await frozen.thaw()
    for (const tab of [frozen, other]) {
      await tab.sees(cell, other === x ? 'X' : 'O')
      await tab.shows('connection', 'connected')
    }
    await frozen.marks(1)
    await other.sees(1, frozen === x ? 'X' : 'O')
  })
}

/** In one window, the friend's tab in front of the founder's, or each in its own. */
async function sitDown(tabs: Tabs, address: string, where: { newWindow?: true } = {}): Promise<{ x: Tab; o: Tab }> {
  const x = await tabs.open(address)
  // Its script has run.
  await x.shows('turn', 'theirs')
  await x.clicks('#create')
  await x.shows('connection', 'waiting')
  const o = await tabs.open(await x.evaluate(() => location.href), where)
  for (const tab of [x, o]) await tab.shows('connection', 'connected')
  return { x, o }
}

/** Runs in the page: whom the places of this browser hold for the leader, each once. */
async function leadersInStorage(): Promise<string[]> {
  const answer = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve) => request.addEventListener('success', () => resolve(request.result)))
  const leaders = new Set<string>()
  for (const { name } of await indexedDB.databases()) {
    const database = await answer(indexedDB.open(name ?? ''))
    const kept = await answer<{ id: string } | null>(
      database.transaction('records').objectStore('records').get('leader') as IDBRequest,
    )
    leaders.add(kept?.id ?? 'nobody')
    database.close()
  }
  return [...leaders]
}

/** Runs in the page: notes the pauses, longer than a tenth of a second, between what it sends to the other. */
function noteBursts(): void {
  const send = RTCDataChannel.prototype.send as (this: RTCDataChannel, data: ArrayBuffer) => void
  let lastMs = performance.now()
  RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: unknown): void {
    const nowMs = performance.now()
    if (nowMs - lastMs > 100)
      document.body.dataset['pauses'] = `${document.body.dataset['pauses'] ?? ''} ${nowMs - lastMs}`
    lastMs = nowMs
    send.call(this, data as ArrayBuffer)
  }
}

/** Runs in the page: the first sixteen of them, milliseconds. */
function pauses(): number[] {
  return (document.body.dataset['pauses'] ?? '').trim().split(' ').map(Number).slice(0, 16)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Infinity
}
