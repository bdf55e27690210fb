/**
 * `npm run sim:room -- [--seeds 100] [--from 1] [--mix name] [--minutes 1] [--seed S] [--mutants]`
 *
 * Runs that many seeds of rooms, each for so many simulated minutes of trouble, and says what it found. `--seed` runs
 * one and prints its trace; `--mutants` runs the rooms that are broken on purpose.
 */
import { parseArgs } from 'node:util'
import { loadSimulation } from './simulation-bundle.mjs'

const TRACED_LINES = 400
const COUNTS = ['admitted', 'resumed', 'expired', 'kicked', 'successions', 'handovers', 'merges']

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    mix: { type: 'string' },
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
  },
})

const simulation = await loadSimulation(null, 'room')
const mix = mixNamed(values.mix)
const troubleMs = number('minutes') * 60_000

if (values.mutants) await runMutants()
else if (values.seed !== undefined) await replay(Number(values.seed))
else await runSeeds()

async function runSeeds() {
  const [from, seeds] = [number('from'), number('seeds')]
  const sums = new Map()
  const startedMs = performance.now()
  let simulatedMs = 0
  let failures = 0
  let slowestCalmMs = 0
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      const report = await simulation.runRoomTrial({ seed, mix, troubleMs })
      const sum = sums.get(report.mix) ?? Object.fromEntries(['trials', 'steps', ...COUNTS].map((name) => [name, 0]))
      sum.trials++
      for (const name of ['steps', ...COUNTS]) sum[name] += report[name]
      sums.set(report.mix, sum)
      simulatedMs += report.simulatedMs
      slowestCalmMs = Math.max(slowestCalmMs, report.calmMs)
    } catch (error) {
      failures++
      console.log(`seed ${seed} (${(mix ?? simulation.mixOf(seed)).name}) ${wordsOf(error)}`)
    }
  }
  const columns = ['trials', 'steps', ...COUNTS]
  console.log(`\n${'mix'.padEnd(24)}${columns.map((word) => word.padStart(12)).join('')}`)
  for (const [name, sum] of sums) {
    console.log(name.padEnd(24) + columns.map((each) => String(sum[each]).padStart(12)).join(''))
  }
  const tookMs = performance.now() - startedMs
  console.log(
    `\nseeds ${from} to ${from + seeds - 1}: ${(simulatedMs / 3_600_000).toFixed(1)} h simulated in ${seconds(tookMs)};` +
      ` longest way to agreement after calm: ${seconds(slowestCalmMs)} of ${seconds(simulation.CALM_BOUND_MS)}; failed: ${failures}`,
  )
  process.exitCode = failures === 0 ? 0 : 1
}

/** One seed, with the last lines of what happened. */
async function replay(seed) {
  const lines = []
  let outcome
  try {
    outcome = JSON.stringify(await simulation.runRoomTrial({ seed, mix, troubleMs, trace: (line) => lines.push(line) }))
  } catch (error) {
    outcome = wordsOf(error)
    process.exitCode = 1
  }
  console.log(lines.slice(-TRACED_LINES).join('\n'))
  console.log(`seed ${seed}: ${outcome}`)
}

async function runMutants() {
  let survivors = 0
  for (const mutant of simulation.MUTANTS) {
    const mutated = await loadSimulation(mutant, 'room')
    const startedMs = performance.now()
    const { seed, rule } = await caught(mutated, mix ?? mixNamed(mutant.mix))
    const found = mutant.breaks.includes(rule) ? rule : `NOT CAUGHT (${rule})`
    if (!mutant.breaks.includes(rule)) survivors++
    console.log(
      `${mutant.name.padEnd(60)}${String(seed ?? 'none').padStart(6)}  ${found.padEnd(24)}${seconds(performance.now() - startedMs)}`,
    )
  }
  process.exitCode = survivors === 0 ? 0 : 1
}

async function caught(mutated, mutantMix) {
  for (let seed = 1; seed <= number('seeds'); seed++) {
    try {
      await mutated.runRoomTrial({ seed, mix: mutantMix, troubleMs })
    } catch (error) {
      if (error.rule === undefined) console.log(error.stack)
      return { seed, rule: error.rule ?? error.message }
    }
  }
  return { seed: null, rule: null }
}

function mixNamed(name) {
  if (name === undefined) return undefined
  const found = simulation.MIXES.find((each) => each.name === name)
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

function wordsOf(error) {
  return error.rule === undefined ? error.stack : error.message
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`
}
