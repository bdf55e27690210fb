import type { Plugin } from 'vite'
import { attachSignalling, type AttachSignallingOptions, type UpgradeSource } from './attach-signalling.ts'

/**
 * A Vite plugin that mounts a signalling server beside the page, in `vite` and in `vite preview`: the page
 * reaches it at `path` of its own origin, and no second process is needed. Vite's own socket for hot
 * updates is left alone. Default path `/signal`; the path is not under Vite's `base`.
 */
export function selvageSignal(options: Partial<AttachSignallingOptions> = {}): Plugin {
  const { path = '/signal' } = options
  if (!/^\/[^?#]+$/.test(path)) throw new RangeError(`the signalling path has to be like /signal: ${path}`)
  const mount = (server: { readonly httpServer: UpgradeSource | null }): void => {
    // In middleware mode Vite has no HTTP server: whoever owns it calls attachSignalling.
    if (server.httpServer !== null) attachSignalling(server.httpServer, { ...options, path })
  }
  return {
    name: 'selvage-signal',
    configureServer: mount,
    configurePreviewServer: mount,
  }
}
