import { fileURLToPath } from 'node:url'
import { defineConfig, type UserConfig } from 'vite'
import { sourceAlias } from '../scripts/source-alias.ts'
import { selvageSignal } from '../src/server/vite.ts'

/** With these headers a page's clock counts in steps of 5 us instead of 100. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** The bench's page, bundled as for production, and a signalling server beside it. */
const config: UserConfig = defineConfig({
  root: fileURLToPath(new URL('./page', import.meta.url)),
  resolve: { alias: sourceAlias() },
  plugins: [selvageSignal()],
  preview: { host: '127.0.0.1', headers: isolation },
  build: {
    outDir: fileURLToPath(new URL('./dist', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
  },
  logLevel: 'warn',
})

export default config
