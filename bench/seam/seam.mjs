/**
 * A WebRTC seam beside a bare RTCDataChannel. Two pages of one Chromium connect afresh in every round, once
 * by each subject, in an order that turns by one each round. Each figure is divided by the bare channel's of
 * the same round; the bare channel against itself ("bare again") shows how much of that is noise. Libraries that cut
 * nothing are sent large payloads in pieces, as their users have to.
 */
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { PeerServer } from 'peer'
import { build, preview } from 'vite'
import { ensureBrowser } from '../../scripts/ensure-browser.mjs'
import { chromiumArgs, chromiumPermissions } from '../../scripts/find-chromium.mjs'
import { startRelay } from './relay.mjs'
import { table } from './table.mjs'

const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url))

/** Longest that connecting, or one subject's measurement, may take. */
const stepLimitMs = 60_000

export async function run({ rounds, subjects }) {
  const executablePath = await ensureBrowser()
  await build({ configFile })
  const server = await preview({ configFile, preview: { port: 0 } })
  const relay = await startRelay()
  const peerServer = await startPeerServer()
  const { port } = server.httpServer.address()
  const address = `http://127.0.0.1:${port}/?peerServer=${peerServer.port}&relay=${relay.port}`
  const browser = await chromium.launch({ executablePath, args: [...chromiumArgs] })
  try {
    const context = await browser.newContext({ permissions: [...chromiumPermissions] })
    const pages = { answerer: await openPage(context, address), caller: await openPage(context, address) }
    console.log(`Chromium ${browser.version()}, Node ${process.version}, ${rounds} interleaved rounds\n`)
    const results = await measureAll(pages, ['bare', ...subjects], rounds)
    console.log(`\n${table(results, subjects)}`)
  } finally {
    await browser.close()
    await server.close()
    relay.close()
    peerServer.close()
  }
}

/** Who introduces PeerJS's peers to each other. */
function startPeerServer() {
  return new Promise((resolve) => {
    PeerServer({ port: 0, host: '127.0.0.1', path: '/' }, (server) =>
      resolve({
        port: server.address().port,
        close: () => {
          server.close()
          server.closeAllConnections()
        },
      }),
    )
  })
}

async function openPage(context, address) {
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(`page: ${error.message}`))
  await page.goto(address)
  await page.waitForFunction(() => 'selvageBench' in globalThis)
  return page
}

/** For each subject its figures, one object a round. */
async function measureAll(pages, subjects, rounds) {
  const results = new Map(subjects.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const name = subjects[(round + turn) % subjects.length]
      const what = `${name}, round ${round + 1}`
      results.get(name).push(await within(stepLimitMs, what, measureOne(pages, name, `bench-${round}-${turn}`)))
    }
    process.stdout.write(`round ${round + 1} of ${rounds}\n`)
  }
  return results
}

async function measureOne({ answerer, caller }, name, meeting) {
  const invitation = await answerer.evaluate(([n, m]) => selvageBench.answer(n, m), [name, meeting])
  const called = await caller.evaluate(([n, m, i]) => selvageBench.call(n, m, i), [name, meeting, invitation])
  const answered = await answerer.evaluate(() => selvageBench.answered())
  const figures = await caller.evaluate(() => selvageBench.measure())
  await caller.evaluate(() => selvageBench.close())
  await answerer.evaluate(() => selvageBench.close())
  const connectMs = Math.max(called.openAt, answered.openAt) - (called.offeredAt ?? answered.offeredAt)
  return { ...figures, connectMs, callMs: called.callMs }
}

function within(limitMs, what, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: nothing came back within ${limitMs / 1000} s`)), limitMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
