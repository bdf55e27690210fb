/**
 * `npm run sim -- [--nodes] [--seeds 100] [--from 1] [--mix name] [--minutes 1] [--hours H] [--jobs J]`, or
 * `[--seed S]`, `[--speed]`, `[--mutants]`, `[--soak]`
 *
 * Runs that many seeds, each for so many simulated minutes of trouble, and says what it found: of cores alone, or of
 * whole nodes; `--hours` goes on until so many are simulated. `--jobs` is the number of threads, one for each processor
 * unless told. `--seed` runs one and prints its trace; `--speed` measures; `--mutants` runs the engines that are broken
 * on purpose; `--soak` (`npm run sim:soak`) simulates 1,000 hours of cores, or as many as `--hours` says, and a tenth of
 * that of whole nodes.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { loadSimulation } from './simulation-bundle.mjs'
import { HOUR_MS, runSeries, seconds } from './simulation-series.mjs'

const SOAK_HOURS = 1000
const TRACED_LINES = 400

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    hours: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    mix: { type: 'string' },
    seed: { type: 'string' },
    speed: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    nodes: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
  },
})

const simulation = await loadSimulation()
const mix = mixNamed(values.mix)
const troubleMs = number('minutes') * 60_000
const runTrial = values.nodes ? simulation.runNodeTrial : simulation.runCoreTrial

if (values.mutants) await runMutants()
else if (values.speed) await measure()
else if (values.seed !== undefined) await replay(Number(values.seed))
else process.exitCode = (await runSeeds()) === 0 ? 0 : 1

/** Resolves with the number of failures. */
async function runSeeds() {
  const wanted = { mix: mix?.name, troubleMs, from: number('from'), seeds: number('seeds'), jobs: number('jobs') }
  const hours = values.hours === undefined ? null : number('hours')
  if (!values.soak) return runSeries({ ...wanted, nodes: values.nodes, hours })
  const ofCores = await runSeries({ ...wanted, nodes: false, hours: hours ?? SOAK_HOURS })
  return ofCores + (await runSeries({ ...wanted, nodes: true, hours: (hours ?? SOAK_HOURS) / 10 }))
}

/** One seed, with the last lines of what happened. */
async function replay(seed) {
  const lines = []
  const trace = (line) => {
    lines.push(line)
    if (lines.length > 2 * TRACED_LINES) lines.splice(0, TRACED_LINES)
  }
  try {
    const report = await runTrial({ seed, mix, troubleMs, trace })
    console.log(lines.slice(-TRACED_LINES).join('\n'))
    console.log(JSON.stringify(report))
  } catch (error) {
    console.log(lines.slice(-TRACED_LINES).join('\n'))
    console.log(`seed ${seed}: ${error.rule === undefined ? error.stack : error.message}`)
    process.exitCode = 1
  }
}

/** Simulated hours for each second of processor time, three nodes at a heartbeat of 100 ms, all invariants on. */
async function measure() {
  const options = { mix: mix ?? simulation.STEADY, troubleMs: values.nodes ? HOUR_MS / 20 : HOUR_MS }
  await runTrial({ seed: 0, ...options })
  const rates = []
  for (let seed = 1; seed <= 9; seed++) {
    const before = process.cpuUsage()
    const { simulatedMs, steps } = await runTrial({ seed, ...options })
    const { user, system } = process.cpuUsage(before)
    rates.push({ rate: simulatedMs / HOUR_MS / ((user + system) / 1e6), steps })
  }
  rates.sort((a, b) => a.rate - b.rate)
  const [least, middle, most] = [rates[0], rates[4], rates[8]].map(({ rate }) => rate.toFixed(2))
  console.log(
    `${options.mix.name}: ${middle} simulated hours a second of processor time (least ${least}, most ${most})`,
  )
}

async function runMutants() {
  const rows = []
  for (const mutant of simulation.MUTANTS) {
    const mutated = await loadSimulation(mutant)
    const startedMs = performance.now()
    rows.push({
      mutant,
      ...(await caught(mutated, mutant)),
      tookMs: performance.now() - startedMs,
    })
    const { seed, rule, tookMs } = rows.at(-1)
    console.log(
      `${mutant.name.padEnd(64)}${String(seed ?? 'none').padStart(6)}  ${String(rule ?? 'NOT CAUGHT').padEnd(28)}${seconds(tookMs)}`,
    )
  }
  process.exitCode = rows.every(({ mutant, rule }) => mutant.breaks.includes(rule)) ? 0 : 1
}

async function caught(mutated, mutant) {
  const run = mutant.nodes === true ? mutated.runNodeTrial : mutated.runCoreTrial
  for (let seed = 1; seed <= number('seeds'); seed++) {
    try {
      await run({ seed, mix: mix ?? mixNamed(mutant.mix), troubleMs })
    } catch (error) {
      if (error.rule === undefined) console.log(error.stack)
      return { seed, rule: error.rule ?? error.message }
    }
  }
  return { seed: null, rule: null }
}

function mixNamed(name) {
  if (name === undefined) return undefined
  const found = [...simulation.MIXES, simulation.STEADY].find((each) => each.name === name)
  if (found !== undefined) return found
  console.error(`no such mix: ${name}; there are ${simulation.MIXES.map((each) => each.name).join(', ')}`)
  process.exit(2)
}

function number(name) {
  const value = Number(values[name])
  if (Number.isFinite(value) && value > 0) return value
  console.error(`--${name} is a number above 0, not ${values[name]}`)
  process.exit(2)
}
