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
import { findFirefox } from './find-firefox.mjs'

/** What the projects of `playwright.config.ts` are, for people. */
const PROJECTS = {
  chromium: 'two players, end to end (Chromium)',
  firefox: 'two players, end to end (Firefox)',
  bundlers: 'the packed tarball in Vite, webpack, esbuild, an import map, a server (Chromium)',
  network: 'peers on networks that relay, break and change (Chromium)',
  chaos: 'rooms under chaos: cut links, killed servers, reloads (Chromium)',
  webkit: 'two players, end to end (WebKit)',
}

const require = createRequire(import.meta.url)
const reports = mkdtempSync(join(tmpdir(), 'selvage-test-'))
process.on('exit', () => rmSync(reports, { recursive: true, force: true }))

const browser = await ensureBrowser().catch((error) => {
  console.error(error.message)
  return process.exit(1)
})
console.log(`browser: ${browser}`)
const environment = { ...process.env, SELVAGE_CHROMIUM: browser }

const leftOut = []
const suites = [
  await vitest('node', 'laws, cores and servers (Node)'),
  await vitest('browser', 'fabrics and storages (Chromium)'),
]
if (findFirefox() === null) leftOut.push('no Firefox was found: no suite runs in it, and none between the two')
else suites.push(await vitest('firefox', 'fabrics and storages (Firefox)'))
suites.push(...(await playwright()))

console.log('\n────────────────────────────────────────────────────────────────')
for (const { title, passed, failed, skipped, exitCode, seconds } of suites) {
  const verdict = exitCode === 0 ? 'ok  ' : 'FAIL'
  console.log(`${verdict} ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s`)
}
for (const why of new Set(leftOut)) console.log(`left out: ${why}`)
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

/** One run of everything that Playwright drives, two tests at a time; then one suite for each of its projects. */
async function playwright() {
  const report = join(reports, 'playwright.json')
  const cli = require.resolve('@playwright/test/cli')
  const reporting = { PLAYWRIGHT_JSON_OUTPUT_NAME: report }
  let projects = []
  const whole = await runSuite(
    'games, bundles and networks (Playwright)',
    [cli, 'test', '--reporter=list,json'],
    reporting,
    () => {
      const { config, suites: files, stats } = readJson(report)
      const tests = files.flatMap(testsOf)
      leftOut.push(...tests.flatMap(({ annotations }) => annotations.filter(isLeftOut).map((one) => one.description)))
      projects = config.projects.map(({ name }) =>
        suiteOf(
          name,
          tests.filter(({ projectName }) => projectName === name),
        ),
      )
      return { passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped }
    },
  )
  // What fails outside every test (a server that does not start, a worker that does not end) is the run's own.
  const explained = whole.exitCode === 0 || projects.some(({ exitCode }) => exitCode !== 0)
  return explained ? projects : [...projects, { ...whole, passed: 0, failed: 1, skipped: 0 }]
}

function testsOf(suite) {
  return [...(suite.suites ?? []).flatMap(testsOf), ...(suite.specs ?? []).flatMap(({ tests }) => tests)]
}

function isLeftOut({ type }) {
  return type === 'left out'
}

function suiteOf(project, tests) {
  const count = (...kinds) => tests.filter(({ status }) => kinds.includes(status)).length
  const [passed, failed, skipped] = [count('expected'), count('unexpected', 'flaky'), count('skipped')]
  const results = tests.flatMap(({ results: runs }) => runs)
  const [starts, ends] = [
    results.map(({ startTime }) => Date.parse(startTime)),
    results.map(({ startTime, duration }) => Date.parse(startTime) + duration),
  ]
  const seconds = Math.round((Math.max(...ends, 0) - Math.min(...starts, Date.now())) / 1000)
  return {
    title: PROJECTS[project] ?? project,
    passed,
    failed,
    skipped,
    seconds,
    exitCode: failed > 0 || passed === 0 ? 1 : 0,
  }
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
