import type { BackplaneEvent, BackplaneRequest, Entrant, Occupant, RoomRefusal, ServerId } from './backplane.ts'
import type { LeftWhy } from './protocol.ts'
import { SignalRoom } from './signal-room.ts'

/** An event, and the server that is to be told. */
export interface DirectoryEvent {
  readonly server: ServerId
  readonly event: BackplaneEvent
}

interface Entry extends Occupant {
  readonly sessionSecret: string
}

/**
 * Who is in which room, for any number of servers: the one place that decides. Pure; the Redis backplane does
 * the same in scripts, which Redis carries out one at a time.
 */
export class RoomDirectory {
  readonly #rooms = new Map<string, SignalRoom<Entry>>()
  #events: DirectoryEvent[] = []

  /** Rooms that anybody is in. */
  get size(): number {
    return this.#rooms.size
  }

  /** Events are to be handed over in order. */
  step(server: ServerId, request: BackplaneRequest): readonly DirectoryEvent[] {
    this.#events = []
    switch (request.kind) {
      case 'enter':
        this.#enter(server, request)
        break
      case 'leave':
        this.#leave(server, request)
        break
      case 'signal':
      case 'relay': {
        const { peer, session, server: addressee } = request.to
        this.#tell(addressee, { ...request, to: { peer, session } })
        break
      }
      case 'restore':
        this.#restore(server, request)
    }
    return this.#events
  }

  /** The server is gone, and everybody with it. */
  expire(server: ServerId): readonly DirectoryEvent[] {
    this.#events = []
    for (const room of [...this.#rooms.values()]) {
      for (const entry of room.others()) if (entry.server === server) this.#remove(room, entry, 'lost')
    }
    return this.#events
  }

  #enter(server: ServerId, request: Extract<BackplaneRequest, { kind: 'enter' }>): void {
    const { entrant } = request
    const found = this.#rooms.get(request.room)
    const code = refusalOf(request, found)
    if (code !== null) {
      const limit = code === 'room-full' ? (found?.maxPeers ?? 0) : request.maxSessionsPerPeer
      return this.#tell(server, { kind: 'refused', connection: entrant.connection, code, limit })
    }
    const room = found ?? this.#create(request.room, request.maxPeers)
    this.#put(server, room, entrant)
    this.#tell(server, {
      kind: 'entered',
      connection: entrant.connection,
      room: room.address,
      created: found === undefined,
      maxPeers: room.maxPeers,
      others: room.others(entrant).map(occupantOf),
    })
  }

  #create(address: string, maxPeers: number): SignalRoom<Entry> {
    const room = new SignalRoom<Entry>(address, maxPeers)
    this.#rooms.set(address, room)
    return room
  }

  #put(server: ServerId, room: SignalRoom<Entry>, entrant: Entrant): void {
    const entry: Entry = { ...entrant, server }
    const replaced = room.put(entry)
    const told = this.#serversOf(room).add(replaced?.server ?? server)
    told.delete(server)
    for (const other of told) this.#tell(other, { kind: 'joined', room: room.address, occupant: occupantOf(entry) })
  }

  #leave(server: ServerId, { room: address, at, connection, why }: Extract<BackplaneRequest, { kind: 'leave' }>): void {
    const room = this.#rooms.get(address)
    const entry = room?.find(at)
    if (room !== undefined && entry?.server === server && entry.connection === connection)
      this.#remove(room, entry, why)
  }

  #remove(room: SignalRoom<Entry>, entry: Entry, why: LeftWhy): void {
    room.remove(entry)
    if (room.isEmpty) this.#rooms.delete(room.address)
    for (const server of this.#serversOf(room)) {
      if (server !== entry.server) {
        this.#tell(server, { kind: 'left', room: room.address, occupant: occupantOf(entry), why })
      }
    }
  }

  #restore(server: ServerId, request: Extract<BackplaneRequest, { kind: 'restore' }>): void {
    const room = this.#rooms.get(request.room) ?? this.#create(request.room, request.maxPeers)
    for (const entrant of request.entrants) {
      const holder = room.find(entrant)?.server
      // Who attached elsewhere meanwhile is there, with the secret: the one here is the ghost.
      if (holder === undefined || holder === request.previous) this.#put(server, room, entrant)
    }
    for (const entry of room.others()) if (entry.server === request.previous) this.#remove(room, entry, 'lost')
    this.#tell(server, { kind: 'roster', room: room.address, occupants: room.others().map(occupantOf) })
  }

  #serversOf(room: SignalRoom<Entry>): Set<ServerId> {
    return new Set(room.others().map(({ server }) => server))
  }

  #tell(server: ServerId, event: BackplaneEvent): void {
    this.#events.push({ server, event })
  }
}

function refusalOf(
  request: Extract<BackplaneRequest, { kind: 'enter' }>,
  room: SignalRoom<Entry> | undefined,
): RoomRefusal | null {
  const { entrant, create, canCreate, maxSessionsPerPeer } = request
  if (room === undefined) {
    if (create === 'no') return 'room-not-found'
    return canCreate ? null : 'too-many-rooms'
  }
  const same = room.find(entrant)
  // Sessions are known to the whole room. Without the secret, any member could put out any other.
  // With it, it is its own earlier attachment, half open or never answered: whatever it asked for is the case.
  if (same !== undefined) return same.sessionSecret === entrant.sessionSecret ? null : 'session-taken'
  if (create === 'new') return 'room-taken'
  const sessions = room.sessionsOf(entrant.peer)
  if (sessions === 0 && room.isFull) return 'room-full'
  return sessions >= maxSessionsPerPeer ? 'too-many-sessions' : null
}

function occupantOf({ peer, session, server, connection }: Entry): Occupant {
  return { peer, session, server, connection }
}
