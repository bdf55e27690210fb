import { defineConfig, type UserConfig } from 'vite'
import { sourceAlias } from './scripts/source-alias.ts'
import { selvageSignal } from './src/server/vite.ts'

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
  optimizeDeps: { entries: ['index.html', 'examples/counting.html'] },
  build: {
    outDir: 'dist-demo',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: true,
    rolldownOptions: { input: ['index.html', 'examples/counting.html'] },
  },
})

export default config
