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
    { scope: 'worker', timeout: 120_000 },
  ],
})

interface Built {
  readonly folder: string
  readonly complaints: ReadonlyMap<string, readonly string[]>
  readonly url: string
}

const AGREED = /^\d+ clicks, agreed by both$/
const names = Object.keys(builders)

// In one process, so that everything is built once.
test.describe.configure({ mode: 'default' })

for (const [index, name] of names.entries()) {
  const other = names[(index + 1) % names.length] as string
  test(`the tarball through ${name} plays with the tarball through ${other}`, async ({ built, browser }) => {
    expect(built.complaints.get(name)).toEqual([])
    const failures: string[] = []
    const open = async (builder: string, hash: string): Promise<Page> => {
      const page = await browser.newPage()
      page.on('pageerror', (error) => failures.push(`${builder}: ${error.stack}`))
      await page.goto(`${built.url}${pathOf(builder)}/index.html${hash}`)
      return page
    }
    const founder = await open(name, '')
    await founder.waitForURL(/#/)
    const friend = await open(other, new URL(founder.url()).hash)
    for (const page of [founder, friend]) {
      // A click before its page has a seat is lost.
      await expect(async () => {
        await page.locator('body').click()
        await expect(founder.locator('body')).toHaveText(AGREED, { timeout: 500 })
      }).toPass()
    }
    await expect(friend.locator('body')).toHaveText(AGREED)
    expect(failures).toEqual([])
  })
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
    (await run(process.execPath, args, { cwd: folder, timeout: 30_000 })).stdout.trim()
  expect(await node('render.mjs', './server/server.mjs')).toBe('function function function')
  expect(await node('render.mjs', './page.js')).toBe('function function function')
  const report: unknown = JSON.parse(await node('import-probe.mjs', './server/server.mjs'))
  expect(report).toMatchObject({ exported: true, globalsProbed: [], leftRunning: [] })
})
