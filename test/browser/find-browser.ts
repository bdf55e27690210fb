/** Path of a Chromium to drive: `SELVAGE_CHROMIUM`, else Playwright's own, else the system's; `null` without any. */
export { findChromium } from '../../scripts/find-chromium.mjs'

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
