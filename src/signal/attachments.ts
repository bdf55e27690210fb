import type { BackplaneEvent, ConnectionId, Entrant, Occupant, RoomRefusal, ServerId } from './backplane.ts'
import { NOWHERE, type AttachedPlace, type HubConnection } from './hub-connection.ts'
import type { HubOutbox } from './hub-outbox.ts'
import { SIGNAL_CLOSE, SIGNAL_VERSION, type ClientMessage, type LeftWhy, type SignalAddress } from './protocol.ts'
import { encodeRelayFrame } from './relay-frame.ts'
import type { SignalLimits } from './signal-limits.ts'
import { SignalRoom } from './signal-room.ts'

/** What a server does beside introducing. */
interface Services {
  readonly relay: boolean
  readonly turn: boolean
}

type EventOf<K extends BackplaneEvent['kind']> = Extract<BackplaneEvent, { kind: K }>

/**
 * The rooms as one server sees them: each that somebody is attached to here, with all of its occupants, those
 * on other servers included. Who may enter is decided elsewhere (the room directory, or what stands for it);
 * this asks, follows the answers, and tells the connections here who comes and goes.
 */
export class Attachments {
  readonly #limits: SignalLimits
  readonly #services: Services
  readonly #out: HubOutbox
  /** Those that wait for an answer may be gone already. */
  readonly #connections: Map<ConnectionId, HubConnection>
  readonly #expel: (id: ConnectionId, code: number) => void
  readonly #rooms = new Map<string, SignalRoom<Occupant>>()
  /** `null` while the backplane is away. */
  #server: ServerId | null = null
  /** Under what name this server last held anything. */
  #previous: ServerId | null = null
  #entering = 0

  constructor(
    limits: SignalLimits,
    services: Services,
    out: HubOutbox,
    connections: Map<ConnectionId, HubConnection>,
    expel: (id: ConnectionId, code: number) => void,
  ) {
    this.#limits = limits
    this.#services = services
    this.#out = out
    this.#connections = connections
    this.#expel = expel
  }

  /** Whether anybody can be taken in. */
  get isUp(): boolean {
    return this.#server !== null
  }

  get rooms(): number {
    return this.#rooms.size
  }

  attach(connection: HubConnection, message: Extract<ClientMessage, { type: 'attach' }>): void {
    if (connection.place.kind !== 'none') {
      this.#out.error(connection.id, 'already-attached', 'this connection is attached: detach first')
      return
    }
    if (this.#server === null) {
      this.#out.error(
        connection.id,
        'unavailable',
        'this server cannot reach the others just now: try another, or later',
      )
      return
    }
    const { maxPeersPerRoom, maxRooms, maxSessionsPerPeer } = this.#limits
    const { room, peer, session, sessionSecret, create, maxPeers = maxPeersPerRoom } = message
    const entrant: Entrant = { peer, session, connection: connection.id, sessionSecret }
    this.#out.ask({
      kind: 'enter',
      room,
      entrant,
      create,
      canCreate: this.#rooms.size + this.#entering < maxRooms,
      maxPeers: Math.min(maxPeers, maxPeersPerRoom),
      maxSessionsPerPeer,
    })
    connection.place = { kind: 'entering', room, entrant, leaving: null }
    this.#entering++
  }

  /** An addressee that has gone is no error: its `left` is on the way to the sender. Nothing comes back to oneself. */
  signal({ id, place }: HubConnection, to: SignalAddress, body: string): void {
    if (place.kind !== 'attached') {
      this.#out.error(id, 'not-attached', 'attach before signalling')
      return
    }
    const addressee = place.room.find(to)
    if (addressee === undefined || addressee === place.occupant) return
    const from = addressOf(place.occupant)
    if (this.#isHere(addressee)) this.#out.send([addressee.connection], { type: 'signal', from, body })
    else this.#out.ask({ kind: 'signal', room: place.room.address, from, to: addressee, body })
  }

  /** As {@link signal}, for bytes. */
  relayBytes({ room, occupant }: AttachedPlace, to: SignalAddress, payload: Uint8Array): void {
    const addressee = room.find(to)
    if (addressee === undefined || addressee === occupant) return
    const from = addressOf(occupant)
    if (this.#isHere(addressee)) this.#out.relay(addressee.connection, encodeRelayFrame(from, payload))
    else this.#out.ask({ kind: 'relay', room: room.address, from, to: addressee, payload })
  }

  /** The connection goes on, in no room. */
  leave(connection: HubConnection, why: LeftWhy): void {
    const { place } = connection
    if (place.kind === 'none') return
    if (place.kind === 'entering') {
      place.leaving = why
      return
    }
    connection.place = NOWHERE
    connection.placelessSinceMs = connection.lastSeenMs
    const { room, occupant } = place
    this.#remove(room, occupant, why)
    this.#out.ask({ kind: 'leave', room: room.address, at: addressOf(occupant), connection: connection.id, why })
  }

  /** Forgets all rooms, and tells nobody. */
  clear(): void {
    this.#rooms.clear()
    this.#entering = 0
  }

  hear(event: BackplaneEvent): void {
    switch (event.kind) {
      case 'up':
        return this.#up(event.server)
      case 'down':
        return this.#down()
      case 'entered':
        return this.#entered(event)
      case 'refused':
        return this.#refused(event.connection, event.code, event.limit)
      case 'joined':
        return this.#joined(event.room, event.occupant)
      case 'left':
        return this.#left(event.room, event.occupant, event.why)
      case 'signal':
      case 'relay':
        return this.#reached(event)
      case 'roster':
        return this.#compare(event.room, event.occupants)
    }
  }

  /* ── What the backplane says ───────────────────────────────────────────────────────────────── */

  #up(server: ServerId): void {
    this.#server = server
    const previous = this.#previous
    this.#previous = server
    if (previous === null) return
    const entrants = new Map<SignalRoom<Occupant>, Entrant[]>()
    for (const connection of this.#connections.values()) {
      const { place } = connection
      if (place.kind !== 'attached') continue
      const { room, sessionSecret } = place
      const occupant = { ...place.occupant, server }
      room.put(occupant)
      connection.place = { ...place, occupant }
      const { peer, session } = occupant
      const here = entrants.get(room) ?? []
      here.push({ peer, session, sessionSecret, connection: connection.id })
      entrants.set(room, here)
    }
    for (const [room, here] of entrants) {
      const { address, maxPeers } = room
      this.#out.ask({ kind: 'restore', room: address, maxPeers, entrants: here, previous })
    }
  }

  /** Who is attached stays so, and those on this server go on hearing of each other. */
  #down(): void {
    this.#server = null
    for (const connection of [...this.#connections.values()]) {
      if (connection.place.kind === 'entering') this.#turnAway(connection, 'unavailable', 'this server lost the others')
    }
  }

  #entered({ connection: id, room: address, created, maxPeers, others }: EventOf<'entered'>): void {
    const connection = this.#connections.get(id)
    if (connection?.place.kind !== 'entering' || this.#server === null) return
    const { entrant, leaving } = connection.place
    this.#entering--
    const room = this.#rooms.get(address) ?? this.#open(address, maxPeers, others)
    const occupant: Occupant = { peer: entrant.peer, session: entrant.session, server: this.#server, connection: id }
    connection.place = { kind: 'attached', room, occupant, sessionSecret: entrant.sessionSecret }
    if (connection.open) {
      this.#out.send([id], {
        type: 'attached',
        version: SIGNAL_VERSION,
        created,
        maxPeers,
        maxMessageBytes: this.#limits.maxMessageBytes,
        ...this.#services,
        peers: room.others(occupant).map(addressOf),
      })
    }
    this.#put(room, occupant)
    if (leaving !== null) this.leave(connection, leaving)
    if (!connection.open) this.#connections.delete(id)
  }

  /** Whoever was attached here is known already, so of those said to be on this server none still is. */
  #open(address: string, maxPeers: number, others: readonly Occupant[]): SignalRoom<Occupant> {
    const room = new SignalRoom<Occupant>(address, maxPeers)
    for (const other of others) if (!this.#isHere(other)) room.put(other)
    this.#rooms.set(address, room)
    return room
  }

  #refused(id: ConnectionId, code: RoomRefusal, limit: number): void {
    const connection = this.#connections.get(id)
    if (connection?.place.kind === 'entering') this.#turnAway(connection, code, wordsFor(code, limit, this.#limits))
  }

  #turnAway(connection: HubConnection, code: RoomRefusal | 'unavailable', words: string): void {
    this.#entering--
    connection.place = NOWHERE
    connection.placelessSinceMs = connection.lastSeenMs
    if (connection.open) this.#out.error(connection.id, code, words)
    else this.#connections.delete(connection.id)
  }

  #joined(address: string, occupant: Occupant): void {
    const room = this.#rooms.get(address)
    if (room !== undefined) this.#put(room, occupant)
  }

  #left(address: string, { peer, session, server, connection }: Occupant, why: LeftWhy): void {
    const room = this.#rooms.get(address)
    const occupant = room?.find({ peer, session })
    // One that is reached elsewhere by now has not left.
    if (room !== undefined && occupant?.server === server && occupant.connection === connection) {
      this.#remove(room, occupant, why)
    }
  }

  /** Something from an occupant on another server. */
  #reached(event: EventOf<'signal' | 'relay'>): void {
    const { from, to } = event
    const room = this.#rooms.get(event.room)
    const addressee = room?.find(to)
    if (addressee === undefined || room?.find(from) === undefined || !this.#isHere(addressee)) return
    if (event.kind === 'relay') this.#out.relay(addressee.connection, encodeRelayFrame(from, event.payload))
    else this.#out.send([addressee.connection], { type: 'signal', from, body: event.body })
  }

  /** Catches up with what happened in a room while the backplane was away. */
  #compare(address: string, occupants: readonly Occupant[]): void {
    const room = this.#rooms.get(address)
    if (room === undefined) return
    const named = new Set(occupants.map(nameOf))
    for (const known of room.others()) {
      if (!this.#isHere(known) && !named.has(nameOf(known))) this.#remove(room, known, 'lost')
    }
    for (const occupant of occupants) if (!this.#isHere(occupant)) this.#put(room, occupant)
  }

  /* ── The rooms ─────────────────────────────────────────────────────────────────────────────── */

  /** Tells everybody else here, unless they know it already under the same name. */
  #put(room: SignalRoom<Occupant>, occupant: Occupant): void {
    const replaced = room.put(occupant)
    if (replaced === null) this.#out.send(this.#here(room, occupant), { type: 'joined', ...addressOf(occupant) })
    else if (this.#isHere(replaced) && !isSame(replaced, occupant)) this.#putOut(replaced, room)
  }

  /** Its place in the room has been taken over. */
  #putOut({ connection: id }: Occupant, room: SignalRoom<Occupant>): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    connection.place = NOWHERE
    this.#out.error(id, 'replaced', 'the same session attached again on another connection')
    this.#expel(id, SIGNAL_CLOSE.replaced)
    this.#closeIfEmpty(room)
  }

  #remove(room: SignalRoom<Occupant>, occupant: Occupant, why: LeftWhy): void {
    room.remove(occupant)
    this.#out.send(this.#here(room, occupant), { type: 'left', ...addressOf(occupant), why })
    this.#closeIfEmpty(room)
  }

  /** Nobody here, nobody to tell: the others on other servers are asked for when somebody comes. */
  #closeIfEmpty(room: SignalRoom<Occupant>): void {
    if (this.#here(room).length === 0) this.#rooms.delete(room.address)
  }

  #here(room: SignalRoom<Occupant>, except?: SignalAddress): ConnectionId[] {
    const here: ConnectionId[] = []
    for (const other of room.others(except)) if (this.#isHere(other)) here.push(other.connection)
    return here
  }

  #isHere({ server }: Occupant): boolean {
    return server === this.#previous
  }
}

function addressOf({ peer, session }: SignalAddress): SignalAddress {
  return { peer, session }
}

function nameOf({ peer, session }: SignalAddress): string {
  return JSON.stringify([peer, session])
}

function isSame(a: Occupant, b: Occupant): boolean {
  return a.server === b.server && a.connection === b.connection
}

function wordsFor(code: RoomRefusal, limit: number, { maxRooms }: SignalLimits): string {
  switch (code) {
    case 'room-not-found':
      return 'nobody is attached under this address'
    case 'room-taken':
      return 'somebody is attached under this address'
    case 'room-full':
      return `the room takes ${limit} peers`
    case 'session-taken':
      return 'this session is attached with another secret'
    case 'too-many-sessions':
      return `this peer is attached ${limit} times already`
    case 'too-many-rooms':
      return `this server holds ${maxRooms} rooms`
  }
}
