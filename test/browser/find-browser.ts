/** The browsers that tests drive, and how they are started: one answer for Vitest, Playwright and the test command. */
export { chromiumArgs, chromiumPermissions, findChromium } from '../../scripts/find-chromium.mjs'
export { findFirefox, firefoxLaunchOptions } from '../../scripts/find-firefox.mjs'
