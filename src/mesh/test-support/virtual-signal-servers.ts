import type { Clock } from '../../base/clock.ts'
import { SignalHub, type HubEffect } from '../../signal/hub.ts'
import { encodeMessage } from '../../signal/protocol.ts'
import { DEFAULT_SIGNAL_LIMITS, type SignalLimits } from '../../signal/signal-limits.ts'
import type { SignalSocket, SignalSocketConstructor } from '../../signal/signal-socket.ts'

type Listener = (event: never) => void

/** Signalling servers without a network: the real hub behind sockets that live in a test's time. */
export class VirtualSignalServers {
  readonly clock: Clock
  readonly WebSocket: SignalSocketConstructor
  /** Addresses asked for, in order. */
  readonly asked: string[] = []
  readonly #servers: Map<string, VirtualServer> = new Map()

  constructor(clock: Clock, urls: readonly string[]) {
    this.clock = clock
    for (const url of urls) this.#servers.set(url, new VirtualServer(clock))
    this.WebSocket = this.reaching(...urls)
  }

  /** The WebSocket of a machine that gets through to these servers and no others. */
  reaching(...urls: readonly string[]): SignalSocketConstructor {
    const { clock } = this
    const dial = (url: string): VirtualServer | undefined => {
      this.asked.push(url)
      return urls.includes(url) ? this.#servers.get(url) : undefined
    }
    return class extends VirtualSocket {
      constructor(url: string) {
        super(clock, dial(url))
      }
    }
  }

  get openSockets(): number {
    return [...this.#servers.values()].reduce((sum, server) => sum + server.sockets.size, 0)
  }

  stop(url: string): void {
    this.#servers.get(url)?.stop()
  }

  /** Breaks the connection that has been open longest, and no other. */
  dropOldest(url: string): void {
    const server = this.#servers.get(url)
    const [oldest] = server?.sockets ?? []
    if (oldest === undefined) return
    oldest[1].dropped(1006)
    server?.disconnect(oldest[0])
  }

  start(url: string): void {
    this.#servers.get(url)?.start()
  }

  /** How long everything takes each way from now on; 1 ms at first. {@link SILENT}: for good. */
  delay(url: string, latencyMs: number): void {
    const server = this.#servers.get(url)
    if (server !== undefined) server.latencyMs = latencyMs
  }

  /** Restarts it under other limits than the default ones. */
  limit(url: string, limits: Partial<SignalLimits>): void {
    const server = this.#servers.get(url)
    server?.stop()
    server?.start(limits)
  }

  /** Restarts it as one that relays nothing. */
  forbidRelay(url: string): void {
    const server = this.#servers.get(url)
    server?.stop()
    server?.start({}, false)
  }
}

/** The latency of a server that nothing gets to or from any more, and nobody is told. */
export const SILENT: number = Infinity

class VirtualServer {
  readonly sockets: Map<number, VirtualSocket> = new Map()
  latencyMs = 1
  readonly #clock: Clock
  #hub: SignalHub | null = new SignalHub(DEFAULT_SIGNAL_LIMITS)
  #lastId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  connect(socket: VirtualSocket): number | null {
    if (this.#hub === null) return null
    const id = ++this.#lastId
    this.sockets.set(id, socket)
    this.#run(this.#hub.step({ kind: 'connected', connection: id, nowMs: this.#clock.now() }))
    return id
  }

  hear(connection: number, data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#hub === null || !this.sockets.has(connection)) return
    const nowMs = this.#clock.now()
    if (typeof data === 'string') this.#run(this.#hub.step({ kind: 'message', connection, text: data, nowMs }))
    else this.#run(this.#hub.step({ kind: 'binary', connection, bytes: data, nowMs }))
  }

  disconnect(connection: number, code?: number): void {
    if (!this.sockets.delete(connection) || this.#hub === null) return
    this.#run(this.#hub.step({ kind: 'disconnected', connection, ...(code === undefined ? {} : { code }) }))
  }

  stop(): void {
    this.#hub = null
    const sockets = [...this.sockets.values()]
    this.sockets.clear()
    for (const socket of sockets) socket.dropped(1006)
  }

  start(limits: Partial<SignalLimits> = {}, relay = true): void {
    this.#hub ??= new SignalHub({ ...DEFAULT_SIGNAL_LIMITS, ...limits }, { relay })
  }

  #run(effects: readonly HubEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        const text = encodeMessage(effect.message)
        for (const connection of effect.connections) this.sockets.get(connection)?.heard(text)
      } else if (effect.kind === 'relay') {
        this.sockets.get(effect.connection)?.heard(effect.bytes.buffer)
      } else if (effect.kind === 'close') {
        this.sockets.get(effect.connection)?.dropped(effect.code)
        this.sockets.delete(effect.connection)
      }
    }
  }
}

class VirtualSocket implements SignalSocket {
  readonly bufferedAmount: number = 0
  binaryType = 'blob'
  readonly #clock: Clock
  readonly #server: VirtualServer | undefined
  readonly #listeners: Map<string, Listener[]> = new Map()
  #id: number | null = null
  #over = false

  constructor(clock: Clock, server: VirtualServer | undefined) {
    this.#clock = clock
    this.#server = server
    this.#later(() => {
      if (this.#over) return
      this.#id = server?.connect(this) ?? null
      if (this.#id === null) this.dropped(1006)
      else this.#fire('open', {})
    })
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    const id = this.#id
    if (id !== null && !this.#over) this.#later(() => this.#server?.hear(id, data))
  }

  close(code = 1005): void {
    if (this.#over) return
    this.#over = true
    const id = this.#id
    // Whatever lies in between: a connection that is given up is gone at the server in the end.
    if (id !== null) this.#clock.setTimeout(() => this.#server?.disconnect(id, code), 1)
  }

  heard(data: string | ArrayBuffer): void {
    this.#later(() => {
      if (!this.#over) this.#fire('message', { data })
    })
  }

  dropped(code: number): void {
    this.#later(() => {
      if (this.#over) return
      this.#over = true
      this.#fire('close', { code })
    })
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  #fire(type: string, event: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never)
  }

  #later(run: () => void): void {
    const latencyMs = this.#server?.latencyMs ?? 1
    if (latencyMs !== SILENT) this.#clock.setTimeout(run, latencyMs)
  }
}
