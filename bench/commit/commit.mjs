/**
 * How long a player waits until a move is durable in two browsers, beside the least it could be: one round trip of a
 * bare RTCDataChannel and one bare IndexedDB write. Leader and follower are two pages of two origins, each with its
 * own databases on the disk. Every round takes all rows, in an order that turns by one; the sum of the bare two is
 * taken twice ("again"), which shows how much of a ratio is noise.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { build, preview } from 'vite'
import { ensureBrowser } from '../../scripts/ensure-browser.mjs'
import { chromiumArgs, chromiumPermissions } from '../../scripts/find-chromium.mjs'
import { quantile, spread } from '../quantile.mjs'

const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
const pageFile = fileURLToPath(new URL('../page/commit.html', import.meta.url))

/** Operations of each row in each round. */
const COUNT = 40

/** Between the moves of the row that plays as people do, milliseconds. */
const THINKING_MS = 60

const ROWS = [
  { name: 'round trip', what: 'round trip' },
  { name: 'write', what: 'write' },
  { name: 'bare commit', what: 'bare commit' },
  { name: 'commit', what: 'commit' },
  { name: 'round trip again', what: 'round trip' },
  { name: 'write again', what: 'write' },
  { name: 'bare commit after a pause', what: 'bare commit', pauseMs: THINKING_MS },
  { name: 'commit after a pause', what: 'commit', pauseMs: THINKING_MS },
  { name: 'round trip after a pause', what: 'round trip', pauseMs: THINKING_MS },
  { name: 'write after a pause', what: 'write', pauseMs: THINKING_MS },
]

export async function run({ rounds, durability }) {
  const executablePath = await ensureBrowser()
  await build({ configFile, build: { rolldownOptions: { input: pageFile } } })
  const server = await preview({ configFile, preview: { port: 0 } })
  // An ordinary context keeps IndexedDB in memory, where nothing is ever flushed.
  const profile = await mkdtemp(join(tmpdir(), 'selvage-bench-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...chromiumArgs],
    permissions: [...chromiumPermissions],
  })
  try {
    const follower = await openPage(context, server, 'localhost')
    const leader = await openPage(context, server, '127.0.0.1')
    console.log(
      `Chromium ${context.browser()?.version() ?? ''}, Node ${process.version}, ${durability}, ${rounds} rounds of ${COUNT}\n`,
    )
    await connect(leader, follower, durability)
    console.log(table(await measureAll(leader, rounds)))
  } finally {
    await context.close()
    await server.close()
    await rm(profile, { recursive: true, force: true })
  }
}

async function openPage(context, server, host) {
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(`page: ${error.message}`))
  await page.goto(`http://${host}:${server.httpServer.address().port}/commit.html`)
  await page.waitForFunction(() => 'selvageBench' in globalThis)
  return page
}

async function connect(leader, follower, durability) {
  for (const page of [leader, follower]) await page.evaluate((d) => selvageBench.open(d), durability)
  const offer = await leader.evaluate(() => selvageBench.offer())
  const answer = await follower.evaluate((o) => selvageBench.answer(o), offer)
  await leader.evaluate((a) => selvageBench.accept(a), answer)
  const invitation = await follower.evaluate((d) => selvageBench.host(d), durability)
  await leader.evaluate(([i, d]) => selvageBench.lead(i, d), [invitation, durability])
}

/** For each row its samples, one array a round. The first round warms up and is left out. */
async function measureAll(leader, rounds) {
  const results = new Map(ROWS.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < ROWS.length; turn++) {
      const { name, what, pauseMs = 0 } = ROWS[(round + turn) % ROWS.length]
      const samples = await leader.evaluate(([w, n, p]) => selvageBench.sample(w, n, p), [what, COUNT, pauseMs])
      if (round > 0) results.get(name).push(samples)
    }
    if (round > 0) process.stdout.write(`round ${round} of ${rounds}\n`)
  }
  return results
}

function table(results) {
  const p50 = (name, round) => quantile(results.get(name)[round], 0.5)
  const sum = (suffix, round) => p50(`round trip${suffix}`, round) + p50(`write${suffix}`, round)
  const over = (name, suffix) => spread(results.get(name).map((_, round) => p50(name, round) / sum(suffix, round)))
  const ratios = {
    'bare commit': over('bare commit', ''),
    commit: over('commit', ''),
    'write again': `sum again (A/A) ${spread(results.get('write').map((_, round) => sum(' again', round) / sum('', round)))}`,
    'bare commit after a pause': over('bare commit after a pause', ' after a pause'),
    'commit after a pause': over('commit after a pause', ' after a pause'),
  }
  const lines = [
    ['', 'p50 ms', 'p99 ms', 'p50 / (round trip + write), target <= 1.2'],
    ['---', '---:', '---:', '---:'],
  ]
  for (const { name } of ROWS) {
    const all = results.get(name).flat()
    lines.push([name, quantile(all, 0.5).toFixed(2), quantile(all, 0.99).toFixed(2), ratios[name] ?? ''])
  }
  return `\n${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}
