/**
 * Finds a Chromium that starts, or gets one: an installed browser (Playwright's own, else the system's),
 * else Playwright's download, else Debian's package where this user may install one. Where all of that
 * fails it names the one command to run. Alone (`node scripts/ensure-browser.mjs`) it prints the path.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { chromiumCandidates } from './find-chromium.mjs'

const startLimitMs = 60_000
const downloadLimitMs = 240_000
const packageLimitMs = 300_000

/** Path of a Chromium that was seen to start. Throws with the command that helps where there is none. */
export async function ensureBrowser() {
  const failures = []
  const installed = await firstThatStarts(failures)
  if (installed !== null) return installed
  const waysToInstall = process.env['SELVAGE_CHROMIUM'] ? [] : [downloadWithPlaywright, installWithApt]
  for (const install of waysToInstall) {
    const outcome = await install()
    if (outcome !== 'done') {
      failures.push(outcome)
      continue
    }
    const path = await firstThatStarts(failures)
    if (path !== null) return path
  }
  throw new Error(
    [
      'no Chromium could be started, and the tests need one.',
      ...failures.map((failure) => `  - ${failure}`),
      'Run this once, then try again:',
      `  ${advice()}`,
    ].join('\n'),
  )
}

async function firstThatStarts(failures) {
  for (const path of new Set(chromiumCandidates())) {
    try {
      const browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox'], timeout: startLimitMs })
      await browser.close()
      return path
    } catch (error) {
      failures.push(`${path} does not start: ${String(error).split('\n')[0]}`)
    }
  }
  return null
}

async function downloadWithPlaywright() {
  console.log(`no browser found: trying Playwright's download (at most ${downloadLimitMs / 1000} s)`)
  const cli = createRequire(import.meta.url).resolve('@playwright/test/cli')
  const outcome = await run(process.execPath, [cli, 'install', 'chromium'], downloadLimitMs)
  return outcome === 'done' ? 'done' : `Playwright's download ${outcome}`
}

async function installWithApt() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return "Debian's package needs root, which this user is not"
  console.log("trying Debian's package: apt-get install chromium")
  const update = await run('apt-get', ['update', '-q'], packageLimitMs)
  if (update !== 'done') return `apt-get update ${update}`
  const install = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], packageLimitMs, {
    DEBIAN_FRONTEND: 'noninteractive',
  })
  return install === 'done' ? 'done' : `apt-get install chromium ${install}`
}

function advice() {
  if (process.env['SELVAGE_CHROMIUM']) return 'unset SELVAGE_CHROMIUM    (or let it name a Chromium that starts)'
  if (process.platform === 'linux') return 'sudo npx playwright install --with-deps chromium'
  return 'npx playwright install chromium'
}

/** `done`, or words for what went wrong. Past the limit the command and all it started are ended. */
function run(command, args, limitMs, environment = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
      detached: process.platform !== 'win32',
    })
    const timer = setTimeout(() => {
      end(child)
      resolve(`did not finish within ${limitMs / 1000} s`)
    }, limitMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      resolve(`could not run: ${error.message}`)
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(code === 0 ? 'done' : `failed (${signal ?? `exit code ${code}`})`)
    })
  })
}

function end(child) {
  try {
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended by itself in the meantime.
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await ensureBrowser())
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
