/**
 * `npm run size`: what a page downloads, minified and gzipped, dependencies included, as Vite bundles it from
 * the sources. Each row is a program of its own; only what it uses is counted. What a program loads only when it is
 * first needed is counted apart.
 */
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build, loadConfigFromFile } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))

const programs = [
  ['a WebRTC seam', "export { SignalTag, WebRtcLoom } from 'selvage/webrtc'"],
  ['a place in IndexedDB', "export { openPlace } from 'selvage/indexeddb'"],
  ['the game path: WebRTC, IndexedDB, Raft, turns', gamePath()],
  ['Raft alone, in memory', "export { InMemoryRaftStorage, raftNode, seamTransport } from 'selvage'"],
  ['everything in selvage', "export * from 'selvage'"],
]

for (const [title, source] of programs) {
  const { atOnce, later } = await bundled(source)
  const whenNeeded = later.length === 0 ? '' : `, and ${kib(gzipped(later))} when first needed`
  console.log(
    `${kib(gzipped(atOnce)).padStart(9)} gzipped, ${kib(length(atOnce)).padStart(9)} minified: ${title}${whenNeeded}`,
  )
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
        preserveEntrySignatures: 'strict',
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

/** The alias list is TypeScript, which Vite can load on every version of Node. */
async function sourceAlias() {
  const loaded = await loadConfigFromFile({ command: 'build', mode: 'production' }, `${root}vite.config.ts`)
  return loaded.config.resolve.alias
}
