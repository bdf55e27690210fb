/**
 * `npm test`: everything, in one command. Finds or gets a browser, runs the unit and browser tests, then the
 * end-to-end tests, and closes with the totals. Every suite runs even where an earlier one failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBrowser } from './ensure-browser.mjs'

const require = createRequire(import.meta.url)
const reports = mkdtempSync(join(tmpdir(), 'selvage-test-'))
process.on('exit', () => rmSync(reports, { recursive: true, force: true }))

const browser = await ensureBrowser().catch((error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(`browser: ${browser}`)
const environment = { ...process.env, SELVAGE_CHROMIUM: browser }

const suites = [
  await vitest('node', 'laws, cores and servers (Node)'),
  await vitest('browser', 'fabrics and storages (Chromium)'),
  await playwright('two players, end to end (Chromium)'),
]

console.log('\n────────────────────────────────────────────────────────────────')
for (const { title, passed, failed, skipped, exitCode, seconds } of suites) {
  const verdict = exitCode === 0 ? 'ok  ' : 'FAIL'
  console.log(`${verdict} ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s`)
}
const sum = (field) => suites.reduce((total, suite) => total + suite[field], 0)
console.log(`total: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exitCode = suites.every(({ exitCode }) => exitCode === 0) ? 0 : 1

async function vitest(project, title) {
  const report = join(reports, `${project}.json`)
  const cli = join(require.resolve('vitest/package.json'), '..', 'vitest.mjs')
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  return runSuite(title, [cli, ...args], {}, () => {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = readJson(report)
    const unread = testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    )
    // A file that could not even be loaded counts as one failure.
    return { passed: numPassedTests, failed: numFailedTests + unread.length, skipped: numPendingTests + numTodoTests }
  })
}

async function playwright(title) {
  const report = join(reports, 'e2e.json')
  const cli = require.resolve('@playwright/test/cli')
  const reporting = { PLAYWRIGHT_JSON_OUTPUT_NAME: report }
  return runSuite(title, [cli, 'test', '--reporter=list,json'], reporting, () => {
    const { expected, unexpected, flaky, skipped } = readJson(report).stats
    return { passed: expected, failed: unexpected + flaky, skipped }
  })
}

/** A suite that exits well without having run a test has failed. */
async function runSuite(title, args, extraEnvironment, countOf) {
  console.log(`\n── ${title}\n`)
  const startedMs = performance.now()
  const exitCode = await run(args, { ...environment, ...extraEnvironment })
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  try {
    const count = countOf()
    return { title, ...count, seconds, exitCode: exitCode === 0 && count.passed === 0 ? 1 : exitCode }
  } catch (error) {
    console.error(`no report was written: ${error.message}`)
    return { title, passed: 0, failed: 0, skipped: 0, seconds, exitCode: exitCode === 0 ? 1 : exitCode }
  }
}

function run(args, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], env })
    child.once('error', () => resolve(1))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
