import { utf8 } from '../base/bytes.ts'
import { AddressBook } from './address-book.ts'
import { Attachments } from './attachments.ts'
import type { BackplaneEvent, BackplaneRequest, ConnectionId } from './backplane.ts'
import { passFault, type EntryPass } from './entry-pass.ts'
import { NOWHERE, type HubConnection } from './hub-connection.ts'
import { HubOutbox, type HubCounts, type HubEffect } from './hub-outbox.ts'
import { decodeClientMessage, SIGNAL_CLOSE, type ClientMessage, type LeftWhy } from './protocol.ts'
import { decodeRelayFrame } from './relay-frame.ts'
import { RoomDirectory } from './room-directory.ts'
import type { SignalLimits } from './signal-limits.ts'
import { TokenBucket } from './token-bucket.ts'

export type { ConnectionId } from './backplane.ts'
export type { HubEffect } from './hub-outbox.ts'

export type HubInput =
  | {
      readonly kind: 'connected'
      readonly connection: ConnectionId
      /** Network address, for the limits by address. Default: none counts. */
      readonly address?: string | undefined
      /** Default: open. */
      readonly pass?: EntryPass | undefined
      readonly nowMs: number
    }
  | { readonly kind: 'message'; readonly connection: ConnectionId; readonly text: string; readonly nowMs: number }
  /** A binary frame. */
  | { readonly kind: 'binary'; readonly connection: ConnectionId; readonly bytes: Uint8Array; readonly nowMs: number }
  /** A sign of life that is no message: a WebSocket pong. */
  | { readonly kind: 'alive'; readonly connection: ConnectionId; readonly nowMs: number }
  /** `code`: of the close frame that the client sent; absent where it sent none. */
  | { readonly kind: 'disconnected'; readonly connection: ConnectionId; readonly code?: number }
  /** What the backplane says to a hub that shares its rooms with others. */
  | { readonly kind: 'backplane'; readonly event: BackplaneEvent }
  /** Time passed: due every second or so. */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /**
   * The server will stop soon: nobody is taken in any more, and those here are told to move on, room by room,
   * over half of `withinMs`.
   */
  | { readonly kind: 'drain'; readonly nowMs: number; readonly withinMs: number }
  /** The server is about to stop. */
  | { readonly kind: 'shutdown' }

export interface HubOptions {
  /** Whether TURN credentials can be had: `turn` effects come out. Default false. */
  readonly turn?: boolean | undefined
  /** Whether it hands on binary frames. Default true. */
  readonly relay?: boolean | undefined
  /**
   * Its rooms are shared with other hubs: requests come out as `ask` effects, and the backplane's events go in.
   * It takes nobody into a room before the first `up`. Default: alone.
   */
  readonly shared?: boolean | undefined
}

/** What a relayed frame costs beside its bytes, so that the smallest ones are no cheap way to keep a server busy. */
export const RELAY_FRAME_COST_BYTES = 256

/** How much of its rate the whole server may relay at once. */
const RELAY_BURST_SECONDS = 2

interface Drain {
  readonly ids: readonly ConnectionId[]
  /** How many of them have been told. */
  told: number
  readonly sinceMs: number
  readonly withinMs: number
}

/** Connections told in one step at least. */
const DRAIN_BATCH = 100
const SHUTTING_DOWN = 'this server is shutting down'

const OPEN: EntryPass = { kind: 'open' }

/** A client that is closed with one of these is done: a page that is left or reloaded says 1001. */
const ORDERLY: ReadonlySet<number> = new Set([SIGNAL_CLOSE.normal, SIGNAL_CLOSE.goingAway])

/** What a hub that is alone is called towards itself. */
const ALONE = 'here'

/**
 * The signalling server without its sockets: a state machine that introduces the connections attached
 * under one address to one another. A room is the set of those attachments; it begins with the first
 * and is gone with the last, and nothing is kept of it.
 *
 * `step` never throws on anything a connection may say. Time comes in with the inputs.
 */
export class SignalHub {
  readonly #limits: SignalLimits
  readonly #relays: boolean
  readonly #relayBucket: TokenBucket
  readonly #turns: boolean
  readonly #out = new HubOutbox()
  /** Those that went while they waited for the answer to an attach are kept until it comes. */
  readonly #connections = new Map<ConnectionId, HubConnection>()
  readonly #addresses: AddressBook
  readonly #attachments: Attachments
  #drain: Drain | null = null
  /** `null` where the rooms are shared. */
  readonly #directory: RoomDirectory | null

  constructor(limits: SignalLimits, options: HubOptions = {}) {
    this.#limits = limits
    this.#relays = options.relay ?? true
    const { totalRelayBytesPerSecond } = limits
    this.#relayBucket = new TokenBucket(totalRelayBytesPerSecond, RELAY_BURST_SECONDS * totalRelayBytesPerSecond, 0)
    this.#turns = options.turn ?? false
    this.#addresses = new AddressBook(limits)
    this.#attachments = new Attachments(
      limits,
      { relay: this.#relays, turn: this.#turns },
      this.#out,
      this.#connections,
      (id, code) => this.#expel(id, code),
    )
    this.#directory = options.shared === true ? null : new RoomDirectory()
    if (this.#directory !== null) this.#attachments.hear({ kind: 'up', server: ALONE })
  }

  /** Connections now held, and rooms with anybody of them in. */
  get size(): { readonly connections: number; readonly rooms: number } {
    let connections = 0
    for (const { open } of this.#connections.values()) if (open) connections++
    return { connections, rooms: this.#attachments.rooms }
  }

  /** Whether newcomers are taken. */
  get isReady(): boolean {
    return this.#drain === null && this.#attachments.isUp
  }

  get counts(): HubCounts {
    return this.#out.counts
  }

  /** Effects are to be carried out in order. */
  step(input: HubInput): readonly HubEffect[] {
    this.#take(input)
    const effects = this.#out.take()
    return this.#directory === null ? effects : this.#answered(effects, this.#directory)
  }

  #take(input: HubInput): void {
    switch (input.kind) {
      case 'connected':
        return this.#connect(input)
      case 'message':
        return this.#hear(input.connection, input.text, input.nowMs)
      case 'binary':
        return this.#hearBytes(input.connection, input.bytes, input.nowMs)
      case 'alive':
        return void this.#see(input.connection, input.nowMs)
      case 'disconnected':
        return this.#forget(input.connection, ORDERLY.has(input.code ?? 0) ? 'gone' : 'lost')
      case 'backplane':
        return this.#attachments.hear(input.event)
      case 'tick':
        return this.#expire(input.nowMs)
      case 'drain':
        return this.#beginDrain(input.nowMs, input.withinMs)
      case 'shutdown':
        return this.#shutDown()
    }
  }

  /** The effects, with each question to the backplane replaced by what comes of its answer. */
  #answered(effects: readonly HubEffect[], directory: RoomDirectory): readonly HubEffect[] {
    return effects.flatMap((effect) => (effect.kind === 'ask' ? this.#answer(effect.request, directory) : effect))
  }

  #answer(request: BackplaneRequest, directory: RoomDirectory): readonly HubEffect[] {
    for (const { event } of directory.step(ALONE, request)) this.#attachments.hear(event)
    return this.#answered(this.#out.take(), directory)
  }

  #connect({ connection: id, address, pass = OPEN, nowMs }: Extract<HubInput, { kind: 'connected' }>): void {
    const { maxConnections, maxMessagesPerSecond, burstMessages, relayBytesPerSecond, relayBurstBytes } = this.#limits
    if (this.#connections.size >= maxConnections) {
      this.#turnAway(id, `this server takes ${maxConnections} connections and has them`)
      return
    }
    if (address !== undefined && !this.#addresses.connect(address, nowMs)) {
      this.#turnAway(id, `one address may have ${this.#limits.maxConnectionsPerAddress} connections, and has them`)
      return
    }
    this.#connections.set(id, {
      id,
      address,
      pass,
      bucket: new TokenBucket(maxMessagesPerSecond, burstMessages, nowMs),
      relayBucket: new TokenBucket(relayBytesPerSecond, relayBurstBytes, nowMs),
      lastSeenMs: nowMs,
      placelessSinceMs: nowMs,
      refused: 0,
      open: true,
      place: NOWHERE,
    })
  }

  #turnAway(id: ConnectionId, words: string): void {
    this.#out.error(id, 'too-many-connections', words)
    this.#out.close(id, SIGNAL_CLOSE.tryAgainLater)
  }

  #see(id: ConnectionId, nowMs: number): HubConnection | undefined {
    const connection = this.#connections.get(id)
    if (connection?.open !== true) return undefined
    connection.lastSeenMs = nowMs
    return connection
  }

  #hear(id: ConnectionId, text: string, nowMs: number): void {
    const connection = this.#see(id, nowMs)
    if (connection === undefined || !this.#withinRate(connection, nowMs)) return
    const { maxMessageBytes } = this.#limits
    // The code units are a lower bound of the bytes: what is far too long is not encoded to be measured.
    if (text.length > maxMessageBytes || utf8(text).length > maxMessageBytes) {
      this.#out.error(id, 'message-too-large', `message dropped: over ${maxMessageBytes} bytes`)
      return
    }
    const decoded = decodeClientMessage(text)
    if (decoded.ok) this.#obey(connection, decoded.message, nowMs)
    else this.#out.error(id, decoded.fault.code, decoded.fault.message)
  }

  /**
   * Relayed frames are counted by their bytes, not as messages. Who is over its rate, or relays while the server
   * is over its own, is not read for a while, so that its own socket holds it back and nothing that it sent is lost.
   */
  #hearBytes(id: ConnectionId, bytes: Uint8Array, nowMs: number): void {
    const connection = this.#see(id, nowMs)
    if (connection === undefined) return
    const { maxMessageBytes } = this.#limits
    const { place } = connection
    const frame = this.#relays && bytes.length <= maxMessageBytes ? decodeRelayFrame(bytes) : null
    if (frame === null || place.kind !== 'attached') {
      if (!this.#withinRate(connection, nowMs)) return
      if (!this.#relays) this.#out.error(id, 'malformed', 'binary frame: this server does not relay')
      else if (bytes.length > maxMessageBytes)
        this.#out.error(id, 'message-too-large', `frame dropped: over ${maxMessageBytes} bytes`)
      else if (frame === null) this.#out.error(id, 'malformed', 'binary frame that names no addressee')
      else this.#out.error(id, 'not-attached', 'attach before relaying')
      return
    }
    const cost = bytes.length + RELAY_FRAME_COST_BYTES
    const ms = Math.max(connection.relayBucket.overdraw(cost, nowMs), this.#relayBucket.overdraw(cost, nowMs))
    if (ms > 0) this.#out.pause(id, ms)
    this.#attachments.relayBytes(place, frame.address, frame.payload)
  }

  /** One `rate-exceeded` per spell of flooding, so that a flood buys no answers; who goes on regardless is cut off. */
  #withinRate(connection: HubConnection, nowMs: number): boolean {
    if (connection.bucket.take(nowMs)) {
      connection.refused = 0
      return true
    }
    connection.refused++
    const { maxMessagesPerSecond, burstMessages } = this.#limits
    if (connection.refused === 1) {
      this.#out.error(
        connection.id,
        'rate-exceeded',
        `messages dropped: over ${maxMessagesPerSecond} a second, slow down`,
      )
    }
    if (connection.refused > burstMessages) this.#expel(connection.id, SIGNAL_CLOSE.policy)
    return false
  }

  #obey(connection: HubConnection, message: ClientMessage, nowMs: number): void {
    switch (message.type) {
      case 'attach':
        return this.#attach(connection, message, nowMs)
      case 'signal':
        return this.#attachments.signal(connection, message.to, message.body)
      case 'turn':
        return this.#grantTurn(connection, nowMs)
      case 'detach':
        return this.#attachments.leave(connection, 'gone')
      case 'ping':
        return this.#out.send([connection.id], { type: 'pong' })
    }
  }

  /** What is refused here says nothing of the room, not even whether it is there. */
  #attach(connection: HubConnection, message: Extract<ClientMessage, { type: 'attach' }>, nowMs: number): void {
    const { id, address, pass } = connection
    if (address !== undefined && !this.#addresses.attach(address, nowMs)) {
      const { attachesPerSecond } = this.#limits
      this.#out.error(id, 'rate-exceeded', `not attached: one address may try ${attachesPerSecond} times a second`)
      return
    }
    if (this.#drain !== null) return this.#out.error(id, 'shutting-down', SHUTTING_DOWN)
    const fault = passFault(pass, message.room, message, nowMs)
    if (fault === null) this.#attachments.attach(connection, message)
    else this.#out.error(id, 'ticket-refused', fault)
  }

  /** A relay costs its owner bandwidth: only who has somebody to reach, or a ticket, is given one. */
  #grantTurn({ id, address, pass, place }: HubConnection, nowMs: number): void {
    if (!this.#turns) return this.#out.error(id, 'turn-refused', 'this server gives no TURN credentials')
    const { occupant, room } = place.kind === 'attached' ? place : { occupant: null, room: null }
    const hasCompany = room?.others().some(({ peer }) => peer !== occupant?.peer) === true
    if (occupant === null || !(hasCompany || pass.kind === 'ticket')) {
      return this.#out.error(id, 'turn-refused', 'TURN credentials are for who is in a room with another peer')
    }
    if (address !== undefined && !this.#addresses.grantTurn(address, nowMs)) {
      return this.#out.error(id, 'turn-refused', 'too many TURN credentials for one address: wait a while')
    }
    this.#out.turn(id, occupant.peer)
  }

  #forget(id: ConnectionId, why: LeftWhy): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    if (connection.open && connection.address !== undefined) this.#addresses.disconnect(connection.address)
    connection.open = false
    this.#attachments.leave(connection, why)
    if (connection.place.kind !== 'entering') this.#connections.delete(id)
  }

  #expel(id: ConnectionId, code: number): void {
    this.#out.close(id, code)
    this.#forget(id, 'lost')
  }

  #beginDrain(nowMs: number, withinMs: number): void {
    const ids = [...this.#connections.values()].filter(({ open }) => open).sort(byRoom)
    this.#drain ??= { ids: ids.map(({ id }) => id), told: 0, sinceMs: nowMs, withinMs }
    this.#tellDrained(nowMs)
  }

  /** Not all at once: where they go on to, they arrive at the rate at which they are told. */
  #tellDrained(nowMs: number): void {
    const drain = this.#drain
    if (drain === null) return
    const due = Math.ceil((drain.ids.length * 2 * (nowMs - drain.sinceMs)) / drain.withinMs)
    const until = Math.max(due, drain.told + DRAIN_BATCH)
    for (const id of drain.ids.slice(drain.told, until)) {
      if (this.#connections.get(id)?.open === true) this.#out.error(id, 'shutting-down', SHUTTING_DOWN)
    }
    drain.told = Math.min(drain.ids.length, until)
  }

  #expire(nowMs: number): void {
    this.#tellDrained(nowMs)
    const { attachTimeoutMs, idleTimeoutMs } = this.#limits
    this.#addresses.sweep(nowMs)
    for (const connection of [...this.#connections.values()]) {
      if (!connection.open) continue
      if (nowMs - connection.lastSeenMs >= idleTimeoutMs) {
        this.#out.error(connection.id, 'idle', `silent for ${idleTimeoutMs} ms`)
        this.#expel(connection.id, SIGNAL_CLOSE.idle)
      } else if (connection.place.kind !== 'attached' && nowMs - connection.placelessSinceMs >= attachTimeoutMs) {
        this.#out.error(connection.id, 'attach-timeout', `not attached within ${attachTimeoutMs} ms`)
        this.#expel(connection.id, SIGNAL_CLOSE.policy)
      }
    }
  }

  /** Everybody is told by the close itself; nobody is told that the others left, for they did not. */
  #shutDown(): void {
    const ids = [...this.#connections.values()].flatMap(({ id, open }) => (open ? [id] : []))
    this.#connections.clear()
    this.#addresses.clear()
    this.#attachments.clear()
    this.#directory?.expire(ALONE)
    this.#out.send(ids, { type: 'error', code: 'shutting-down', message: SHUTTING_DOWN })
    for (const connection of ids) this.#out.close(connection, SIGNAL_CLOSE.goingAway)
  }
}

/** Those of one room are neighbours. */
function byRoom(a: HubConnection, b: HubConnection): number {
  const [one, other] = [a, b].map(({ place }) => (place.kind === 'attached' ? place.room.address : ''))
  return one === other ? 0 : (one ?? '') < (other ?? '') ? -1 : 1
}
