import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'
import { sourceAlias } from './scripts/source-alias.ts'
import {
  chromiumArgs,
  chromiumPermissions,
  findChromium,
  findFirefox,
  firefoxLaunchOptions,
} from './test/browser/find-browser.ts'

const alias = sourceAlias()
const executablePath = findChromium()
const firefox = findFirefox()
const globalSetup = ['./test/browser/signal-servers.ts', './test/browser/node-peer.ts']

/** In browsers most of the time is spent waiting: for a link, a window, another tab. */
const FILES_AT_ONCE = 3

/** Bounds are asserted in virtual time: how long a test itself takes says how busy the machine is. */
const patient = { testTimeout: 30_000, hookTimeout: 30_000 } as const

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          ...patient,
          environment: 'node',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'demo/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts'],
        },
      },
      {
        resolve: { alias },
        // Known from the start: a page that meets them later is loaded again in the midst of its tests.
        optimizeDeps: { include: ['simple-peer/simplepeer.min.js', 'peerjs'] },
        test: {
          name: 'browser',
          ...patient,
          include: ['src/**/*.browser.test.ts', 'test/**/*.browser.test.ts'],
          globalSetup,
          maxWorkers: FILES_AT_ONCE,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { ...(executablePath === null ? {} : { executablePath }), args: [...chromiumArgs] },
              contextOptions: { permissions: [...chromiumPermissions] },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      ...(firefox === null ? [] : [inFirefox(firefox)]),
    ],
  },
})

export default config

/** The laws of what stands on browsers (fabrics, storages, rooms over WebRTC) in a stock Firefox. */
function inFirefox(path: string): TestProjectInlineConfiguration {
  return {
    resolve: { alias },
    test: {
      name: 'firefox',
      ...patient,
      include: [
        'src/fabric/**/*.browser.test.ts',
        'src/**/*{.conformance,-laws,.laws}.browser.test.ts',
        'src/raft/storage/indexeddb/indexeddb-raft-storage.browser.test.ts',
      ],
      globalSetup,
      maxWorkers: FILES_AT_ONCE,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: firefoxLaunchOptions(path) }),
        instances: [{ browser: 'firefox' }],
      },
    },
  }
}
