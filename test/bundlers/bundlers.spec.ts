import { execFile } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, type Page, test as base } from '@playwright/test'
import { serveFolder } from '../browser/serve-folder.ts'
import { repositoryRoot } from '../source-file.ts'
import { buildAll, buildForServer, builders, pathOf } from './builders.ts'
import { installTarball } from './installation.ts'

const run = promisify(execFile)

/** One installation, one build with each tool, and one server of the pages, for all tests. */
const test = base.extend<object, { built: Built }>({
  built: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
    async ({}, use) => {
      const installation = await installTarball()
      const complaints = await buildAll(installation.folder)
      const server = await serveFolder(join(installation.folder, 'pages'))
      await use({ folder: installation.folder, complaints, url: server.url })
      await server.close()
      installation.remove()
    },
    { scope: 'worker', timeout: 300_000 },
  ],
})

interface Built {
  readonly folder: string
  readonly complaints: ReadonlyMap<string, readonly string[]>
  readonly url: string
}

const names = Object.keys(builders)

// In one process, so that everything is built once.
test.describe.configure({ mode: 'default', timeout: 120_000 })

for (const [index, name] of names.entries()) {
  const other = names[(index + 1) % names.length] as string
  test(`the tarball through ${name} plays with the tarball through ${other}`, async ({ built, context }) => {
    expect(built.complaints.get(name)).toEqual([])
    const failures = new Failures()
    const play = async (): Promise<void> => {
      const founder = failures.of(await context.newPage())
      await founder.goto(`${built.url}${pathOf(name)}/index.html`)
      await founder.waitForURL(/#/)
      const friend = failures.of(await context.newPage())
      await friend.goto(`${built.url}${pathOf(other)}/index.html${new URL(founder.url()).hash}`)
      for (const page of [founder, friend]) {
        const before = await clicksAt(page)
        // A click before its page has a seat is lost.
        await expect(async () => {
          await page.locator('body').click()
          await expect.poll(() => clicksAt(page), { timeout: 500 }).toBeGreaterThan(before)
        }).toPass()
      }
      await expect(async () => expect(await clicksAt(friend)).toBe(await clicksAt(founder))).toPass()
    }
    await Promise.race([play(), failures.first])
  })
}

/** How many clicks a page shows as agreed. */
async function clicksAt(page: Page): Promise<number> {
  const [, clicks = '0'] = /^(\d+) clicks, agreed by both$/.exec(await page.locator('body').innerText()) ?? []
  return Number(clicks)
}

/** A page that has failed says nothing more, and whoever waits for it would only learn that it is late. */
class Failures {
  #fail: (error: Error) => void = () => {}
  /** Rejects with what went wrong first in any page. */
  readonly first: Promise<never> = new Promise((_, reject) => {
    this.#fail = reject
  })

  of(page: Page): Page {
    page.on('pageerror', (error) => this.#fail(new Error(`${page.url()}: ${error.stack}`)))
    page.on('requestfailed', (request) => {
      this.#fail(new Error(`${page.url()}: ${request.url()}: ${request.failure()?.errorText}`))
    })
    return page
  }
}

test('the tarball is rendered on a server, from a bundle and from its files, and leaves no trace there', async ({
  built: { folder },
}) => {
  const page = `
    import { gameHost } from 'selvage'
    import { openPlace } from 'selvage/indexeddb'
    import { WebRtcLoom } from 'selvage/webrtc'
    export const render = () => [gameHost, openPlace, WebRtcLoom].map((one) => typeof one).join(' ')`
  writeFileSync(join(folder, 'page.js'), page)
  writeFileSync(join(folder, 'render.mjs'), `import(process.argv[2]).then(({ render }) => console.log(render()))`)
  cpSync(join(repositoryRoot, 'test/import-probe.mjs'), join(folder, 'import-probe.mjs'))
  expect(await buildForServer(folder, './page.js', join(folder, 'server'))).toEqual([])
  const node = async (...args: string[]): Promise<string> =>
    (await run(process.execPath, args, { cwd: folder, timeout: 60_000 })).stdout.trim()
  expect(await node('render.mjs', './server/server.mjs')).toBe('function function function')
  expect(await node('render.mjs', './page.js')).toBe('function function function')
  const report: unknown = JSON.parse(await node('import-probe.mjs', './server/server.mjs'))
  expect(report).toMatchObject({ exported: true, globalsProbed: [], leftRunning: [] })
})
