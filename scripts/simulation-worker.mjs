/** A thread that runs the trials it is told to, one after another, and posts what each came to. */
import { parentPort, workerData } from 'node:worker_threads'
import { loadSimulation } from './simulation-bundle.mjs'

const { nodes, mix: mixName, troubleMs } = workerData
const { MIXES, STEADY, mixOf, runCoreTrial, runNodeTrial } = await loadSimulation()
const mix = [...MIXES, STEADY].find(({ name }) => name === mixName)
const runTrial = nodes ? runNodeTrial : runCoreTrial

parentPort.on('message', (seeds) => void runAll(seeds))
parentPort.postMessage({ done: true })

async function runAll(seeds) {
  for (const seed of seeds) {
    try {
      parentPort.postMessage({ report: await runTrial({ seed, mix, troubleMs }) })
    } catch (error) {
      const what = error.rule === undefined ? error.stack : error.message
      parentPort.postMessage({ failure: { seed, mix: (mix ?? mixOf(seed)).name, what } })
    }
  }
  parentPort.postMessage({ done: true })
}
