/**
 * Where a Chromium might be, best first: the one named by `SELVAGE_CHROMIUM`, Playwright's own, the
 * system's. Plain JavaScript, because the test command asks before anything could compile.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from '@playwright/test'

const systemNames = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const macApplications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Every candidate that exists and may be executed. A browser named by hand is the only candidate. */
export function chromiumCandidates() {
  const named = process.env['SELVAGE_CHROMIUM']
  if (named !== undefined && named !== '') return [named]
  const directories = (process.env['PATH'] ?? '').split(delimiter)
  const onPath = directories.flatMap((directory) => systemNames.map((name) => join(directory, name)))
  return [chromium.executablePath(), ...onPath, ...macApplications].filter(isExecutable)
}

/** The best candidate, or `null` without any. */
export function findChromium() {
  return chromiumCandidates()[0] ?? null
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
