/**
 * Two Raft engines side by side: ours and @coaty/consensus.raft, a port of etcd's. Three nodes in one process,
 * 100-byte entries, logs in memory; an entry counts once all three have applied it. Every round runs each engine
 * once per column, in an order that turns by one; ours runs twice, to show how much of a difference is noise.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { table } from './table.mjs'

const outDir = fileURLToPath(new URL('../dist/raft/', import.meta.url))

/** Longest that one engine runs in one column of one round. */
const MEASURE_MS = 250
/** And before that, unmeasured. */
const WARM_UP_MS = 100
/** A log is kept in memory: it ends here, if not before. */
const MAX_ENTRIES = 200_000

const columns = [
  { title: '1 outstanding', outstanding: 1, batch: 1, encoded: false },
  { title: '64 outstanding', outstanding: 64, batch: 1, encoded: false },
  { title: '1024 outstanding', outstanding: 1024, batch: 1, encoded: false },
  { title: '10 batches of 100', outstanding: 1000, batch: 100, encoded: false },
  { title: '1 outstanding, encoded', outstanding: 1, batch: 1, encoded: true },
  { title: '64 outstanding, encoded', outstanding: 64, batch: 1, encoded: true },
  { title: '1024 outstanding, encoded', outstanding: 1024, batch: 1, encoded: true },
  { title: '10 batches of 100, encoded', outstanding: 1000, batch: 100, encoded: true },
]

export async function run({ rounds }) {
  const { selvage } = await bundled(new URL('./subjects/selvage.ts', import.meta.url))
  const { coaty } = await import('./subjects/coaty.mjs')
  const subjects = [
    ['coaty', coaty],
    ['ours', selvage],
    ['ours again', selvage],
  ]
  const results = new Map(columns.map(({ title }) => [title, new Map(subjects.map(([name]) => [name, []]))]))
  // The first time round everything is compiled, and nothing counted.
  for (let round = -1; round < rounds; round++) {
    for (const column of columns) {
      for (let turn = 0; turn < subjects.length; turn++) {
        const [name, create] = subjects[(Math.max(round, 0) + turn) % subjects.length]
        const figures = measure(create, column)
        if (round >= 0) results.get(column.title).get(name).push(figures)
      }
    }
    if (round >= 0) process.stdout.write(`round ${round + 1} of ${rounds}\n`)
  }
  console.log(`\nNode ${process.version}, ${rounds} interleaved rounds of ${MEASURE_MS} ms\n`)
  console.log(table(columns, results))
}

/** Entries a second, and messages and bytes for each, of a new cluster kept busy for a while. */
function measure(create, { outstanding, batch, encoded }) {
  const cluster = create({ encoded })
  cluster.elect()
  const keepBusy = (forMs) => {
    const start = performance.now()
    const before = cluster.applied
    let [elapsedMs, entries] = [0, 0]
    while (elapsedMs < forMs && entries < MAX_ENTRIES) {
      for (let i = 0; i < outstanding; i += batch) cluster.propose(batch)
      entries += outstanding
      cluster.settle()
      elapsedMs = performance.now() - start
    }
    const applied = cluster.applied - before
    if (applied !== entries) throw new Error(`${applied} of ${entries} entries applied everywhere`)
    return { elapsedMs, entries }
  }
  keepBusy(WARM_UP_MS)
  const before = { messages: cluster.messages, bytes: cluster.bytes }
  const { elapsedMs, entries } = keepBusy(MEASURE_MS)
  return {
    rate: entries / (elapsedMs / 1000),
    messages: (cluster.messages - before.messages) / entries,
    bytes: (cluster.bytes - before.bytes) / entries,
  }
}

/** Our sources as one file, as an application's bundler makes it. */
async function bundled(entry) {
  await build({
    configFile: false,
    logLevel: 'warn',
    build: { ssr: fileURLToPath(entry), outDir, emptyOutDir: true, target: 'node20', minify: false },
  })
  return import(new URL('../dist/raft/selvage.js', import.meta.url))
}
