import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Room, RoomOptions } from '../../room/contract.ts'
import { SeamRoomFactory } from '../../room/seam-room-factory.ts'
import type { Loom, PeerId, PeerIdentity, Seam, Tag } from '../../seam/contract.ts'
import type { LawRoomOptions, LawSession, LawTiming, RoomHarness } from './room-harness.ts'
import { Severances, SeverableSeam } from './severable-seam.ts'

/** A fabric to put rooms on. */
export interface RoomFabric {
  readonly clock: Clock
  readonly random?: Random | undefined
  readonly timing: LawTiming
  readonly verify?: RoomOptions['verify']
  /** The same name twice is the same peer. */
  identity(name: string): Promise<PeerIdentity>
  session(): FabricSession
  settle<T>(promise: Promise<T>): Promise<T>
  elapse(ms: number): Promise<void>
  /** After all rooms and seams are closed. */
  close?(): Promise<void>
}

export interface FabricSession {
  readonly tag: Tag
  loom(identity: PeerIdentity): Loom
  /** Where the fabric can lose links itself. */
  readonly faults?: {
    crash(peer: PeerId): void
    cut(a: PeerId, b: PeerId): void
    heal(): void
  }
}

/** This library's rooms over any fabric, under the laws of rooms. */
export function roomsOver(fabric: RoomFabric): RoomHarness {
  const { clock, timing } = fabric
  const sessions: RoomSession[] = []
  return {
    clock,
    timing,
    session: () => {
      const session = new RoomSession(fabric, fabric.session())
      sessions.push(session)
      return session
    },
    settle: (promise) => fabric.settle(promise),
    elapse: (ms) => fabric.elapse(ms),
    close: async () => {
      for (const session of sessions) await fabric.settle(session.close())
      await fabric.close?.()
    },
  }
}

class RoomSession implements LawSession {
  readonly #fabric: RoomFabric
  readonly #inner: FabricSession
  readonly #severances = new Severances()
  readonly #identities: Map<string, Promise<PeerIdentity>> = new Map()
  readonly #seams: { readonly id: PeerId; readonly seam: Seam }[] = []
  readonly #rooms: Room[] = []

  constructor(fabric: RoomFabric, inner: FabricSession) {
    this.#fabric = fabric
    this.#inner = inner
  }

  async idOf(name: string): Promise<PeerId> {
    return (await this.#identity(name)).id
  }

  async host(name: string, options: LawRoomOptions = {}): Promise<Room> {
    const factory = await this.#factory(name, options)
    return this.#kept(await factory.host({ sessionName: this.#inner.tag.sessionName, maxPeers: 12 }, options))
  }

  async join(name: string, options: LawRoomOptions = {}): Promise<Room> {
    const factory = await this.#factory(name, options)
    return this.#kept(await factory.join(this.#inner.tag, options))
  }

  async adopt(name: string, seam: Seam, options: LawRoomOptions & { role: 'host' | 'joiner' }): Promise<Room> {
    const factory = await this.#factory(name, options)
    return this.#kept(await factory.adopt(seam, options))
  }

  async seam(name: string): Promise<Seam> {
    const loom = await this.#loom(name)
    const isFirst = this.#seams.every(({ seam }) => seam.state.get().kind === 'torn')
    return isFirst ? loom.host({ sessionName: this.#inner.tag.sessionName, maxPeers: 12 }) : loom.join(this.#inner.tag)
  }

  async vanish(name: string): Promise<void> {
    const id = await this.idOf(name)
    if (this.#inner.faults !== undefined) this.#inner.faults.crash(id)
    else for (const own of this.#seams) if (own.id === id) await own.seam.close({ kind: 'unreachable' })
  }

  async cut(a: string, b: string): Promise<void> {
    const cutter = this.#inner.faults ?? this.#severances
    cutter.cut(await this.idOf(a), await this.idOf(b))
  }

  async hush(a: string, b: string): Promise<void> {
    this.#severances.hush(await this.idOf(a), await this.idOf(b))
  }

  heal(): Promise<void> {
    this.#inner.faults?.heal()
    this.#severances.heal()
    return Promise.resolve()
  }

  async close(): Promise<void> {
    await Promise.all(this.#rooms.map((room) => room.leave()))
    await Promise.all(this.#seams.map(({ seam }) => seam.close()))
  }

  #kept(room: Room): Room {
    this.#rooms.push(room)
    return room
  }

  #identity(name: string): Promise<PeerIdentity> {
    const known = this.#identities.get(name) ?? this.#fabric.identity(name)
    this.#identities.set(name, known)
    return known
  }

  async #factory(name: string, { keyOf = name, ...options }: LawRoomOptions): Promise<SeamRoomFactory> {
    const { clock, random, verify, timing } = this.#fabric
    const identity = await this.#identity(keyOf)
    return new SeamRoomFactory(await this.#loom(name), { ...timing, clock, random, verify, identity, ...options })
  }

  /** The fabric's loom for `name`, its seams severable. */
  async #loom(name: string): Promise<Loom> {
    const identity = await this.#identity(name)
    const loom = this.#inner.loom(identity)
    const severable = async (weaving: Promise<Seam>): Promise<Seam> => {
      const seam = await weaving
      this.#seams.push({ id: identity.id, seam })
      return new SeverableSeam(seam, this.#severances)
    }
    return {
      weave: (rendezvous, options) => severable(loom.weave(rendezvous, options)),
      host: (pattern, options) => severable(loom.host(pattern, options)),
      join: (tag, options) => severable(loom.join(tag, options)),
      capability: () => loom.capability(),
      availability: () => loom.availability(),
    }
  }
}
