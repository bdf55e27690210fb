import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { refuseUpgrade, SignalEndpoint, type SignalEndpointOptions } from './signal-endpoint.ts'

/** What is needed of an HTTP server: Node's own, plain, TLS or HTTP/2 with HTTP/1 allowed. */
export interface UpgradeSource {
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown
  on(event: 'close', listener: () => void): unknown
  off(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown
  off(event: 'close', listener: () => void): unknown
  listenerCount(event: 'upgrade'): number
}

export interface AttachSignallingOptions extends SignalEndpointOptions {
  /**
   * Where signalling answers, e.g. `/signal`. Upgrades to any other path are left to the server's other
   * listeners; where it has none they are refused with 404.
   */
  readonly path: string
}

export interface AttachedSignalling {
  /** Connections and rooms now held. */
  readonly size: { readonly connections: number; readonly rooms: number }
  /** Resolves when peers can attach; rejects where the backplane cannot be opened. */
  readonly ready: Promise<void>
  /** Closes every connection and lets go of the HTTP server, which goes on. Idempotent. */
  close(): Promise<void>
}

/**
 * Mounts signalling at one path of an HTTP server that somebody else owns. Node's `server.close()` waits
 * for open WebSockets: call `close()` here before it, unless the owner destroys its sockets. Throws a
 * `RangeError` for a path that does not begin with a slash.
 */
export function attachSignalling(server: UpgradeSource, options: AttachSignallingOptions): AttachedSignalling {
  if (!options.path.startsWith('/')) throw new RangeError(`a path begins with a slash: ${options.path}`)
  const endpoint = new SignalEndpoint(options)
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (pathOf(request) === options.path) endpoint.upgrade(request, socket, head)
    // Nobody else would answer it, nor hear its errors: left alone, its reset would end the process.
    else if (server.listenerCount('upgrade') === 1) refuseUpgrade(socket, '404 Not Found')
  }
  const onClose = (): void => void close()
  const close = (): Promise<void> => {
    server.off('upgrade', onUpgrade)
    server.off('close', onClose)
    return endpoint.close()
  }
  server.on('upgrade', onUpgrade)
  server.on('close', onClose)
  return {
    get size() {
      return endpoint.size
    },
    ready: endpoint.ready,
    close,
  }
}

function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '/'
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}
