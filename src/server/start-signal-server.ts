import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { statusPages } from './status-pages.ts'
import { SignalEndpoint, type CloseOptions, type SignalEndpointOptions } from './signal-endpoint.ts'

export interface SignalServerOptions extends SignalEndpointOptions {
  /** Default 0: any free port. */
  readonly port?: number | undefined
  /** Address to listen on. Default `127.0.0.1`; `0.0.0.0` is every IPv4 interface. */
  readonly host?: string | undefined
  /** How long a client may take to say its HTTP request, milliseconds. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined
  /** Whether `/metrics` is served, for Prometheus; `/healthz` and `/readyz` always are. Default false. */
  readonly metrics?: boolean | undefined
}

/** Sockets beyond `maxConnections`: for those who are told that there are too many, and for who asks how it does. */
const SPARE_CONNECTIONS = 256

export interface SignalServer {
  /** What clients connect to, e.g. `ws://127.0.0.1:8787`. */
  readonly url: string
  readonly port: number
  /** Connections and rooms now held. */
  readonly size: { readonly connections: number; readonly rooms: number }
  /** Since the start: frames relayed and their bytes, and those dropped because their addressee read too slowly or was gone. */
  readonly relayed: { readonly frames: number; readonly bytes: number; readonly dropped: number }
  /**
   * Says goodbye to every client, frees the port and leaves nothing running. Idempotent; an abrupt call cuts
   * short one that is under way.
   */
  close(options?: CloseOptions): Promise<void>
}

/**
 * A signalling server on a port of its own, at every path of it. It speaks plain `ws:`; for pages that
 * come over HTTPS, put it behind whatever ends TLS. Rejects with the system's error where the port
 * cannot be had, and with the backplane's where that cannot be opened; then nothing is left open.
 */
export async function startSignalServer(options: SignalServerOptions = {}): Promise<SignalServer> {
  const { port = 0, host = '127.0.0.1', handshakeTimeoutMs = 10_000 } = options
  const endpoint = new SignalEndpoint(options)
  const server = createServer(
    // Who has not said what it wants by then is not worth a socket; a handshake is one short request.
    {
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, handshakeTimeoutMs),
    },
    statusPages(() => endpoint.status, options.metrics ?? false),
  )
  server.maxConnections = endpoint.limits.maxConnections + SPARE_CONNECTIONS
  server.on('upgrade', (request, socket, head) => endpoint.upgrade(request, socket, head))
  try {
    await Promise.all([endpoint.ready, listening(server, port, host)])
  } catch (error) {
    await endpoint.close()
    server.close()
    throw error
  }
  const address = server.address() as AddressInfo
  let freed: Promise<void> | null = null
  return {
    url: `ws://${reachableHost(host)}:${address.port}`,
    port: address.port,
    get size() {
      return endpoint.size
    },
    get relayed() {
      return endpoint.relayed
    },
    close: async (how) => {
      if (how?.abrupt === true) void endpoint.close(how)
      // While it drains it is still asked whether it lives.
      if (how?.drainMs !== undefined && how.abrupt !== true) await endpoint.drain(how.drainMs)
      // The port goes first, so that a client told to go away finds nobody when it comes straight back.
      freed ??= new Promise((resolve) => server.close(() => resolve()))
      await endpoint.close(how)
      server.closeAllConnections()
      await freed
    },
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A wildcard is no address to connect to; this machine's own name for itself is. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
