/**
 * `npm run size`: what a page downloads, minified and gzipped, dependencies included, as Vite bundles it from
 * the sources. Each row is a program of its own; only what it uses is counted. What a program loads only when it is
 * first needed is counted apart. Fails where a program is over its limit: who raises one says what for.
 *
 * `-- --parts` adds what each folder contributes, minified.
 */
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build as bundleWithEsbuild } from 'esbuild'
import { build, loadConfigFromFile } from 'vite'

const { parts } = parseArgs({ options: { parts: { type: 'boolean', default: false } } }).values

const root = fileURLToPath(new URL('..', import.meta.url))

/** Title, most KiB gzipped that it may load at once, source. */
const programs = [
  ['a WebRTC seam', 37, "export { SignalTag, WebRtcLoom } from 'selvage/webrtc'"],
  ['a place in IndexedDB', 10, "export { openPlace } from 'selvage/indexeddb'"],
  ['the game path: WebRTC, IndexedDB, Raft, turns', 78, gamePath()],
  ['Raft alone, in memory', 31, "export { InMemoryRaftStorage, raftNode, seamTransport } from 'selvage'"],
  ['everything in selvage', 67, "export * from 'selvage'"],
]

for (const [title, limitKib, source] of programs) {
  const { atOnce, later } = await bundled(source)
  const whenNeeded = later.length === 0 ? '' : `, and ${kib(gzipped(later))} when first needed`
  console.log(
    `${kib(gzipped(atOnce)).padStart(9)} gzipped, ${kib(length(atOnce)).padStart(9)} minified: ${title}${whenNeeded}`,
  )
  if (gzipped(atOnce) > limitKib * 1024) {
    console.error(`over its limit of ${limitKib} KiB: ${title}`)
    process.exitCode = 1
  }
  if (parts) for (const [folder, bytes] of await partsOf(source)) console.log(`${kib(bytes).padStart(21)} ${folder}`)
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`
}

/** Of files that travel each by itself. */
function gzipped(files) {
  return files.reduce((sum, code) => sum + gzipSync(code, { level: 9 }).length, 0)
}

function length(files) {
  return files.reduce((sum, code) => sum + Buffer.byteLength(code), 0)
}

function gamePath() {
  return [
    "export { gameHost, gameJoin, json, TurnSequencer } from 'selvage'",
    "export { SignalTag, WebRtcLoom } from 'selvage/webrtc'",
    "export { openPlace } from 'selvage/indexeddb'",
  ].join('\n')
}

async function bundled(source) {
  const entry = '\0selvage-size'
  const { output } = await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'selvage-size',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? source : null),
      },
    ],
    resolve: { alias: await sourceAlias() },
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      modulePreload: false,
      rollupOptions: {
        input: entry,
        // As for a page, whose entry nobody imports from: what it shares with what comes later stays in it.
        preserveEntrySignatures: 'allow-extension',
        output: { format: 'es' },
      },
    },
  })
  const chunks = new Map(output.filter(({ type }) => type === 'chunk').map((chunk) => [chunk.fileName, chunk]))
  const atOnce = new Set()
  const load = ({ fileName, imports }) => {
    if (atOnce.has(fileName)) return
    atOnce.add(fileName)
    for (const name of imports) if (chunks.has(name)) load(chunks.get(name))
  }
  for (const chunk of chunks.values()) if (chunk.isEntry) load(chunk)
  const files = [...chunks.values()]
  return {
    atOnce: files.filter(({ fileName }) => atOnce.has(fileName)).map(({ code }) => code),
    later: files.filter(({ fileName }) => !atOnce.has(fileName)).map(({ code }) => code),
  }
}

/** Folders and the minified bytes of each, as esbuild tells them: largest first. */
async function partsOf(source) {
  const { metafile } = await bundleWithEsbuild({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    metafile: true,
    write: false,
    outdir: root,
    absWorkingDir: root,
  })
  const folders = new Map()
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = path.split('/').slice(0, -1).join('/')
      if (bytesInOutput > 0) folders.set(folder, (folders.get(folder) ?? 0) + bytesInOutput)
    }
  }
  return [...folders].sort(([, a], [, b]) => b - a)
}

/** The alias list is TypeScript, which Vite can load on every version of Node. */
async function sourceAlias() {
  const loaded = await loadConfigFromFile({ command: 'build', mode: 'production' }, `${root}vite.config.ts`)
  return loaded.config.resolve.alias
}
