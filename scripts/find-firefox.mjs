/**
 * Where a stock Firefox might be, and how to start it: Playwright drives it over WebDriver BiDi. None is
 * downloaded; suites that want one say so where it is not there.
 */
import { delimiter, join } from 'node:path'
import { isExecutable } from './find-chromium.mjs'

const systemNames = ['firefox-esr', 'firefox']
const macApplications = ['/Applications/Firefox.app/Contents/MacOS/firefox']

/** The one that `SELVAGE_FIREFOX` names (`off`: none), else the system's; `null` without any. */
export function findFirefox() {
  const named = process.env['SELVAGE_FIREFOX']
  if (named === 'off') return null
  if (named !== undefined && named !== '') return named
  const directories = (process.env['PATH'] ?? '').split(delimiter)
  const onPath = directories.flatMap((directory) => systemNames.map((name) => join(directory, name)))
  return [...onPath, ...macApplications].find(isExecutable) ?? null
}

/** What Playwright is to launch it with. The preferences let WebRTC use 127.0.0.1, as Chromium's flags do. */
export function firefoxLaunchOptions(executablePath) {
  return {
    channel: 'moz-firefox',
    executablePath,
    firefoxUserPrefs: {
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'permissions.default.microphone': 1,
    },
  }
}
