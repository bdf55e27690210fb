import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type ServerOptions, type WebSocket } from 'ws'
import { systemClock, type Clock } from '../base/clock.ts'
import type { Backplane } from '../signal/backplane.ts'
import { SignalHub, type ConnectionId, type HubEffect, type HubInput } from '../signal/hub.ts'
import { encodeMessage, type ServerMessage } from '../signal/protocol.ts'
import { signalLimits, type SignalLimits } from '../signal/signal-limits.ts'
import { Door, type DoorOptions } from './door.ts'
import type { ServerStatus } from './status-pages.ts'
import { TurnCredentials, type TurnOptions } from './turn.ts'

export interface SignalEndpointOptions extends DoorOptions {
  /** Overrides of the default limits. A `RangeError` says which cannot be worked under. */
  readonly limits?: Partial<SignalLimits> | undefined
  /**
   * Shares the rooms with other servers, so that together they are one. It is opened and closed with the
   * server, and belongs to no other. Default: none.
   */
  readonly backplane?: Backplane | undefined
  /** Gives short-lived TURN credentials to who needs a relay. Default: none. */
  readonly turn?: TurnOptions | undefined
  readonly clock?: Clock | undefined
  /** Whether peers that cannot link directly may have their bytes relayed, within the limits. Default true. */
  readonly relay?: boolean | undefined
}

export interface CloseOptions {
  /**
   * How long clients are given to move on to another server before they are closed, milliseconds: newcomers are
   * refused and those here are told, over half of it. Ends early when all have gone. Default 0.
   */
  readonly drainMs?: number | undefined
  /** Cuts every connection without a word, as a crash does: for tests of what clients make of it. */
  readonly abrupt?: boolean | undefined
}

/** How often time is told to the hub while anybody is connected, milliseconds. */
const TICK_MS = 1_000
/** How long a connection may take to end, whoever closes it, milliseconds; then its socket is destroyed. */
const CLOSE_GRACE_MS = 1_000
/** `ws` cuts a frame off only beyond this many times the limit: up to there the sender gets a worded error. */
const HARD_LIMIT_FACTOR = 4
/** Pings that go unanswered before a connection counts as idle. */
const PINGS_PER_TIMEOUT = 3
/** A tick this many ticks late says that this process stood still: nobody's silence is held against them. */
const PAUSED_AFTER_TICKS = 2

/**
 * Drives a {@link SignalHub} with the sockets of `ws`. It owns neither a port nor an HTTP server: who
 * has one hands over the upgrade requests that are for it.
 */
export class SignalEndpoint {
  /** Resolves when peers can attach; rejects where the backplane cannot be opened. */
  readonly ready: Promise<void>
  readonly #hub: SignalHub
  readonly #limits: SignalLimits
  readonly #clock: Clock
  readonly #door: Door
  readonly #turn: TurnCredentials | null
  readonly #webSockets: WebSocketServer
  readonly #backplane: Backplane | undefined
  readonly #sockets = new Map<ConnectionId, WebSocket>()
  /** Timers of connections that are not read for now. */
  readonly #paused = new Map<ConnectionId, unknown>()
  #relayed = { frames: 0, bytes: 0, dropped: 0 }
  /** Inputs that came while another one's effects were being carried out. */
  readonly #inputs: HubInput[] = []
  #stepping = false
  #lastId: ConnectionId = 0
  #ticking: unknown
  #draining: Promise<void> | null = null
  #closing: Promise<void> | null = null
  #refusedOrigins = 0
  #onEmpty: () => void = () => {}

  constructor(options: SignalEndpointOptions = {}) {
    this.#limits = signalLimits(options.limits)
    this.#backplane = options.backplane
    this.#hub = new SignalHub(this.#limits, {
      relay: options.relay,
      turn: options.turn !== undefined,
      shared: this.#backplane !== undefined,
    })
    this.#door = new Door(options)
    this.#turn = options.turn === undefined ? null : new TurnCredentials(options.turn)
    this.#clock = options.clock ?? systemClock
    // The types of `ws` do not know `closeTimeout`.
    const webSocketOptions: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.maxMessageBytes * HARD_LIMIT_FACTOR,
      closeTimeout: CLOSE_GRACE_MS,
    }
    this.#webSockets = new WebSocketServer(webSocketOptions)
    this.ready = this.#backplane?.open((event) => this.#step({ kind: 'backplane', event })) ?? Promise.resolve()
    // Who mounts an endpoint without waiting hears of it from those who are refused.
    this.ready.catch(() => {})
  }

  get limits(): SignalLimits {
    return this.#limits
  }

  /** Connections and rooms now held. */
  get size(): { readonly connections: number; readonly rooms: number } {
    return this.#hub.size
  }

  /** Since the start: frames relayed and their bytes, and those dropped because their addressee read too slowly or was gone. */
  get relayed(): { readonly frames: number; readonly bytes: number; readonly dropped: number } {
    return { ...this.#relayed }
  }

  get status(): ServerStatus {
    return {
      ...this.#hub.size,
      isReady: this.#hub.isReady && this.#closing === null,
      counts: this.#hub.counts,
      relayed: this.relayed,
      refusedOrigins: this.#refusedOrigins,
      residentBytes: process.memoryUsage.rss(),
    }
  }

  /** Takes an HTTP upgrade request, as Node's `upgrade` event gives it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#closing !== null || this.#draining !== null) {
      refuseUpgrade(socket, '503 Service Unavailable')
      return
    }
    if (!this.#door.admitsOrigin(request)) {
      this.#refusedOrigins++
      refuseUpgrade(socket, '403 Forbidden')
      return
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, request))
  }

  /** Resolves when all have gone, or after `withinMs`. Nobody new is taken in from now on. */
  drain(withinMs: number): Promise<void> {
    this.#draining ??= new Promise((resolve) => {
      if (this.#sockets.size === 0 || this.#closing !== null) return resolve()
      const late = this.#clock.setTimeout(resolve, withinMs)
      this.#onEmpty = () => {
        this.#clock.clearTimeout(late)
        resolve()
      }
      this.#step({ kind: 'drain', nowMs: this.#clock.now(), withinMs })
    })
    return this.#draining
  }

  /** Tells every client that the server is going away, waits a moment for their goodbyes, and leaves nothing. */
  close(options: CloseOptions = {}): Promise<void> {
    const abrupt = options.abrupt === true
    this.#closing ??= this.#shutDown(abrupt)
    if (abrupt) for (const socket of this.#sockets.values()) socket.terminate()
    return this.#closing
  }

  #open(socket: WebSocket, request: IncomingMessage): void {
    const connection = ++this.#lastId
    this.#sockets.set(connection, socket)
    socket.on('message', (data, isBinary) => {
      const nowMs = this.#clock.now()
      if (isBinary) this.#step({ kind: 'binary', connection, bytes: data as Buffer, nowMs })
      else this.#step({ kind: 'message', connection, text: textOf(data), nowMs })
    })
    socket.on('pong', () => this.#step({ kind: 'alive', connection, nowMs: this.#clock.now() }))
    // What goes wrong on a socket closes it; `close` is all there is to know.
    socket.on('error', () => {})
    socket.on('close', (code) => {
      this.#sockets.delete(connection)
      this.#resume(connection)
      this.#step({ kind: 'disconnected', connection, code })
      if (this.#sockets.size > 0) return
      this.#stopTicking()
      this.#onEmpty()
    })
    const nowMs = this.#clock.now()
    const pass = this.#door.passOf(request, nowMs, this.#clock.wallNow())
    this.#step({ kind: 'connected', connection, address: this.#door.addressOf(request), pass, nowMs })
    this.#startTicking()
  }

  #step(input: HubInput): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#hub.step(next)) this.#carryOut(effect)
      }
    } finally {
      this.#stepping = false
    }
  }

  #carryOut(effect: HubEffect): void {
    switch (effect.kind) {
      case 'ask':
        return this.#backplane?.ask(effect.request)
      case 'close':
        this.#resume(effect.connection)
        this.#sockets.get(effect.connection)?.close(effect.code)
        return
      case 'relay':
        return this.#relay(effect.connection, effect.bytes)
      case 'pause':
        return this.#pause(effect.connection, effect.ms)
      case 'turn': {
        const credentials = this.#turn?.grant(effect.peer, this.#clock.wallNow())
        if (credentials !== undefined) this.#send([effect.connection], credentials)
        return
      }
      case 'send':
        this.#send(effect.connections, effect.message)
    }
  }

  #send(connections: readonly ConnectionId[], message: ServerMessage): void {
    const text = encodeMessage(message)
    for (const connection of connections) {
      const socket = this.#openSocket(connection)
      // A reader this slow is cut off rather than buffered for: it attaches again and sees who is there.
      if (socket !== null && socket.bufferedAmount > this.#limits.maxUnreadBytes) socket.terminate()
      else socket?.send(text, () => {})
    }
  }

  #openSocket(connection: ConnectionId): WebSocket | null {
    const socket = this.#sockets.get(connection)
    return socket === undefined || socket.readyState !== socket.OPEN ? null : socket
  }

  /* ── Relaying ──────────────────────────────────────────────────────────────────────────────── */

  /** Who reads too slowly loses what is relayed to it, and keeps its signalling. */
  #relay(connection: ConnectionId, bytes: Uint8Array): void {
    const socket = this.#openSocket(connection)
    if (socket === null || socket.bufferedAmount > this.#limits.maxRelayUnreadBytes) {
      this.#relayed.dropped++
      return
    }
    this.#relayed.frames++
    this.#relayed.bytes += bytes.length
    socket.send(bytes, () => {})
  }

  #pause(connection: ConnectionId, ms: number): void {
    this.#clock.clearTimeout(this.#paused.get(connection))
    this.#sockets.get(connection)?.pause()
    this.#paused.set(
      connection,
      this.#clock.setTimeout(() => this.#resume(connection), ms),
    )
  }

  #resume(connection: ConnectionId): void {
    if (!this.#paused.has(connection)) return
    this.#clock.clearTimeout(this.#paused.get(connection))
    this.#paused.delete(connection)
    this.#sockets.get(connection)?.resume()
  }

  /* ── Time ──────────────────────────────────────────────────────────────────────────────────── */

  #startTicking(): void {
    if (this.#ticking !== undefined || this.#closing !== null) return
    const everyMs = Math.min(TICK_MS, this.#limits.idleTimeoutMs / PINGS_PER_TIMEOUT, this.#limits.attachTimeoutMs)
    let tickedAtMs = this.#clock.now()
    let pingedAtMs = tickedAtMs
    const tick = (): void => {
      this.#ticking = this.#clock.setTimeout(tick, everyMs)
      const nowMs = this.#clock.now()
      // After a pause of this process itself, the pongs that wait unread are asked for again first.
      const paused = nowMs - tickedAtMs > PAUSED_AFTER_TICKS * everyMs
      tickedAtMs = nowMs
      if (!paused) this.#step({ kind: 'tick', nowMs })
      if (!paused && nowMs - pingedAtMs < this.#limits.idleTimeoutMs / PINGS_PER_TIMEOUT) return
      pingedAtMs = nowMs
      for (const socket of this.#sockets.values()) if (socket.readyState === socket.OPEN) socket.ping()
    }
    this.#ticking = this.#clock.setTimeout(tick, everyMs)
  }

  #stopTicking(): void {
    this.#clock.clearTimeout(this.#ticking)
    this.#ticking = undefined
  }

  async #shutDown(abrupt: boolean): Promise<void> {
    this.#stopTicking()
    const gone = [...this.#sockets.values()].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    if (!abrupt) this.#step({ kind: 'shutdown' })
    await Promise.all(gone)
    this.#webSockets.close()
    await this.#backplane?.close()
  }
}

/** Answers an upgrade request with an HTTP status and lets go of its socket, whatever the other side does. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

/** `ws` hands frames over as Node buffers unless asked for something else. */
function textOf(data: RawData): string {
  return (data as Buffer).toString('utf8')
}
