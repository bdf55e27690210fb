import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test as base, type Page } from '@playwright/test'
import { createServer } from 'vite'
import { chromiumArgs, findChromium } from '../test/browser/find-browser.ts'
import { freePort } from '../test/browser/free-port.ts'
import { playOut, Player } from './player.ts'

/** An address of the documentation's (RFC 5737): to the browser any other machine, in truth this one. */
const OTHER_MACHINE = '192.0.2.7'
const executablePath = findChromium()

/** The demo's development server, as `vite --mode` starts it, seen at the address of another machine. */
const test = base.extend<{ serve: (mode: 'development' | 'https') => Promise<string> }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  serve: async ({}, use) => {
    const cacheDir = await mkdtemp(join(tmpdir(), 'selvage-secure-page-'))
    const closes: (() => Promise<void>)[] = [() => rm(cacheDir, { recursive: true, force: true })]
    await use(async (mode) => {
      const port = await freePort()
      const server = await createServer({ mode, cacheDir, logLevel: 'error', server: { host: '127.0.0.1', port } })
      closes.unshift(() => server.close())
      await server.listen()
      return `${mode === 'https' ? 'https' : 'http'}://${OTHER_MACHINE}:${port}`
    })
    for (const close of closes) await close()
  },
})

test.use({
  ignoreHTTPSErrors: true,
  launchOptions: {
    ...(executablePath === null ? {} : { executablePath }),
    args: [...chromiumArgs, `--host-resolver-rules=MAP ${OTHER_MACHINE} 127.0.0.1`],
  },
})

test('a page from another machine over plain HTTP is told the cause and the cure', async ({ page, serve }) => {
  const address = await serve('development')
  for (const demo of ['/', '/lobby.html']) {
    await page.goto(`${address}${demo}`)
    const notice = page.getByText('only over https, or on localhost')
    await expect(notice).toBeVisible()
    await expect(page.getByRole('heading', { name: 'This page needs a secure address' })).toBeVisible()
  }
  expect(await page.evaluate(() => isSecureContext)).toBe(false)
  for (const outcome of [await hosting(page), await placing(page)])
    expect(outcome).toMatch(/^InsecureContextError: .*plain HTTP.*nothing was opened.*HTTPS.*localhost/)
})

test('over HTTPS a phone of the same network plays', async ({ browser, serve }) => {
  const address = await serve('https')
  const [x, phone] = [new Player(await browser.newPage()), new Player(await browser.newPage())]
  const response = await x.page.goto(`${address}/?stun=off`)
  expect(response?.ok()).toBe(true)
  expect(await x.page.evaluate(() => isSecureContext)).toBe(true)
  expect(await hosting(x.page)).toBe(`woven at wss://${address.slice('https://'.length)}/signal`)

  await x.page.getByRole('button', { name: 'Create a game' }).click()
  await x.shows('connection', 'waiting')
  await phone.open(x.page.url())
  await Promise.all([x.plays('X'), phone.plays('O')])
  await playOut(x, phone, [4, 0])
  await x.shows('server', /^wss:/)
})

/** What becomes of a seam that is woven in the page, by the library's sources as the server hands them out. */
function hosting(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { WebRtcLoom } = (await import(
      '/src/fabric/webrtc/index.ts' as string
    )) as typeof import('../src/fabric/webrtc/index.ts')
    const servers = [new URL('/signal', location.href).href.replace('http', 'ws')]
    const loom = new WebRtcLoom({ app: 'secure page', servers, iceServers: [] })
    try {
      const seam = await loom.host({ sessionName: 'oak' })
      const signalling = loom.signalling(seam).get()
      const outcome = `woven at ${signalling.kind === 'attached' ? signalling.url : signalling.kind}`
      await seam.close()
      return outcome
    } catch (error) {
      return String(error)
    }
  })
}

/** What becomes of a place that is opened in the page. */
function placing(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const path = '/src/raft/storage/indexeddb/index.ts' as string
    const { openPlace } = (await import(path)) as typeof import('../src/raft/storage/indexeddb/index.ts')
    return openPlace('oak').then(
      ({ number }) => `opened ${number}`,
      (error: unknown) => String(error),
    )
  })
}
