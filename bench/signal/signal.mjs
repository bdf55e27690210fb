/**
 * A signalling server beside the `peer` server: idle connections held and the memory of each, joins and relayed
 * messages a second. Every round starts each server afresh in a process of its own, in an order that turns by one; a
 * third process plays the clients. Ours runs twice, to show how much of a difference is noise. At the end each holds
 * as many idle connections as asked for, once.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { held, table } from './table.mjs'

/** In every round. */
const CONNECTIONS = 1_000
const PAIRS = 50
const MEASURE_MS = 2_000
const IDLE = 10_000
/** Files beside the sockets. */
const SPARE_FILES = 200

const subjects = ['peer', 'ours', 'ours again']

export async function run({ rounds }) {
  await bundle()
  const results = new Map(subjects.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const name = subjects[(round + turn) % subjects.length]
      results.get(name).push(await measure(name, { connections: CONNECTIONS, pairs: PAIRS, forMs: MEASURE_MS }))
    }
    process.stdout.write(`round ${round + 1} of ${rounds}\n`)
  }
  console.log(`\nNode ${process.version}, ${rounds} interleaved rounds, ${CONNECTIONS} connections, ${PAIRS} pairs\n`)
  console.log(table(results))
  const files = openFiles()
  const connections = Math.min(IDLE, files - SPARE_FILES)
  if (connections < IDLE)
    console.log(`\nthis machine opens ${files} files a process: ${connections} connections, not ${IDLE}`)
  const idle = []
  for (const name of ['peer', 'ours']) idle.push([name, await measure(name, { connections, pairs: 0, forMs: 0 })])
  console.log(`\n${held(connections, idle)}`)
}

/** The figures of one server. Both processes end with it, whatever happens. */
async function measure(name, { connections, pairs, forMs }) {
  const kind = name.startsWith('ours') ? 'ours' : name
  const server = talk('serve.mjs', [kind, String(connections + 2 * pairs + 10)])
  const client = talk('clients.mjs', [kind])
  try {
    const { port } = await server.ask('listen')
    const before = await server.ask('memory')
    const { seconds } = await client.ask('join', { port, connections })
    const after = await server.ask('memory')
    const figures = { bytesEach: (after.bytes - before.bytes) / connections, joinRate: connections / seconds }
    if (pairs === 0) return { ...figures, held: (await client.ask('held')).open }
    const { messages, elapsedMs } = await client.ask('relay', { port, pairs, forMs })
    return { ...figures, relayRate: messages / (elapsedMs / 1_000) }
  } finally {
    for (const { child } of [client, server]) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

/** A process that is asked and answers in lines of JSON, with as many files as it may open. */
function talk(script, args) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const shell = 'ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"'
  const command = ['-c', shell, process.execPath, '--expose-gc', path, ...args]
  const child = spawn('sh', command, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (what, more = {}) => {
    child.stdin.write(`${JSON.stringify({ what, ...more })}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`${script} ${args[0]} ended when asked to ${what}`)
    return JSON.parse(value)
  }
  return { child, ask }
}

function openFiles() {
  const limit = String(spawnSync('sh', ['-c', 'ulimit -Hn']).stdout).trim()
  return limit === 'unlimited' ? Infinity : Number(limit)
}

async function bundle() {
  await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      ssr: fileURLToPath(new URL('../../src/server/index.ts', import.meta.url)),
      outDir: fileURLToPath(new URL('../dist/signal/', import.meta.url)),
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'server.mjs' } },
    },
  })
}
