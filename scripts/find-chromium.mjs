/**
 * Where a Chromium might be, and how to start it. Plain JavaScript, because the test command asks before
 * anything could compile.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from '@playwright/test'

const systemNames = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const macApplications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/**
 * Every candidate that exists and may be executed, best first: Playwright's own, then the system's. One named
 * by `SELVAGE_CHROMIUM` is the only candidate.
 */
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

/**
 * Flags for a Chromium that talks to loopback only. The last one lets WebRTC use 127.0.0.1 where there
 * is no other network; it needs the microphone permission as well, or ICE hides host addresses.
 */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--allow-loopback-in-peer-connection',
]

/** The second lets a page whose document a test has answered for reach servers on loopback. */
export const chromiumPermissions = ['microphone', 'local-network-access']

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
