import { expect } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import type { HostRoomOptions, JoinRoomOptions, MembershipEvent, Room, RoomOptions } from '../../room/contract.ts'
import type { PeerId, Seam } from '../../seam/contract.ts'
import type { Law } from '../law.ts'

/** What the laws of rooms need of an implementation and its fabric. Each law gets a harness of its own. */
export interface RoomHarness {
  /** A session that nobody is in. */
  session(): LawSession
  /** What the rooms are made with, unless a law says otherwise. */
  readonly timing: LawTiming
  /** The clock of every room. */
  readonly clock: Clock
  /** `promise`, within a bound that suits the fabric: virtual time, or some real seconds. Then it rejects. */
  settle<T>(promise: Promise<T>): Promise<T>
  /** Lets `ms` of the rooms' clock pass. */
  elapse(ms: number): Promise<void>
  /** Ends every room and every seam, failed or not. */
  close(): Promise<void>
}

export interface LawTiming {
  readonly intervalMs: number
  readonly maxTimeoutMs: number
  readonly windowMs: number
  readonly admitTimeoutMs: number
  readonly resumeTimeoutMs: number
}

/** One session of a fabric. A name is a peer: the same name comes back under the same id. */
export interface LawSession {
  idOf(name: string): Promise<PeerId>
  host(name: string, options?: LawRoomOptions): Promise<Room>
  join(name: string, options?: LawRoomOptions): Promise<Room>
  /** A seam of `name`: the session's first, or in among those who are there. */
  seam(name: string): Promise<Seam>
  adopt(name: string, seam: Seam, options: LawRoomOptions & { role: 'host' | 'joiner' }): Promise<Room>
  /** Its links are gone at once, as when a process is killed; its rooms say nothing. */
  vanish(name: string): Promise<void>
  /** Nothing passes between two peers any more, and in the end each drops the other. */
  cut(a: string, b: string): Promise<void>
  /** Nothing passes between two peers that go on listing each other; {@link heal} brings it late. */
  hush(a: string, b: string): Promise<void>
  /** Ends every cut and every hush. */
  heal(): Promise<void>
}

export interface LawRoomOptions extends RoomOptions, HostRoomOptions, JoinRoomOptions {
  /** Whose key the room has; left out: the peer's own. */
  readonly keyOf?: string | undefined
}

export type RoomLaw = Law<RoomHarness>

/** A law of rooms, told with a {@link RoomTrial}. */
export function roomLaw(id: string, title: string, tell: (trial: RoomTrial) => Promise<void>): RoomLaw {
  return {
    id,
    title,
    run: async (harness) => {
      const trial = new RoomTrial(harness)
      await tell(trial)
      trial.check()
    },
  }
}

/** One telling of a law: rooms of one session by their names, what they show, hear and say, waits within bounds. */
export class RoomTrial {
  readonly harness: RoomHarness
  readonly session: LawSession
  readonly #names: Map<PeerId, string> = new Map()
  readonly #events: Map<Room, MembershipEvent[]> = new Map()
  readonly #violations: string[] = []

  constructor(harness: RoomHarness) {
    this.harness = harness
    this.session = harness.session()
  }

  get timing(): LawTiming {
    return this.harness.timing
  }

  /** Longer than anything takes that a law waits for: three windows, and twelve of the longest silences. */
  get patienceMs(): number {
    return 3 * this.timing.windowMs + 12 * this.timing.maxTimeoutMs
  }

  /* ── Rooms ─────────────────────────────────────────────────────────────────────────────────── */

  async host(name: string, options?: LawRoomOptions): Promise<Room> {
    await this.idOf(name)
    return this.#watched(await this.settle(this.session.host(name, options)))
  }

  async join(name: string, options?: LawRoomOptions): Promise<Room> {
    await this.idOf(name)
    return this.#watched(await this.settle(this.session.join(name, options)))
  }

  async adopt(name: string, seam: Seam, options: LawRoomOptions & { role: 'host' | 'joiner' }): Promise<Room> {
    await this.idOf(name)
    return this.#watched(await this.settle(this.session.adopt(name, seam, options)))
  }

  async seam(name: string): Promise<Seam> {
    await this.idOf(name)
    return this.settle(this.session.seam(name))
  }

  /** `names` in one room, the first as its host, all of them showing all. */
  async gather<N extends readonly string[]>(...names: N): Promise<{ [I in keyof N]: Room }> {
    const rooms: Room[] = []
    for (const name of names) rooms.push(rooms.length === 0 ? await this.host(name) : await this.join(name))
    const wanted = names.map((name, i) => (i === 0 ? `${name}*` : name))
    for (const [i, room] of rooms.entries()) await this.shows(room, ...wanted.filter((_, j) => j !== i))
    return rooms as { [I in keyof N]: Room }
  }

  async idOf(name: string): Promise<PeerId> {
    const id = await this.settle(this.session.idOf(name))
    this.#names.set(id, name)
    return id
  }

  nameOf(id: PeerId | null): string | null {
    return id === null ? null : (this.#names.get(id) ?? id)
  }

  /* ── Faults ────────────────────────────────────────────────────────────────────────────────── */

  vanish(name: string): Promise<void> {
    return this.session.vanish(name)
  }

  /** Each of `some` from each of `others`. */
  async cut(some: readonly string[], others: readonly string[]): Promise<void> {
    for (const a of some) for (const b of others) await this.session.cut(a, b)
  }

  heal(): Promise<void> {
    return this.session.heal()
  }

  /* ── What is seen ──────────────────────────────────────────────────────────────────────────── */

  /** The roster in words: `*` hosts, `?` is away. */
  shown(room: Room): string[] {
    return [...room.roster.get().values()].map((member) => {
      const marks = `${member.isHost ? '*' : ''}${member.liveness.kind === 'away' ? '?' : ''}`
      return `${this.nameOf(member.id)}${marks}`
    })
  }

  /** Waits until `room` shows exactly `members`, in whatever order. */
  shows(room: Room, ...members: readonly string[]): Promise<void> {
    return this.eventually(() => this.shown(room).toSorted(), members.toSorted(), `roster of ${this.#label(room)}`)
  }

  /** Waits until each of `rooms` takes `name` for its host. */
  async hosted(rooms: readonly Room[], name: string): Promise<void> {
    for (const room of rooms) {
      await this.eventually(() => this.nameOf(room.host.get()), name, `host in ${this.#label(room)}`)
    }
  }

  async eventually<T>(read: () => T, wanted: T, what?: string): Promise<void> {
    const { clock } = this.harness
    const untilMs = clock.now() + this.patienceMs
    while (clock.now() < untilMs) {
      if (isEqual(read(), wanted)) return
      await this.harness.elapse(STEP_MS)
    }
    expect(read(), what).toEqual(wanted)
  }

  /** Events of `room` so far. */
  events(room: Room): readonly MembershipEvent[] {
    return this.#events.get(room) ?? []
  }

  /** The kinds of what was told in `room` of `name`, with reasons where there are any. */
  kinds(room: Room, name?: string): string[] {
    const about = this.events(room).filter((event) => name === undefined || this.nameOf(subjectOf(event)) === name)
    return about.map((event) => ('reason' in event ? `${event.kind}:${event.reason}` : event.kind))
  }

  /** What arrives from here on, as `sender: text`. */
  hear(source: AsyncIterable<{ readonly sender: PeerId; readonly payload: Uint8Array }>): string[] {
    const heard: string[] = []
    const drain = async (): Promise<void> => {
      for await (const { sender, payload } of source) {
        heard.push(`${this.nameOf(sender)}: ${new TextDecoder().decode(payload)}`)
      }
    }
    drain().catch((error: unknown) => this.#violations.push(`a stream threw ${String(error)}`))
    return heard
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.harness.settle(promise)
  }

  elapse(ms: number): Promise<void> {
    return this.harness.elapse(ms)
  }

  /** Time for whatever is under way to arrive. */
  quiet(): Promise<void> {
    return this.elapse(2 * this.timing.intervalMs)
  }

  /** What `promise` rejects with, `null` where it resolves. */
  failure(promise: Promise<unknown>): Promise<unknown> {
    return this.settle(promise).then(
      () => null,
      (error: unknown) => error,
    )
  }

  /** Rejects with what was seen that may never be. */
  check(): void {
    expect(this.#violations).toEqual([])
  }

  #watched(room: Room): Room {
    const seen: MembershipEvent[] = []
    this.#events.set(room, seen)
    const read = async (): Promise<void> => {
      for await (const event of room.events) {
        if (seen.at(-1)?.kind === 'ended') this.#violations.push(`${event.kind} after the end`)
        seen.push(event)
      }
    }
    read().catch((error: unknown) => this.#violations.push(`events threw ${String(error)}`))
    const check = (): void => {
      if (room.roster.get().has(room.selfId)) this.#violations.push(`${this.#label(room)} is on its own roster`)
    }
    check()
    room.roster.listen(check)
    return room
  }

  #label(room: Room): string {
    return this.nameOf(room.selfId) ?? ''
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** How finely a trial looks again, milliseconds. */
const STEP_MS = 20

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function subjectOf(event: MembershipEvent): PeerId | null {
  if ('peer' in event) return event.peer
  return 'member' in event ? event.member.id : null
}
