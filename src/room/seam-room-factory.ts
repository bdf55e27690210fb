import { orAborted, throwIfAborted, withinMs } from '../base/abort.ts'
import { systemClock, tracked } from '../base/clock.ts'
import { JoinTimeoutError, SeamTornError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import type { Loom, Pattern, PeerId, Seam, Tag } from '../seam/contract.ts'
import { createPeerIdentity, verifySignature } from '../seam/peer-identity.ts'
import type {
  AdoptRoomOptions,
  HostRoomOptions,
  JoinRoomOptions,
  MemberProfile,
  Room,
  RoomId,
  RoomOptions,
} from './contract.ts'
import { checkedPolicy, checkedProfile, checkedRoomId, defaultPolicy } from './profile.ts'
import { SeamRoom, type RoomSettings } from './seam-room.ts'

/** Makes rooms over the seams of a loom, or over any seam ({@link SeamRoomFactory.adopt}). */
export class SeamRoomFactory<T extends Tag = Tag> {
  readonly #loom: Loom<T>
  readonly #options: RoomOptions

  constructor(loom: Loom<T>, options: RoomOptions = {}) {
    this.#loom = loom
    this.#options = options
    timingOf(options)
    checkedPolicy(options.policy ?? {}, defaultPolicy())
  }

  /** A new room that this peer hosts. Rejects like `loom.host`, and with `RangeError`. */
  async host(pattern: Pattern, options: HostRoomOptions = {}): Promise<Room> {
    const seam = await this.#loom.host(pattern, { signal: options.signal })
    return this.#founded(seam, options, pattern)
  }

  /**
   * Resolves when admitted. Rejects like `loom.join`; with `AdmissionRefusedError` where the host says no, with
   * `JoinTimeoutError` past `admitTimeoutMs`. A failed join leaves nothing behind.
   */
  async join(tag: T, options: JoinRoomOptions = {}): Promise<Room> {
    const seam = await this.#loom.join(tag, { signal: options.signal })
    return this.#admitted(seam, options)
  }

  /** A room over a seam that is woven already, which is the room's from here on: leaving closes it. */
  adopt(seam: Seam, options: AdoptRoomOptions): Promise<Room> {
    if (options.role === 'host' && options.token !== undefined) {
      return Promise.reject(new TypeError('a token is for coming back: adopt as joiner'))
    }
    if (options.role === 'joiner' && options.roomId !== undefined) {
      return Promise.reject(new TypeError('the host names the room: a joiner gives no roomId'))
    }
    return options.role === 'host' ? this.#founded(seam, options) : this.#admitted(seam, options)
  }

  async #founded(seam: Seam, options: HostRoomOptions, pattern?: Pattern): Promise<Room> {
    return this.#made(seam, options, async (room) => {
      const policy = checkedPolicy(this.#options.policy ?? {}, defaultPolicy(pattern))
      await room.found(checkedRoomId(options.roomId ?? this.#mintRoomId(seam.selfId)), policy)
    })
  }

  #admitted(seam: Seam, options: JoinRoomOptions): Promise<Room> {
    return this.#made(seam, options, (room, { clock, timing }) => {
      const admitted = room.join(options.token ?? null)
      return withinMs(clock, timing.admitTimeoutMs, admitted, () => {
        return new JoinTimeoutError(
          `no host let this peer in within ${timing.admitTimeoutMs} ms: it was not admitted; try again`,
        )
      })
    })
  }

  async #made(
    seam: Seam,
    options: MemberProfile & { signal?: AbortSignal | undefined },
    comeIn: (room: SeamRoom, settings: RoomSettings) => Promise<void>,
  ): Promise<Room> {
    let room: SeamRoom | null = null
    try {
      throwIfAborted(options.signal)
      const settings = await this.#settings(options, seam.selfId)
      if (seam.state.get().kind === 'torn') throw new SeamTornError()
      room = new SeamRoom(seam, settings)
      await orAborted(comeIn(room, settings), options.signal)
      return room
    } catch (error) {
      await (room === null ? seam.close() : room.leave())
      throw error
    }
  }

  async #settings(profile: MemberProfile, selfId: PeerId): Promise<RoomSettings> {
    const options = this.#options
    const clock = options.clock ?? systemClock
    return {
      identity: options.identity ?? (await tracked(clock, createPeerIdentity())),
      verify: options.verify ?? verifySignature,
      admit: options.admit ?? (() => ({ kind: 'admit' })),
      password: options.password ?? options.policy?.password ?? null,
      clock,
      random: options.random ?? systemRandom,
      timing: timingOf(options),
      profile: checkedProfile(profile, selfId),
    }
  }

  #mintRoomId(selfId: PeerId): RoomId {
    const { clock = systemClock, random = systemRandom } = this.#options
    const drawn = Math.floor(random() * 2 ** 48).toString(36)
    return `${selfId.slice(0, 64)}-${Math.floor(clock.wallNow()).toString(36)}-${drawn}`
  }
}

function timingOf(options: RoomOptions): RoomSettings['timing'] {
  const { intervalMs = 2000, maxTimeoutMs = 15_000, windowMs = 60_000 } = options
  const { admitTimeoutMs = 30_000, resumeTimeoutMs = 15_000, tokenLifeMs = 86_400_000 } = options
  const minTimeoutMs = options.minTimeoutMs ?? Math.min(3 * intervalMs, maxTimeoutMs)
  const timing = { intervalMs, minTimeoutMs, maxTimeoutMs, windowMs, admitTimeoutMs, resumeTimeoutMs, tokenLifeMs }
  for (const [name, ms] of Object.entries(timing)) {
    if (!(ms > 0) || !Number.isFinite(ms)) throw new RangeError(`${name} is a time above zero, not ${ms}`)
  }
  if (minTimeoutMs > maxTimeoutMs || intervalMs >= maxTimeoutMs) {
    throw new RangeError('intervalMs has to be below maxTimeoutMs, and minTimeoutMs no longer than it')
  }
  return timing
}
