import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { sourceAlias } from './scripts/source-alias.ts'
import { chromiumArgs, chromiumPermissions, findChromium } from './test/browser/find-browser.ts'

const alias = sourceAlias()
const executablePath = findChromium()

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          environment: 'node',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'demo/**/*.test.ts'],
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

export default config
