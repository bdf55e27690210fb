import { type BrowserContext, test as base } from '@playwright/test'
import { gather, Guest } from './guest.ts'

/** Browsers with a process of their own each; what is left of them is gone when the test ends. */
const test = base.extend<{
  /** A page of a process that can be killed. */
  mortal: () => Promise<{ guest: (name: string) => Promise<Guest>; kill: () => Promise<void> }>
  /** A browser that keeps its profile on the disk, opened again at each call. */
  profile: () => Promise<BrowserContext>
}>({
  mortal: async ({ playwright, launchOptions, contextOptions, baseURL, permissions }, use) => {
    const servers: { kill(): Promise<void> }[] = []
    await use(async () => {
      const server = await playwright.chromium.launchServer(launchOptions)
      servers.push(server)
      const browser = await playwright.chromium.connect(server.wsEndpoint())
      return {
        guest: async (name) => {
          const context = await browser.newContext({
            ...contextOptions,
            baseURL: baseURL ?? '',
            permissions: permissions ?? [],
          })
          return new Guest(await context.newPage(), name)
        },
        kill: () => server.kill(),
      }
    })
    for (const server of servers) await server.kill()
  },
  profile: async ({ playwright, launchOptions, baseURL, permissions }, use, testInfo) => {
    const directory = testInfo.outputPath('profile')
    const opened: BrowserContext[] = []
    await use(async () => {
      const options = { ...launchOptions, baseURL: baseURL ?? '', permissions: permissions ?? [] }
      const context = await playwright.chromium.launchPersistentContext(directory, options)
      opened.push(context)
      return context
    })
    for (const context of opened) await context.close()
  },
})

test('the host’s browser dies without a word: its place is held, then another hosts', async ({ browser, mortal }) => {
  const dying = await mortal()
  const ada = await dying.guest('Ada')
  const bea = new Guest(await browser.newPage(), 'Bea')
  const cleo = new Guest(await browser.newPage(), 'Cleo')
  const link = await gather([ada, bea, cleo], '&window=4')
  await dying.kill()
  for (const guest of [bea, cleo]) await guest.wasTold('Ada, who hosts, is away. Somebody else takes over in')
  await bea.isTold('Ada is gone. You host the room now.')
  await cleo.isTold('Ada is gone. Bea hosts the room now.')

  const returned = await (await mortal()).guest('Ada')
  await returned.comesIn(link)
  await returned.seesHost('Bea')
  await bea.seesOnly('Cleo', 'Ada')
})

test('a browser is closed and started again: back as the same member, and nothing said meanwhile is lost', async ({
  browser,
  profile,
}) => {
  const ada = new Guest(await browser.newPage(), 'Ada')
  const first = await profile()
  const bea = new Guest(await first.newPage(), 'Bea')
  const link = await gather([ada, bea])
  await ada.says('before')
  await bea.hears('Ada', 'before')
  await first.close()
  await ada.isTold('Bea is away. Their place is held for')
  await ada.says('in between')
  await ada.seesDelivery('in between', 'Kept for Bea.')

  const back = new Guest(await (await profile()).newPage(), 'Bea')
  await back.page.goto(link)
  await back.isTold('You are here with Ada.')
  await back.hears('Ada', 'before', 'in between')
  await ada.seesAllHave('in between')
  await ada.seesOnly('Bea')
})
