/** Many seeds, on as many threads as wanted. */
import { Worker } from 'node:worker_threads'

export const HOUR_MS = 3_600_000
/** Seeds that a thread takes at a time. */
const SEEDS_AT_ONCE = 4
const SHOWN_EVERY_MS = 10_000
const COLUMNS = ['trials', 'hours', 'steps', 'committed', 'answered', 'failed']

/**
 * Runs trials until `seeds` of them are done or, where given, `hours` are simulated, and prints progress, each failure
 * and a table. Resolves with the number of failures.
 */
export async function runSeries({ nodes, mix, troubleMs, from, seeds, hours, jobs }) {
  const series = new Series({ nodes, troubleMs, from, until: hours === null ? from + seeds : Infinity, hours })
  const workerData = { nodes, mix, troubleMs }
  await Promise.all(Array.from({ length: jobs }, () => series.runThread(workerData)))
  series.show()
  series.showTable(jobs)
  return series.failures
}

class Series {
  failures = 0
  #nodes
  #troubleMs
  #from
  #until
  #hours
  #next
  #sums = new Map()
  #simulatedMs = 0
  #slowestCalmMs = 0
  #startedMs = performance.now()
  #shownMs = performance.now()

  constructor({ nodes, troubleMs, from, until, hours }) {
    this.#nodes = nodes
    this.#troubleMs = troubleMs
    this.#from = from
    this.#next = from
    this.#until = until
    this.#hours = hours
  }

  runThread(workerData) {
    const worker = new Worker(new URL('./simulation-worker.mjs', import.meta.url), { workerData })
    return new Promise((resolve, reject) => {
      worker.on('error', reject)
      worker.on('exit', resolve)
      worker.on('message', ({ report, failure, done }) => {
        if (report !== undefined) this.#passed(report)
        if (failure !== undefined) this.#failed(failure)
        if (done !== true) return
        const seeds = this.#take()
        if (seeds.length > 0) worker.postMessage(seeds)
        else void worker.terminate()
      })
    })
  }

  show() {
    this.#shownMs = performance.now()
    const tookMs = this.#shownMs - this.#startedMs
    const of = this.#hours === null ? '' : ` of ${this.#hours}`
    const what = `${this.#nodes ? 'nodes' : 'cores'}, seeds to ${this.#next - 1}`
    console.log(`  ${what}: ${inHours(this.#simulatedMs)}${of} h in ${seconds(tookMs)}, ${this.failures} failed`)
  }

  showTable(jobs) {
    const tookMs = performance.now() - this.#startedMs
    const row = (name, cells) => console.log(name.padEnd(28) + cells.map((cell) => String(cell).padStart(11)).join(''))
    const cells = (sum) => COLUMNS.map((name) => (name === 'hours' ? inHours(sum.simulatedMs) : sum[name]))
    console.log()
    row(this.#nodes ? 'whole nodes' : 'cores', COLUMNS)
    for (const [name, sum] of this.#sums) row(name, cells(sum))
    const rate = (this.#simulatedMs / HOUR_MS / (tookMs / 1000)).toFixed(2)
    const calm = (this.#slowestCalmMs / 1000).toFixed(1)
    console.log(
      `\nseeds ${this.#from} to ${this.#next - 1}: ${inHours(this.#simulatedMs)} h simulated in ${seconds(tookMs)}` +
        ` on ${jobs} threads, ${rate} h a second; longest way to progress after calm: ${calm} s;` +
        ` failed: ${this.failures}\n`,
    )
  }

  #take() {
    const seeds = []
    while (seeds.length < SEEDS_AT_ONCE && this.#next < this.#until && !this.#isEnough()) seeds.push(this.#next++)
    return seeds
  }

  #isEnough() {
    return this.#hours !== null && this.#simulatedMs >= this.#hours * HOUR_MS
  }

  #passed(report) {
    const sum = this.#sumOf(report.mix)
    sum.trials++
    for (const name of ['simulatedMs', 'steps', 'committed', 'answered']) sum[name] += report[name]
    this.#simulatedMs += report.simulatedMs
    this.#slowestCalmMs = Math.max(this.#slowestCalmMs, report.calmMs)
    if (performance.now() - this.#shownMs >= SHOWN_EVERY_MS) this.show()
  }

  #failed({ seed, mix, what }) {
    this.failures++
    this.#sumOf(mix).failed++
    this.#simulatedMs += this.#troubleMs
    console.log(`seed ${seed} (${mix}) ${what}`)
  }

  #sumOf(mix) {
    let sum = this.#sums.get(mix)
    if (sum === undefined) {
      sum = { trials: 0, simulatedMs: 0, steps: 0, committed: 0, answered: 0, failed: 0 }
      this.#sums.set(mix, sum)
    }
    return sum
  }
}

function inHours(ms) {
  return (ms / HOUR_MS).toFixed(1)
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`
}
