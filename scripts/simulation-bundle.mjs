/**
 * The simulation as one plain module, so that it runs at full speed on every version of Node. A *mutant* is the same
 * with one line of the engine changed on the way: the sources have no hooks for it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Resolves with what `src/<layer>/test-support/simulation/index.ts` exports. */
export async function loadSimulation(mutant = null, layer = 'raft') {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-simulation-'))
  try {
    const plugins = mutant === null ? [] : [mutating(mutant, layer)]
    await build({
      root,
      configFile: false,
      logLevel: 'error',
      plugins,
      ssr: { noExternal: true },
      build: {
        ssr: join(root, 'src', layer, 'test-support/simulation/index.ts'),
        outDir: folder,
        emptyOutDir: false,
        minify: false,
        target: 'node20',
        rolldownOptions: { output: { entryFileNames: 'simulation.mjs', codeSplitting: false } },
      },
    })
    return await import(pathToFileURL(join(folder, 'simulation.mjs')).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Replaces a text that stands once in one file. */
function mutating({ name, file, find, replace }, layer) {
  let seen = 0
  return {
    name: 'mutant',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0].endsWith(`/src/${layer}/${file}`)) return null
      seen = code.split(find).length - 1
      if (seen !== 1) throw new Error(`mutant "${name}": ${file} has ${seen} times: ${find}`)
      return code.replace(find, () => replace)
    },
    buildEnd() {
      if (seen === 0) throw new Error(`mutant "${name}": ${file} is no part of the simulation`)
    },
  }
}
