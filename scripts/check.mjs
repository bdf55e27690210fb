/**
 * `npm run check`: everything about the tree that needs no browser. Every check runs even where an earlier
 * one failed; what a passing check printed is kept quiet.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** In this order: what is quick to fail comes first, and what reads the build comes after it. */
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const checks = Object.keys(scripts).filter((name) => name.startsWith('check:'))

const failed = []
for (const check of checks) {
  const name = check.slice('check:'.length)
  const startedMs = performance.now()
  const { exitCode, output } = await run(check)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(`${exitCode === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
  if (exitCode === 0) continue
  failed.push(name)
  console.log(output.trimEnd())
}
const verdict = failed.length === 0 ? 'all passed' : `failed: ${failed.join(', ')}`
console.log(`${checks.length} checks, ${verdict}`)
process.exitCode = failed.length === 0 ? 0 : 1

function run(script) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script], {
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
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
