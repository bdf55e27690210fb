import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build as buildWithEsbuild } from 'esbuild'
import { build as buildWithVite, createLogger } from 'vite'
import webpack, { type Configuration } from 'webpack'

/**
 * Makes of the `program.js` in `folder` a page in `folder/pages/<name>/`, with the settings that its users start from.
 * Resolves with everything that the tool complained of.
 */
export type Builder = (folder: string, out: string) => Promise<readonly string[]>

export const builders: Readonly<Record<string, Builder>> = {
  vite: async (folder, out) => {
    const complaints: string[] = []
    const logger = createLogger('warn')
    const note = (message: string): void => void complaints.push(message)
    Object.assign(logger, { info: () => {}, warn: note, warnOnce: note, error: note })
    writeFileSync(join(folder, 'index.html'), page('<script type="module" src="/program.js"></script>'))
    const build = { outDir: out, emptyOutDir: true, target: 'es2022' }
    await buildWithVite({ root: folder, base: './', configFile: false, customLogger: logger, build })
    return complaints
  },

  webpack: async (folder, out) => {
    writeFileSync(join(out, 'index.html'), page('<script type="module" src="main.mjs"></script>'))
    return runWebpack({
      context: folder,
      entry: './program.js',
      output: { path: out, filename: 'main.mjs', module: true },
      experiments: { outputModule: true },
    })
  },

  esbuild: async (folder, out) => {
    writeFileSync(join(out, 'index.html'), page('<script type="module" src="program.js"></script>'))
    const { warnings } = await buildWithEsbuild({
      absWorkingDir: folder,
      entryPoints: ['program.js'],
      outdir: out,
      bundle: true,
      splitting: true,
      format: 'esm',
      minify: true,
      target: 'es2022',
      logLevel: 'silent',
    })
    return warnings.map(({ text }) => text)
  },

  'an import map': async (folder, out) => {
    cpSync(join(folder, 'node_modules/selvage/dist'), join(out, 'selvage'), { recursive: true })
    cpSync(join(folder, 'node_modules/idb-keyval/dist/index.js'), join(out, 'idb-keyval.js'))
    cpSync(join(folder, 'program.js'), join(out, 'program.js'))
    const manifest = readFileSync(join(folder, 'node_modules/selvage/package.json'), 'utf8')
    const { exports } = JSON.parse(manifest) as { exports: Record<string, { default: string }> }
    const own = ['.', './webrtc', './indexeddb'].map((path) => [
      `selvage${path.slice(1)}`,
      exports[path]?.default.replace('./dist/', './selvage/'),
    ])
    const imports = Object.fromEntries([...own, ['idb-keyval', './idb-keyval.js']])
    const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`
    writeFileSync(join(out, 'index.html'), page(`${map}<script type="module" src="program.js"></script>`))
    return []
  },
}

/** Builds with each, all at once. Resolves with the complaints by builder. */
export async function buildAll(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const building = Object.entries(builders).map(async ([name, build]) => {
    const out = join(folder, 'pages', pathOf(name))
    mkdirSync(out, { recursive: true })
    return [name, await build(folder, out)] as const
  })
  return new Map(await Promise.all(building))
}

/** Where a builder's page is, below the root of the server. */
export function pathOf(builder: string): string {
  return builder.replaceAll(' ', '-')
}

/** A server's bundle of `entry`, as Next makes one of a page: run by Node, before any browser sees the program. */
export async function buildForServer(folder: string, entry: string, out: string): Promise<readonly string[]> {
  return runWebpack({
    context: folder,
    entry,
    target: 'node20',
    optimization: { minimize: false },
    output: { path: out, filename: 'server.mjs', module: true, library: { type: 'module' } },
    experiments: { outputModule: true },
  })
}

function runWebpack(configuration: Configuration): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    webpack({ mode: 'production', performance: false, ...configuration }, (error, stats) => {
      if (error !== null || stats === undefined) return reject(error ?? new Error('webpack told nothing'))
      const { errors = [], warnings = [] } = stats.toJson({ all: false, errors: true, warnings: true })
      resolve([...errors, ...warnings].map(({ message }) => message))
    })
  })
}

function page(script: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Counting</title><body>Click.${script}</body></html>`
}
