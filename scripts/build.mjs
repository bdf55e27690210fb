/** `npm run build`: compiles src to dist (or to the folder named), from nothing, and makes the command executable. */
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

const out = resolve(process.argv[2] ?? `${root}dist`)
const compiling = [require.resolve('typescript/bin/tsc'), '-p', `${root}tsconfig.build.json`, '--outDir', out]

rmSync(out, { recursive: true, force: true })
const built = spawnSync(process.execPath, compiling, { stdio: 'inherit' })
if (built.status !== 0) process.exit(built.status ?? 1)
await buildIn('nanostores', 'atom', join(out, 'base/observable.js'))
chmodSync(join(out, 'server/bin.js'), 0o755)

/**
 * Puts `name` of a package, as it is in production, beside the one file that imports it: the package's own files ask
 * for `process`, which no browser has. Its types stay its own.
 */
async function buildIn(packageName, name, importer) {
  const license = readFileSync(
    require.resolve(`${packageName}/package.json`).replace('package.json', 'LICENSE'),
    'utf8',
  )
  await build({
    stdin: { contents: `export { ${name} } from '${packageName}'`, resolveDir: root },
    outfile: join(importer, '..', `${packageName}.js`),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    minifySyntax: true,
    banner: { js: `/*\n${packageName}\n\n${license}*/` },
  })
  const text = readFileSync(importer, 'utf8')
  const own = text.replace(`from '${packageName}'`, `from './${packageName}.js'`)
  if (own === text) throw new Error(`${importer} does not import ${packageName}`)
  writeFileSync(importer, own)
}
