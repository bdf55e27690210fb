/**
 * `node bench/run.mjs seam|raft|commit|signal [--rounds 15] [--subjects "bare again,seam"]`: installs what only the benches
 * need, once, then runs one. `--subjects` is for `seam`, `--durability strict|relaxed` for `commit`.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '15' },
    durability: { type: 'string', default: 'strict' },
    subjects: { type: 'string', default: 'bare again,seam,simple-peer,peerjs,trystero' },
  },
})
const benches = {
  seam: () => import('./seam/seam.mjs'),
  raft: () => import('./raft/raft.mjs'),
  commit: () => import('./commit/commit.mjs'),
  signal: () => import('./signal/signal.mjs'),
}
const load = benches[positionals[0]]
const rounds = Number(values.rounds)
if (load === undefined || !Number.isInteger(rounds) || rounds < 1) {
  console.error(
    `usage: node bench/run.mjs ${Object.keys(benches).join('|')} [--rounds 15] [--subjects "bare again,seam"]`,
  )
  process.exit(2)
}

const here = fileURLToPath(new URL('.', import.meta.url))
if (modifiedMs('node_modules/.package-lock.json') < modifiedMs('package-lock.json')) {
  console.log('installing what only the benches need')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const installed = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: here,
    stdio: 'inherit',
  })
  if (installed.status !== 0) process.exit(installed.status ?? 1)
}
const { run } = await load()
await run({ rounds, durability: values.durability, subjects: values.subjects.split(',').map((name) => name.trim()) })

function modifiedMs(path) {
  return statSync(`${here}${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
