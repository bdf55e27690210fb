import { defineConfig, type UserConfig } from 'vite'
import { sourceAlias } from './scripts/source-alias.ts'
import { selvageSignal } from './src/server/vite.ts'

const pages = ['index.html', 'lobby.html', 'examples/counting.html', 'examples/room.html']

/**
 * The demo: `npm run demo` serves it with its signalling server mounted beside it, so that one process
 * is all it takes. `npm run demo -- --host` opens it to the local network; `SELVAGE_HOST` does as well.
 */
const config: UserConfig = defineConfig({
  base: './',
  resolve: { alias: sourceAlias() },
  plugins: [selvageSignal()],
  server: { host: process.env['SELVAGE_HOST'] ?? 'localhost' },
  preview: { host: process.env['SELVAGE_HOST'] ?? 'localhost' },
  // The bench has a page too, whose packages are not installed with the demo's.
  optimizeDeps: { entries: pages },
  build: {
    outDir: 'dist-demo',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: true,
    rolldownOptions: { input: pages },
  },
})

export default config
