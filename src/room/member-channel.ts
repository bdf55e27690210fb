import type { Random } from '../base/random.ts'
import type { CloseReason, Delivery, PeerId, Seam } from '../seam/contract.ts'
import { SeamCore } from '../seam/seam-core.ts'
import { Replay, REPLAY_HEADERS } from './core/replay.ts'

export interface MemberChannelOptions {
  readonly selfId: PeerId
  /** Bytes kept for each member; 0: nothing outlives a link. */
  readonly keepBytes: number
  /** Lists every member from the first, linked or not: what is sent to it waits. Otherwise who has the channel open. */
  readonly reachesAll?: boolean | undefined
  readonly random: Random
  readonly onHeard: (from: PeerId) => void
  readonly onMissed: (from: PeerId, frames: number) => void
  readonly onClose?: (() => void) | undefined
}

const MAX_LEAVING = 64

/** Bytes that a channel puts before a payload. */
const HEADER_BYTES = REPLAY_HEADERS.whole.length

/**
 * A seam among the members of a room, over a channel of whatever seam the room is on: admitted peers alone are
 * listed, each over a {@link Replay} of its own.
 */
export class MemberChannel {
  readonly seam: SeamCore
  readonly #options: MemberChannelOptions
  readonly #ways: Map<PeerId, Way> = new Map()
  /** Who has said goodbye: what it sent before may not be read yet. The last {@link MAX_LEAVING}. */
  readonly #leaving: Map<PeerId, Way> = new Map()
  #members: ReadonlySet<PeerId> = new Set()
  #base: Seam | null = null
  #unlisten: () => void = () => {}
  #strayFrames = 0

  constructor(options: MemberChannelOptions) {
    this.#options = options
    const within = (max: number | null): number | null => (max === null ? null : Math.max(0, max - HEADER_BYTES))
    this.seam = new SeamCore({
      selfId: options.selfId,
      maxPayloadBytes: () => within(this.#base?.maxPayloadBytes ?? null),
      maxFrameBytes: () => within(this.#base?.maxFrameBytes ?? this.#base?.maxPayloadBytes ?? null),
      maxLossyPayloadBytes: () => within(this.#base?.maxLossyPayloadBytes ?? null),
      headers: REPLAY_HEADERS,
      onClose: () => {
        this.#release()
        options.onClose?.()
      },
      onCutOff: (peer) => this.#ways.get(peer)?.retire(),
    })
  }

  /** Frames of peers that are no members, or that are no frames. */
  get strayFrames(): number {
    return this.#strayFrames
  }

  /** Goes on over `base`; what was under way on the one before is sent again there. */
  attach(base: Seam): void {
    this.#detach()
    if (this.seam.torn) return
    this.#base = base
    this.#unlisten = base.peers.listen(() => this.#relink())
    this.#relink()
    void this.#read(base)
  }

  /**
   * Who is admitted, and who of them is away. A new id may take over what was kept for `was`; of who `left` by itself the
   * last frames are read.
   */
  setMembers(
    members: ReadonlySet<PeerId>,
    away: ReadonlySet<PeerId>,
    was: (peer: PeerId) => PeerId | null,
    left: (peer: PeerId) => boolean,
  ): void {
    this.#members = members
    for (const peer of members) {
      const before = was(peer)
      const way = before === null || members.has(before) ? undefined : this.#ways.get(before)
      if (way === undefined || before === null || this.#ways.has(peer)) continue
      this.#ways.delete(before)
      way.rename(peer)
      this.#ways.set(peer, way)
    }
    for (const [peer, way] of this.#ways) {
      if (members.has(peer)) continue
      this.#ways.delete(peer)
      if (left(peer)) this.#leaving.set(peer, way)
      for (const [oldest] of [...this.#leaving].slice(0, -MAX_LEAVING)) this.#leaving.delete(oldest)
      way.retire()
    }
    this.#relink()
    for (const [peer, { replay }] of this.#ways) replay.setAway(away.has(peer))
  }

  /** The end of the room, or of the seam for good. */
  tear(reason: CloseReason): void {
    this.#release()
    this.seam.tear(reason)
  }

  #release(): void {
    void this.#base?.close()
    this.#detach()
    this.#ways.clear()
    this.#leaving.clear()
  }

  #detach(): void {
    this.#unlisten()
    this.#base = null
    for (const way of this.#ways.values()) way.replay.unlink()
  }

  #relink(): void {
    const base = this.#base
    if (base === null) return
    const listed = base.peers.get()
    for (const [peer, { replay }] of this.#ways) if (!listed.has(peer)) replay.unlink()
    for (const [peer, way] of this.#leaving) {
      if (!listed.has(peer)) way.isGone = true
      else if (way.isGone) this.#leaving.delete(peer)
    }
    for (const peer of this.#members) {
      const isLinked = listed.has(peer)
      if (peer === base.selfId || (!isLinked && this.#options.reachesAll !== true)) continue
      const way = this.#ways.get(peer) ?? this.#begin(peer)
      if (isLinked && !way.replay.linked) way.replay.link()
    }
  }

  #begin(peer: PeerId): Way {
    const way = new Way(peer, this.seam, this.#options, () => this.#base)
    this.#ways.set(peer, way)
    this.#leaving.delete(peer)
    return way
  }

  async #read(base: Seam): Promise<void> {
    for await (const { sender, payload, delivery } of base.incoming) {
      const way = this.#base === base ? (this.#ways.get(sender) ?? this.#leaving.get(sender)) : undefined
      if (way?.replay.onFrame(payload, delivery) !== true) this.#strayFrames++
      else this.#options.onHeard(sender)
    }
  }
}

/** The way to one member: a {@link Replay} between the channel's seam and its base. */
class Way {
  readonly replay: Replay
  /** Its link has ended: what comes over a later one is not of a member. */
  isGone = false
  readonly #seam: SeamCore
  readonly #base: () => Seam | null
  readonly #reachesAll: boolean
  #peer: PeerId
  #isRetired = false
  /** Settles when the base has taken the last frame. */
  #sending: Promise<void> | undefined

  constructor(peer: PeerId, seam: SeamCore, options: MemberChannelOptions, base: () => Seam | null) {
    this.#peer = peer
    this.#seam = seam
    this.#base = base
    this.replay = new Replay(
      {
        send: (frame, delivery) => {
          this.#sending = this.#send(frame, delivery)
        },
        deliver: (payload, delivery, isPart) => seam.received(this.#peer, payload, delivery, isPart),
        joined: () => {
          if (!this.#reachesAll) this.#link()
        },
        left: () => {
          if (this.#reachesAll) this.#link()
          else seam.unlink(this.#peer)
        },
        writable: () => seam.writable(this.#peer),
        granted: (bytes) => seam.granted(this.#peer, bytes),
        missed: (frames) => options.onMissed(this.#peer, frames),
      },
      options.keepBytes,
      options.random,
    )
    this.#reachesAll = options.reachesAll === true
    if (this.#reachesAll) this.#link()
  }

  rename(peer: PeerId): void {
    this.replay.unlink()
    this.#seam.unlink(this.#peer)
    this.#peer = peer
    if (this.#reachesAll) this.#link()
  }

  /** Its peer is listed no more. */
  retire(): void {
    this.#isRetired = true
    this.replay.unlink()
    this.#seam.unlink(this.#peer)
  }

  #link(): void {
    if (this.#isRetired) return
    const { replay } = this
    this.#seam.link(this.#peer, {
      send: (frame, delivery) => {
        this.#sending = undefined
        replay.send(frame, delivery)
        return this.#sending
      },
      grant: (bytes) => replay.grant(bytes),
      hasRoom: (bytes) => {
        if (replay.hasRoom(bytes)) return true
        // The lane that asks is in the middle of its work.
        if (!replay.linked) queueMicrotask(() => this.#overflow(bytes))
        return false
      },
    })
  }

  #overflow(bytes: number): void {
    if (!this.replay.linked && !this.replay.hasRoom(bytes)) this.replay.overflow()
  }

  /** The base loses frames only with its link, and then they are sent again. */
  async #send(frame: Uint8Array, delivery: Delivery): Promise<void> {
    await this.#base()
      ?.sendTo(this.#peer, frame, { delivery })
      .catch(() => {})
  }
}
