import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { startSignalServer } from '../../src/server/index.ts'
import { startPeerServer } from './peer-servers.ts'

/**
 * Real signalling servers for tests that run in a browser, started once before them. A test reads their
 * addresses with `inject('signalServers')`: three URLs, stable for the whole run.
 *
 *     import { inject } from 'vitest'
 *     const servers = inject('signalServers')                 // ['ws://127.0.0.1:…', … , …]
 *
 * Those three are shared by all test files: give every test a room of its own, and never stop one. A
 * test that wants a server to die starts servers of its own through the control endpoint, with
 * `controlServers()` of `control-servers.ts`:
 *
 *     await using cluster = await controlServers(2)
 *     await cluster.stop(0)                                   // its sockets get 1001, its port refuses
 *     await cluster.kill(1)                                   // its sockets are cut without a word
 *     await cluster.start(0)                                  // back on the same port, empty
 *
 * There is one PeerServer besides, `inject('peerServer')`, and `controlServers(2, 'peer')` starts others.
 *
 * The endpoint is HTTP on loopback: `POST /servers` or `/servers/peer` → `{ id, url }`, then `POST /servers/<id>/stop`,
 * `…/kill`, `…/start`, and `DELETE /servers/<id>`; all answer when it has happened.
 */
declare module 'vitest' {
  export interface ProvidedContext {
    signalServers: readonly string[]
    signalControl: string
    peerServer: string
  }
}

const SHARED_SERVERS = 3

/** What is tested through them is not the rate of a relay. */
const NO_RELAY_RATE = { relayBytesPerSecond: 1_073_741_824, relayBurstBytes: 1_073_741_824 }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = await Promise.all(
    Array.from({ length: SHARED_SERVERS }, () => startSignalServer({ limits: NO_RELAY_RATE })),
  )
  const peerServer = await startPeerServer()
  const control = new ControlEndpoint()
  project.provide(
    'signalServers',
    shared.map((server) => server.url),
  )
  project.provide('peerServer', peerServer.url)
  project.provide('signalControl', await control.listen())
  return async () => {
    await control.close()
    await Promise.all([peerServer, ...shared].map((server) => server.close()))
  }
}

/** A server that can go away and come back on its port. */
interface Controlled {
  readonly start: (at?: { readonly port: number }) => Promise<Running>
  readonly port: number
  readonly url: string
  running: Running | null
}

/** A PeerServer never says goodbye: `abrupt` is all that it knows. */
interface Running {
  readonly port: number
  readonly url: string
  close(how?: { readonly abrupt: true }): Promise<void>
}

class ControlEndpoint {
  readonly #servers = new Map<string, Controlled>()
  readonly #http: Server = createServer((request, response) => void this.#answer(request, response))
  #lastId = 0

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.running?.close()))
    this.#http.closeAllConnections()
    await new Promise((resolve) => this.#http.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-methods', 'POST, DELETE')
    try {
      const body = request.method === 'OPTIONS' ? {} : await this.#obey(request.method ?? '', request.url ?? '')
      response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    } catch (error) {
      response.writeHead(500).end(JSON.stringify({ error: String(error) }))
    }
  }

  /** What to answer, or `null` where there is no such thing to do. */
  async #obey(method: string, url: string): Promise<object | null> {
    const [, servers, id, verb] = url.split('/')
    if (servers !== 'servers') return null
    if (id === undefined) return method === 'POST' ? await this.#create(startSignalServer) : null
    if (id === 'peer') return method === 'POST' ? await this.#create(startPeerServer) : null
    const server = this.#servers.get(id)
    if (server === undefined) return null
    if (method === 'DELETE') {
      this.#servers.delete(id)
      await server.running?.close()
      return {}
    }
    if (method !== 'POST') return null
    if (verb === 'start') server.running ??= await server.start({ port: server.port })
    else if (verb === 'stop') await halt(server, (running) => running.close())
    else if (verb === 'kill') await halt(server, (running) => running.close({ abrupt: true }))
    else return null
    return {}
  }

  async #create(start: Controlled['start']): Promise<object> {
    const running = await start()
    const id = String(++this.#lastId)
    this.#servers.set(id, { start, port: running.port, url: running.url, running })
    return { id, url: running.url }
  }
}

async function halt(server: Controlled, how: (running: Running) => Promise<void>): Promise<void> {
  const { running } = server
  server.running = null
  if (running !== null) await how(running)
}
