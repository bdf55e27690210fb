/**
 * `npm run check`: everything about the tree that needs no browser. Every check runs even where an earlier
 * one failed; what a passing check printed is kept quiet.
 */
import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

const binaries = fileURLToPath(new URL('../node_modules/.bin', import.meta.url))
const environment = { ...process.env, PATH: `${binaries}${delimiter}${process.env['PATH'] ?? ''}` }

/** Type-aware linting is told where to look: without paths it walks node_modules. */
const linted = 'src test demo e2e scripts bench/page bench/seam vite.config.ts vitest.config.ts playwright.config.ts'

const checks = [
  ['format', 'oxfmt --check .'],
  ['lint', `oxlint --type-aware --deny-warnings --report-unused-disable-directives ${linted}`],
  ['types', 'tsc -p tsconfig.json'],
  ['layers', 'vitest run --project node test/layers.test.ts'],
  ['build', 'npm run --silent build'],
  ['demo build', 'vite build --logLevel warn'],
  ['publint', 'publint --strict'],
  ['attw', 'attw --pack . --profile esm-only'],
  ['knip', 'knip --no-progress --treat-config-hints-as-errors'],
]

const failed = []
for (const [name, command] of checks) {
  const startedMs = performance.now()
  const { exitCode, output } = await run(command)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(`${exitCode === 0 ? 'ok  ' : 'FAIL'} ${name} (${command.split(' ', 1)[0]}, ${seconds} s)`)
  if (exitCode === 0) continue
  failed.push(name)
  console.log(output.trimEnd())
}
const verdict = failed.length === 0 ? 'all passed' : `failed: ${failed.join(', ')}`
console.log(`${checks.length} checks, ${verdict}`)
process.exitCode = failed.length === 0 ? 0 : 1

function run(command) {
  return new Promise((resolve) => {
    const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'], env: environment })
    let output = ''
    const keep = (chunk) => {
      output += String(chunk)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ exitCode: 1, output: String(error) }))
    child.once('close', (code) => resolve({ exitCode: code ?? 1, output }))
  })
}
