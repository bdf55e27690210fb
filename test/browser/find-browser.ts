/** The Chromium that tests drive, and its flags: one answer for Vitest, Playwright and the test command. */
export { chromiumArgs, chromiumPermissions, findChromium } from '../../scripts/find-chromium.mjs'
