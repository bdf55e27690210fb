import { readFileSync } from 'node:fs'
import basicSsl from '@vitejs/plugin-basic-ssl'
import { defineConfig, type CommonServerOptions, type UserConfigFnObject } from 'vite'
import { sourceAlias } from './scripts/source-alias.ts'
import { selvageSignal } from './src/server/vite.ts'

const pages = ['index.html', 'lobby.html', 'examples/counting.html', 'examples/room.html']

/**
 * The demo: `npm run demo` serves it with its signalling server mounted beside it, so that one process
 * is all it takes. `npm run demo -- --host` opens it to the local network; `SELVAGE_HOST` does as well.
 *
 * Browsers give a page from another machine what a game needs only over HTTPS: `npm run demo:https` is
 * `--mode https --host`, under a certificate made on the spot, or yours in `SELVAGE_TLS_CERT` and `SELVAGE_TLS_KEY`.
 */
const config: UserConfigFnObject = defineConfig(({ mode }) => {
  const tls = mode === 'https' ? ownCertificate() : null
  const serving: CommonServerOptions = {
    host: process.env['SELVAGE_HOST'] ?? 'localhost',
    ...(tls === null ? {} : { https: tls }),
  }
  return {
    base: './',
    resolve: { alias: sourceAlias() },
    plugins: [selvageSignal(), ...(mode === 'https' && tls === null ? [basicSsl()] : [])],
    server: serving,
    preview: serving,
    // The bench has a page too, whose packages are not installed with the demo's.
    optimizeDeps: { entries: pages },
    build: {
      outDir: 'dist-demo',
      emptyOutDir: true,
      target: 'es2022',
      sourcemap: true,
      rolldownOptions: { input: pages },
    },
  }
})

export default config

/** Files in PEM, such as mkcert makes; a phone that knows their maker asks nothing. */
function ownCertificate(): { cert: Buffer; key: Buffer } | null {
  const { SELVAGE_TLS_CERT: cert, SELVAGE_TLS_KEY: key } = process.env
  return cert === undefined || key === undefined ? null : { cert: readFileSync(cert), key: readFileSync(key) }
}
