/**
 * `npm run size`: what a page downloads, minified and gzipped, dependencies included, as Vite bundles it from
 * the sources. Each row is a program of its own; only what it uses is counted.
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
  const code = await bundled(source)
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`
  console.log(
    `${kib(gzipSync(code, { level: 9 }).length).padStart(9)} gzipped, ${kib(code.length).padStart(9)} minified: ${title}`,
  )
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
        output: { format: 'es', codeSplitting: false },
      },
    },
  })
  return Buffer.from(
    output
      .filter(({ type }) => type === 'chunk')
      .map(({ code }) => code)
      .join(''),
  )
}

/** The alias list is TypeScript, which Vite can load on every version of Node. */
async function sourceAlias() {
  const loaded = await loadConfigFromFile({ command: 'build', mode: 'production' }, `${root}vite.config.ts`)
  return loaded.config.resolve.alias
}
