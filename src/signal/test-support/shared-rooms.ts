import type { Backplane, BackplaneEvent, BackplaneRequest } from '../backplane.ts'
import { RoomDirectory, type DirectoryEvent } from '../room-directory.ts'

/**
 * A backplane without a network: one directory, and lines to it on which requests and events wait until they are
 * let through, so that a test decides what overtakes what and what is lost.
 */
export class SharedRooms {
  readonly directory: RoomDirectory = new RoomDirectory()
  readonly #lines: Map<string, SharedRoomsLine> = new Map()
  #lastServer = 0

  line(): SharedRoomsLine {
    return new SharedRoomsLine(this)
  }

  /** Lets everything through until nothing is under way. */
  settle(): void {
    let moved = true
    while (moved) {
      moved = false
      for (const line of new Set(this.#lines.values())) {
        while (line.pass()) moved = true
        while (line.tell()) moved = true
      }
    }
  }

  /** What the others find when a server's lease has run out. */
  expire(server: string): void {
    this.deliver(this.directory.expire(server))
  }

  enlist(line: SharedRoomsLine): string {
    const server = `server ${++this.#lastServer}`
    this.#lines.set(server, line)
    return server
  }

  delist(server: string): void {
    this.#lines.delete(server)
  }

  deliver(events: readonly DirectoryEvent[]): void {
    for (const { server, event } of events) this.#lines.get(server)?.events.push(event)
  }
}

/** One server's line. */
export class SharedRoomsLine implements Backplane {
  readonly #rooms: SharedRooms
  readonly requests: BackplaneRequest[] = []
  readonly events: BackplaneEvent[] = []
  /** `null` while it is cut. */
  server: string | null = null
  #onEvent: (event: BackplaneEvent) => void = () => {}

  constructor(rooms: SharedRooms) {
    this.#rooms = rooms
  }

  async open(onEvent: (event: BackplaneEvent) => void): Promise<void> {
    this.#onEvent = onEvent
    this.mend(null)
  }

  ask(request: BackplaneRequest): void {
    if (this.server !== null) this.requests.push(request)
  }

  async close(): Promise<void> {
    const server = this.cut(false)
    if (server !== null) this.#rooms.expire(server)
  }

  settle(): void {
    this.#rooms.settle()
  }

  /** Loses what is under way, and tells the hub. Returns the name that the server had. */
  cut(tell = true): string | null {
    const { server } = this
    if (server === null) return null
    this.#rooms.delist(server)
    this.server = null
    this.requests.length = 0
    this.events.length = 0
    if (tell) this.#onEvent({ kind: 'down' })
    return server
  }

  /** Comes back under a new name; what is left under the `previous` one goes once the hub has restored its own. */
  mend(previous: string | null): void {
    this.server = this.#rooms.enlist(this)
    this.#onEvent({ kind: 'up', server: this.server })
    while (this.pass());
    if (previous !== null) this.#rooms.expire(previous)
  }

  /** Lets one request through to the directory; false where none waits. */
  pass(): boolean {
    const request = this.requests.shift()
    if (request === undefined || this.server === null) return false
    this.#rooms.deliver(this.#rooms.directory.step(this.server, request))
    return true
  }

  /** Lets one event through to the hub; false where none waits. */
  tell(): boolean {
    const event = this.events.shift()
    if (event === undefined) return false
    this.#onEvent(event)
    return true
  }
}
