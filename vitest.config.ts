import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { chromiumArgs, chromiumPermissions, findChromium } from './test/browser/find-browser.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** The package's own subpaths, resolved to the sources: tests import what users import. */
const alias = [
  { find: /^selvage$/, replacement: path('./src/index.ts') },
  { find: /^selvage\/webrtc$/, replacement: path('./src/fabric/webrtc/index.ts') },
  { find: /^selvage\/indexeddb$/, replacement: path('./src/raft/storage/indexeddb/index.ts') },
  { find: /^selvage\/sim$/, replacement: path('./src/sim/index.ts') },
  { find: /^selvage\/conformance$/, replacement: path('./src/conformance/index.ts') },
  { find: /^selvage\/signal-server$/, replacement: path('./src/server/index.ts') },
  { find: /^selvage\/vite$/, replacement: path('./src/server/vite.ts') },
]

const executablePath = findChromium()

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          environment: 'node',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts'],
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'browser',
          include: ['src/**/*.browser.test.ts', 'test/**/*.browser.test.ts'],
          globalSetup: ['./test/browser/signal-servers.ts'],
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
    ],
  },
})
