import { utf8 } from '../base/bytes.ts'
import {
  decodeClientMessage,
  SIGNAL_CLOSE,
  SIGNAL_VERSION,
  type ClientMessage,
  type ServerMessage,
  type SignalAddress,
  type SignalErrorCode,
} from './protocol.ts'
import { decodeRelayFrame, encodeRelayFrame } from './relay-frame.ts'
import type { SignalLimits } from './signal-limits.ts'
import { SignalRoom, type Occupant } from './signal-room.ts'
import { TokenBucket } from './token-bucket.ts'

/** Names a connection; the driver chooses, and uses each once. */
export type ConnectionId = number

export type HubInput =
  | { readonly kind: 'connected'; readonly connection: ConnectionId; readonly nowMs: number }
  | { readonly kind: 'message'; readonly connection: ConnectionId; readonly text: string; readonly nowMs: number }
  /** A binary frame. */
  | { readonly kind: 'binary'; readonly connection: ConnectionId; readonly bytes: Uint8Array; readonly nowMs: number }
  /** A sign of life that is no message: a WebSocket pong. */
  | { readonly kind: 'alive'; readonly connection: ConnectionId; readonly nowMs: number }
  | { readonly kind: 'disconnected'; readonly connection: ConnectionId }
  /** Time passed: due every second or so. */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** The server is about to stop. */
  | { readonly kind: 'shutdown' }

export type HubEffect =
  | { readonly kind: 'send'; readonly connections: readonly ConnectionId[]; readonly message: ServerMessage }
  /** Dropped where the connection leaves `maxRelayUnreadBytes` unread. */
  | { readonly kind: 'relay'; readonly connection: ConnectionId; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Read nothing of it for so long. */
  | { readonly kind: 'pause'; readonly connection: ConnectionId; readonly ms: number }
  /** The connection is forgotten already: nothing it still says counts. */
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly code: number }

interface Connection {
  readonly id: ConnectionId
  readonly bucket: TokenBucket
  readonly relayBucket: TokenBucket
  lastSeenMs: number
  /** Since when it has had no place. */
  placelessSinceMs: number
  /** Messages refused in a row for coming too fast. */
  refused: number
  place: { readonly room: SignalRoom; readonly occupant: Occupant } | null
}

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
  readonly #connections = new Map<ConnectionId, Connection>()
  readonly #rooms = new Map<string, SignalRoom>()
  #effects: HubEffect[] = []

  /** `relay`: whether it hands on binary frames. Default true. */
  constructor(limits: SignalLimits, options: { readonly relay?: boolean | undefined } = {}) {
    this.#limits = limits
    this.#relays = options.relay ?? true
  }

  /** Connections and rooms now held. */
  get size(): { readonly connections: number; readonly rooms: number } {
    return { connections: this.#connections.size, rooms: this.#rooms.size }
  }

  /** Effects are to be carried out in order. */
  step(input: HubInput): readonly HubEffect[] {
    this.#effects = []
    switch (input.kind) {
      case 'connected':
        this.#connect(input.connection, input.nowMs)
        break
      case 'message':
        this.#hear(input.connection, input.text, input.nowMs)
        break
      case 'binary':
        this.#hearBytes(input.connection, input.bytes, input.nowMs)
        break
      case 'alive':
        this.#see(input.connection, input.nowMs)
        break
      case 'disconnected':
        this.#forget(input.connection)
        break
      case 'tick':
        this.#expire(input.nowMs)
        break
      case 'shutdown':
        this.#shutDown()
    }
    return this.#effects
  }

  #connect(id: ConnectionId, nowMs: number): void {
    const { maxConnections, maxMessagesPerSecond, burstMessages, relayBytesPerSecond, relayBurstBytes } = this.#limits
    if (this.#connections.size >= maxConnections) {
      this.#error(id, 'too-many-connections', `this server takes ${maxConnections} connections and has them`)
      this.#effects.push({ kind: 'close', connection: id, code: SIGNAL_CLOSE.tryAgainLater })
      return
    }
    const bucket = new TokenBucket(maxMessagesPerSecond, burstMessages, nowMs)
    const relayBucket = new TokenBucket(relayBytesPerSecond, relayBurstBytes, nowMs)
    this.#connections.set(id, {
      id,
      bucket,
      relayBucket,
      lastSeenMs: nowMs,
      placelessSinceMs: nowMs,
      refused: 0,
      place: null,
    })
  }

  #see(id: ConnectionId, nowMs: number): Connection | undefined {
    const connection = this.#connections.get(id)
    if (connection !== undefined) connection.lastSeenMs = nowMs
    return connection
  }

  #hear(id: ConnectionId, text: string, nowMs: number): void {
    const connection = this.#see(id, nowMs)
    if (connection === undefined || !this.#withinRate(connection, nowMs)) return
    const { maxMessageBytes } = this.#limits
    // The code units are a lower bound of the bytes: what is far too long is not encoded to be measured.
    if (text.length > maxMessageBytes || utf8(text).length > maxMessageBytes) {
      this.#error(id, 'message-too-large', `message dropped: over ${maxMessageBytes} bytes`)
      return
    }
    const decoded = decodeClientMessage(text)
    if (decoded.ok) this.#obey(connection, decoded.message)
    else this.#error(id, decoded.fault.code, decoded.fault.message)
  }

  /**
   * Relayed frames are counted by their bytes, not as messages. Who is over its rate is not read for a
   * while, so that its own socket holds it back and nothing that it sent is lost.
   */
  #hearBytes(id: ConnectionId, bytes: Uint8Array, nowMs: number): void {
    const connection = this.#see(id, nowMs)
    if (connection === undefined) return
    const { maxMessageBytes } = this.#limits
    const { place } = connection
    const frame = this.#relays && bytes.length <= maxMessageBytes ? decodeRelayFrame(bytes) : null
    if (frame === null || place === null) {
      if (!this.#withinRate(connection, nowMs)) return
      if (!this.#relays) this.#error(id, 'malformed', 'binary frame: this server does not relay')
      else if (bytes.length > maxMessageBytes)
        this.#error(id, 'message-too-large', `frame dropped: over ${maxMessageBytes} bytes`)
      else if (frame === null) this.#error(id, 'malformed', 'binary frame that names no addressee')
      else this.#error(id, 'not-attached', 'attach before relaying')
      return
    }
    const ms = connection.relayBucket.overdraw(bytes.length + RELAY_FRAME_COST_BYTES, nowMs)
    if (ms > 0) this.#effects.push({ kind: 'pause', connection: id, ms })
    const addressee = place.room.find(frame.address)
    if (addressee === undefined || addressee === place.occupant) return
    this.#effects.push({
      kind: 'relay',
      connection: addressee.connection,
      bytes: encodeRelayFrame(place.occupant, frame.payload),
    })
  }

  /** One `rate-exceeded` per spell of flooding, so that a flood buys no answers; who goes on regardless is cut off. */
  #withinRate(connection: Connection, nowMs: number): boolean {
    if (connection.bucket.take(nowMs)) {
      connection.refused = 0
      return true
    }
    connection.refused++
    const { maxMessagesPerSecond, burstMessages } = this.#limits
    if (connection.refused === 1) {
      this.#error(connection.id, 'rate-exceeded', `messages dropped: over ${maxMessagesPerSecond} a second, slow down`)
    }
    if (connection.refused > burstMessages) this.#expel(connection.id, SIGNAL_CLOSE.policy)
    return false
  }

  #obey(connection: Connection, message: ClientMessage): void {
    switch (message.type) {
      case 'attach':
        return this.#attach(connection, message)
      case 'signal':
        return this.#relay(connection, message.to, message.body)
      case 'detach':
        return this.#leave(connection)
      case 'ping':
        return this.#send([connection.id], { type: 'pong' })
    }
  }

  #attach(connection: Connection, message: Extract<ClientMessage, { type: 'attach' }>): void {
    if (connection.place !== null) {
      this.#error(connection.id, 'already-attached', 'this connection is attached: detach first')
      return
    }
    const found = this.#rooms.get(message.room)
    const refusal = this.#refusalOf(message, found)
    if (refusal !== null) {
      this.#error(connection.id, refusal.code, refusal.message)
      return
    }
    const room = found ?? this.#create(message.room, message.maxPeers)
    const occupant: Occupant = {
      connection: connection.id,
      peer: message.peer,
      session: message.session,
      sessionSecret: message.sessionSecret,
    }
    const replaced = room.put(occupant)
    connection.place = { room, occupant }
    if (replaced !== null) this.#replace(replaced)
    this.#send([connection.id], {
      type: 'attached',
      version: SIGNAL_VERSION,
      created: found === undefined,
      maxPeers: room.maxPeers,
      maxMessageBytes: this.#limits.maxMessageBytes,
      relay: this.#relays,
      peers: room.others(occupant).map(addressOf),
    })
    // The others know a replaced session already: for them nothing has changed.
    if (replaced === null) this.#send(connectionsOf(room.others(occupant)), { type: 'joined', ...addressOf(occupant) })
  }

  #refusalOf(
    message: Extract<ClientMessage, { type: 'attach' }>,
    room: SignalRoom | undefined,
  ): { code: SignalErrorCode; message: string } | null {
    const { maxRooms, maxSessionsPerPeer } = this.#limits
    if (room === undefined) {
      if (message.create === 'no') return { code: 'room-not-found', message: 'nobody is attached under this address' }
      if (this.#rooms.size >= maxRooms)
        return { code: 'too-many-rooms', message: `this server holds ${maxRooms} rooms` }
      return null
    }
    const same = room.find(message)
    if (same !== undefined) {
      // Sessions are known to the whole room. Without the secret, any member could put out any other.
      if (same.sessionSecret !== message.sessionSecret) {
        return { code: 'session-taken', message: 'this session is attached with another secret' }
      }
      // Its own earlier attachment, half open or never answered: whatever it asked for is the case.
      return null
    }
    if (message.create === 'new') return { code: 'room-taken', message: 'somebody is attached under this address' }
    const sessions = room.sessionsOf(message.peer)
    if (sessions === 0 && room.isFull) return { code: 'room-full', message: `the room takes ${room.maxPeers} peers` }
    if (sessions >= maxSessionsPerPeer) {
      return { code: 'too-many-sessions', message: `this peer is attached ${maxSessionsPerPeer} times already` }
    }
    return null
  }

  #create(address: string, wanted: number | undefined): SignalRoom {
    const { maxPeersPerRoom } = this.#limits
    const room = new SignalRoom(address, Math.min(wanted ?? maxPeersPerRoom, maxPeersPerRoom))
    this.#rooms.set(address, room)
    return room
  }

  /** Puts out the connection whose place in its room has been taken over. */
  #replace(replaced: Occupant): void {
    const old = this.#connections.get(replaced.connection)
    if (old === undefined) return
    old.place = null
    this.#error(old.id, 'replaced', 'the same session attached again on another connection')
    this.#expel(old.id, SIGNAL_CLOSE.replaced)
  }

  /** An addressee that has gone is no error: its `left` is on the way to the sender. Nothing comes back to oneself. */
  #relay(connection: Connection, to: SignalAddress, body: string): void {
    const { place } = connection
    if (place === null) {
      this.#error(connection.id, 'not-attached', 'attach before signalling')
      return
    }
    const addressee = place.room.find(to)
    if (addressee === undefined || addressee === place.occupant) return
    this.#send([addressee.connection], { type: 'signal', from: addressOf(place.occupant), body })
  }

  #leave(connection: Connection): void {
    const { place } = connection
    if (place === null) return
    connection.place = null
    connection.placelessSinceMs = connection.lastSeenMs
    const { room, occupant } = place
    room.remove(occupant)
    if (room.isEmpty) this.#rooms.delete(room.address)
    else this.#send(connectionsOf(room.others(occupant)), { type: 'left', ...addressOf(occupant) })
  }

  #forget(id: ConnectionId): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    this.#connections.delete(id)
    this.#leave(connection)
  }

  #expel(id: ConnectionId, code: number): void {
    this.#effects.push({ kind: 'close', connection: id, code })
    this.#forget(id)
  }

  #expire(nowMs: number): void {
    const { attachTimeoutMs, idleTimeoutMs } = this.#limits
    for (const connection of [...this.#connections.values()]) {
      if (nowMs - connection.lastSeenMs >= idleTimeoutMs) {
        this.#error(connection.id, 'idle', `silent for ${idleTimeoutMs} ms`)
        this.#expel(connection.id, SIGNAL_CLOSE.idle)
      } else if (connection.place === null && nowMs - connection.placelessSinceMs >= attachTimeoutMs) {
        this.#error(connection.id, 'attach-timeout', `not attached within ${attachTimeoutMs} ms`)
        this.#expel(connection.id, SIGNAL_CLOSE.policy)
      }
    }
  }

  /** Everybody is told by the close itself; nobody is told that the others left, for they did not. */
  #shutDown(): void {
    const ids = [...this.#connections.keys()]
    this.#connections.clear()
    this.#rooms.clear()
    this.#send(ids, { type: 'error', code: 'shutting-down', message: 'this server is shutting down' })
    for (const connection of ids) this.#effects.push({ kind: 'close', connection, code: SIGNAL_CLOSE.goingAway })
  }

  #send(connections: readonly ConnectionId[], message: ServerMessage): void {
    if (connections.length > 0) this.#effects.push({ kind: 'send', connections, message })
  }

  #error(connection: ConnectionId, code: SignalErrorCode, message: string): void {
    this.#send([connection], { type: 'error', code, message })
  }
}

/** What a relayed frame costs beside its bytes, so that the smallest ones are no cheap way to keep a server busy. */
export const RELAY_FRAME_COST_BYTES = 256

function addressOf(occupant: Occupant): SignalAddress {
  return { peer: occupant.peer, session: occupant.session }
}

function connectionsOf(occupants: readonly Occupant[]): readonly ConnectionId[] {
  return occupants.map((occupant) => occupant.connection)
}
