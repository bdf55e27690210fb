import { existsSync } from 'node:fs'
import { defineConfig, type PlaywrightTestConfig, webkit } from '@playwright/test'
import {
  chromiumArgs,
  chromiumPermissions,
  findChromium,
  findFirefox,
  firefoxLaunchOptions,
} from './test/browser/find-browser.ts'
import { freePort } from './test/browser/free-port.ts'

const executablePath = findChromium()
const firefox = findFirefox()
const port = await portForThisRun()
const everywhere = process.env['SELVAGE_E2E'] === 'all' ? {} : { grep: /@everywhere/ }
const address = `http://127.0.0.1:${port}`

/** Games that start a Chromium of their own, or need its DevTools, its flags or its way to be killed. */
const CHROMIUM_ONLY = ['between-browsers', 'page-life', 'room-processes', 'secure-page'].map(
  (name) => `**/${name}.spec.ts`,
)

type Project = NonNullable<PlaywrightTestConfig['projects']>[number]

/** The built demo, served by Vite's preview with its signalling server, played by real browsers. */
const config: PlaywrightTestConfig = defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  timeout: 150_000,
  // As long as the library may take: up to 15 s before it asks a server again, 5 s for its answer, 15 s for a link.
  expect: { timeout: 45_000 },
  workers: 3,
  fullyParallel: true,
  retries: 0,
  forbidOnly: true,
  reporter: [['list']],
  use: {
    baseURL: address,
    // Without a film of each page, which costs more than the test itself where a machine draws in software.
    trace: { mode: 'retain-on-failure', screenshots: false, snapshots: true, sources: true },
    screenshot: 'only-on-failure',
  },
  projects: [
    inChromium('chromium', 'e2e'),
    inChromium('bundlers', 'test/bundlers'),
    inChromium('network', 'test/network'),
    inChromium('chaos', 'test/chaos'),
    ...(firefox === null ? [] : [inFirefox(firefox)]),
    ...inWebKit(),
  ],
  webServer: {
    command: `npx vite build --logLevel warn && npx vite preview --host 127.0.0.1 --port ${port} --strictPort`,
    url: address,
    timeout: 120_000,
    reuseExistingServer: false,
    stdout: 'ignore',
    stderr: 'pipe',
  },
})

export default config

function inChromium(name: string, testDir: string): Project {
  const launchOptions = { ...(executablePath === null ? {} : { executablePath }), args: [...chromiumArgs] }
  // Without movement, each frame of which is drawn in software: it takes a fifth of a test's time, and proves nothing.
  const contextOptions = { reducedMotion: 'reduce' } as const
  return { name, testDir, use: { permissions: [...chromiumPermissions], launchOptions, contextOptions } }
}

/** A stock Firefox, where one is installed, plays what is tagged for every browser; `SELVAGE_E2E=all`: everything. */
function inFirefox(path: string): Project {
  const use = { browserName: 'firefox', launchOptions: firefoxLaunchOptions(path) } as const
  return { name: 'firefox', testIgnore: CHROMIUM_ONLY, ...everywhere, use }
}

/** Only where Playwright has installed its own: there is no other WebKit that it could drive. */
function inWebKit(): Project[] {
  if (!existsSync(webkit.executablePath())) return []
  return [{ name: 'webkit', testIgnore: CHROMIUM_ONLY, ...everywhere, use: { browserName: 'webkit' } }]
}

/** Playwright loads this file once in each of its processes: the first picks a free port, the others inherit it. */
async function portForThisRun(): Promise<number> {
  const inherited = process.env['SELVAGE_E2E_PORT']
  if (inherited !== undefined) return Number(inherited)
  const free = await freePort()
  process.env['SELVAGE_E2E_PORT'] = String(free)
  return free
}
