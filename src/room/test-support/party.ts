import { InMemoryLoom, InMemoryTag } from '../../fabric/memory/index.ts'
import { seededRandom, SimulatedNetwork, testIdentity, verifyTestSignature, VirtualClock } from '../../sim/index.ts'
import type { Loom, Seam, Tag } from '../../seam/contract.ts'
import type { HostRoomOptions, JoinRoomOptions, MembershipEvent, Room, RoomOptions } from '../contract.ts'
import { SeamRoomFactory } from '../seam-room-factory.ts'

export const FAST = { intervalMs: 100, maxTimeoutMs: 400, windowMs: 2_000, admitTimeoutMs: 3_000, resumeTimeoutMs: 800 }

/** Rooms under virtual time: in memory, or over a simulated network that can be cut. */
export class Party {
  readonly clock: VirtualClock = new VirtualClock()
  readonly network: SimulatedNetwork
  readonly #memory = new InMemoryLoom()
  readonly #isSimulated: boolean
  readonly #events: Map<Room, MembershipEvent[]> = new Map()
  readonly #options: RoomOptions
  readonly #random

  constructor(options: RoomOptions & { seed?: number; simulated?: boolean; peerLossMs?: number } = {}) {
    const { seed = 1, simulated = false, peerLossMs = 150, ...rest } = options
    this.#random = seededRandom(seed)
    this.network = new SimulatedNetwork({ clock: this.clock, seed, latencyMs: 5, peerLossMs })
    this.#isSimulated = simulated
    this.#options = rest
  }

  loom(name: string): Loom {
    const peerIdentity = testIdentity(name)
    return this.#isSimulated ? this.network.loom({ peerIdentity }) : (this.#memory.as(peerIdentity) as unknown as Loom)
  }

  factory(name: string, options: RoomOptions = {}): SeamRoomFactory {
    return new SeamRoomFactory(this.loom(name), this.options(name, options))
  }

  /** What rooms of `name` are made with here. */
  options(name: string, options: RoomOptions = {}): RoomOptions {
    const identity = testIdentity(name)
    const verify: RoomOptions['verify'] = (...args) => Promise.resolve(verifyTestSignature(...args))
    const base = { identity, verify, clock: this.clock, random: this.#random }
    return { ...FAST, ...base, ...this.#options, ...options }
  }

  tag(): Tag {
    return this.#isSimulated ? { sessionName: 'oak', peerKey: 'oak' } : new InMemoryTag('oak')
  }

  host(name: string, options: HostRoomOptions & RoomOptions = {}): Promise<Room> {
    return this.settle(this.factory(name, options).host({ sessionName: 'oak', maxPeers: 12 }, options))
  }

  join(name: string, options: JoinRoomOptions & RoomOptions = {}): Promise<Room> {
    return this.settle(this.factory(name, options).join(this.tag(), options))
  }

  /** A seam of `name` back in the session, whoever is in it. */
  seam(name: string): Promise<Seam> {
    return this.settle(this.loom(name).join(this.tag()))
  }

  /** `names` in one room, the first as its host, all of them listing all. */
  async gather(...names: string[]): Promise<Room[]> {
    const rooms: Room[] = []
    for (const name of names) rooms.push(rooms.length === 0 ? await this.host(name) : await this.join(name))
    for (const room of rooms) this.watch(room)
    await this.advance(50)
    return rooms
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    const result = await this.clock.run(promise, { limitMs: 60_000 })
    return result
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  /** Collects a room's events from here on. */
  watch(room: Room): MembershipEvent[] {
    const known = this.#events.get(room)
    if (known !== undefined) return known
    const seen: MembershipEvent[] = []
    this.#events.set(room, seen)
    void (async () => {
      for await (const event of room.events) seen.push(event)
    })()
    return seen
  }

  /** The kinds of the events of `room` about `peer`, since it was watched. */
  kinds(room: Room, peer?: string): string[] {
    const about = this.watch(room).filter((event) => peer === undefined || subjectOf(event) === peer)
    return about.map((event) =>
      event.kind === 'left' || event.kind === 'away' ? `${event.kind}:${event.reason}` : event.kind,
    )
  }
}

/** Everybody in `room`'s roster with how they are, as text. */
export function shown(room: Room): string[] {
  return [...room.roster.get().values()].map((member) => {
    return `${member.id}${member.isHost ? '*' : ''}${member.liveness.kind === 'away' ? '?' : ''}`
  })
}

export function texts(room: Room): string[] {
  const seen: string[] = []
  void (async () => {
    for await (const frame of room.incoming) seen.push(`${frame.sender}: ${new TextDecoder().decode(frame.payload)}`)
  })()
  return seen
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function subjectOf(event: MembershipEvent): string | null {
  if ('peer' in event) return event.peer
  return 'member' in event ? event.member.id : null
}
