/**
 * `npm run chaos [-- --sessions 100 --seed S --workers 4]`: rooms of four peers in real browsers, under cut links,
 * killed servers and reloads. Prints how long recovery took, by what was done, and every violation with its seed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chaosTable, reportsIn } from './chaos-table.mjs'
import { ensureBrowser } from './ensure-browser.mjs'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now()) },
    workers: { type: 'string', default: String(Math.max(2, availableParallelism() * 2)) },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'selvage-chaos-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const report = join(folder, 'report.json')

console.log(`${values.sessions} sessions, ${values.workers} at a time, seed ${values.seed}`)
const startedMs = performance.now()
const cli = createRequire(import.meta.url).resolve('@playwright/test/cli')
const args = [cli, 'test', '--project=chaos', `--workers=${values.workers}`, '--reporter=dot,json']
const child = spawn(process.execPath, args, {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    SELVAGE_CHROMIUM: await ensureBrowser(),
    SELVAGE_CHAOS_SESSIONS: values.sessions,
    SELVAGE_CHAOS_SEED: values.seed,
    PLAYWRIGHT_JSON_OUTPUT_NAME: report,
  },
})
process.exitCode = await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
console.log(`\n${chaosTable(reportsIn(JSON.parse(readFileSync(report, 'utf8'))))}`)
console.log(
  `${Math.round((performance.now() - startedMs) / 1000)} s; again with: npm run chaos -- --seed ${values.seed}`,
)
