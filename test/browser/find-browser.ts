import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from '@playwright/test'

/** Path of a Chromium to drive: `SELVAGE_CHROMIUM`, else Playwright's own, else the system's; `null` without any. */
export function findChromium(): string | null {
  const named = process.env['SELVAGE_CHROMIUM']
  if (named !== undefined && named !== '') return named
  const downloaded = chromium.executablePath()
  if (isExecutable(downloaded)) return downloaded
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      if (isExecutable(join(directory, name))) return join(directory, name)
    }
  }
  return null
}

/**
 * Flags for a Chromium that talks to loopback only. The last one lets WebRTC use 127.0.0.1 where there
 * is no other network; it needs the microphone permission as well, or ICE hides host addresses.
 */
export const chromiumArgs: readonly string[] = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--allow-loopback-in-peer-connection',
]

export const chromiumPermissions: readonly string[] = ['microphone']

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
