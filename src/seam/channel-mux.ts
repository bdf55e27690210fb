import { concatBytes } from '../base/bytes.ts'
import { ClosedError, OverloadedError } from '../base/errors.ts'
import {
  VIEW_CREDIT_BYTES,
  type CloseReason,
  type Delivery,
  type PeerId,
  type Seam,
  type SeamState,
  type SendOptions,
  type Swatch,
} from './contract.ts'
import { ArrivalBudgets } from './arrival-budgets.ts'
import { frameCost, SendCredit } from './credit.ts'
import type { SeamLink } from './lane.ts'
import { partCost } from './parts.ts'
import { SeamCore } from './seam-core.ts'

/** How a mux writes its keys behind a frame's first byte. */
export interface ChannelKeyCodec<K> {
  write(key: K): Uint8Array
  /** The key of a frame; `null` where it is malformed. */
  read(frame: Uint8Array): K | null
}

/** What a mux threw away. */
export interface MuxCounts {
  /** Frames that are no frames of a mux. */
  readonly malformedFrames: number
  /** Lossy frames for which there was no room, in open and waiting channels. */
  readonly lossyDropped: number
  /** Peers that sent beyond their credit, or to too many channels nobody opened. */
  readonly cutOffPeers: number
}

/** First byte of a frame. */
const DATA = 0
const CREDIT = 1
const PART = 2

/**
 * Channels that one peer may begin before somebody opens them; who begins one more is cut off. Of those that
 * peers who left had begun, as many are kept together, the newest.
 */
export const MAX_UNOPENED_CHANNELS = 256

/**
 * Bytes of one peer that wait in channels nobody has opened, all together; who sends more is cut off. Sixteen channels
 * full of their credit.
 */
export const MAX_UNOPENED_BYTES: number = 16 * VIEW_CREDIT_BYTES

/**
 * One reader of a base seam, and a {@link SeamCore} per channel. A channel begins when it is opened or
 * when its first frame arrives: what comes before it is opened waits in it, within its credit. What a
 * sender has under way outlives the view it was sent from, because the other end still counts it.
 */
export class ChannelMux<K extends number | string> {
  readonly #base: Seam
  readonly #codec: ChannelKeyCodec<K>
  readonly #channels: Map<K, Channel> = new Map()
  readonly #cutOff: Set<PeerId> = new Set()
  readonly #budgets: ArrivalBudgets
  /** Bytes that wait in channels nobody has opened, by sender. */
  readonly #unopenedBytes: Map<PeerId, number> = new Map()
  readonly #iterator: AsyncIterator<Swatch>
  readonly #unlisten: readonly (() => void)[]
  #peers: ReadonlySet<PeerId>
  #detached = false
  #drained = false
  #malformedFrames = 0
  #lossyDropped = 0
  #cutOffPeers = 0

  constructor(base: Seam, codec: ChannelKeyCodec<K>) {
    this.#base = base
    this.#codec = codec
    this.#budgets = base instanceof SeamCore ? base.budgets : new ArrivalBudgets()
    this.#iterator = base.incoming[Symbol.asyncIterator]()
    this.#peers = base.peers.get()
    this.#unlisten = [
      base.peers.listen((peers) => this.#onPeers(peers)),
      base.state.listen((state) => this.#onState(state)),
    ]
    void this.#pump()
  }

  channel(key: K): Seam {
    if (this.#detached) throw new ClosedError('this mux is detached: make a new one over the seam')
    const channel = this.#channels.get(key) ?? this.#begin(key)
    const view = channel.view ?? this.#makeView(key, channel, true)
    this.#opened(channel)
    view.open()
    return view
  }

  async detach(): Promise<void> {
    if (this.#detached) return
    this.#detached = true
    for (const stop of this.#unlisten) stop()
    const closing = [...this.#channels.values()].map((channel) => channel.view?.close())
    this.#channels.clear()
    await Promise.all([...closing, this.#iterator.return?.()])
  }

  get counts(): MuxCounts {
    let lossyDropped = this.#lossyDropped
    for (const { view } of this.#channels.values()) lossyDropped += view?.lossyDropped ?? 0
    return { malformedFrames: this.#malformedFrames, lossyDropped, cutOffPeers: this.#cutOffPeers }
  }

  /* ── Frames ────────────────────────────────────────────────────────────────────────────────── */

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#iterator.next()
        if (done === true) break
        if (this.#detached) this.#giveBack(value)
        else this.#route(value)
      }
    } catch (cause) {
      this.#tearAll({ kind: 'error', cause })
    }
    // The base's state says `torn` before its last frames are read: the views' readers end after those.
    this.#drained = true
    for (const { view } of this.#channels.values()) view?.endIncoming()
  }

  #route({ payload: frame, sender, delivery }: Swatch): void {
    if (this.#cutOff.has(sender)) return
    const key = this.#codec.read(frame)
    const kind = frame[0]
    if (key === null) {
      this.#malformedFrames++
      return
    }
    const channel = this.#channels.get(key)
    if (kind === DATA || (kind === PART && delivery === 'reliable')) this.#onData(key, channel, frame, sender, delivery)
    else if (kind === CREDIT && delivery === 'reliable') this.#onCredit(key, channel, frame, sender)
    else this.#malformedFrames++
  }

  #onData(key: K, known: Channel | undefined, frame: Uint8Array, sender: PeerId, delivery: Delivery): void {
    if (known?.view === undefined && this.#unopenedBy(sender) >= MAX_UNOPENED_CHANNELS) {
      if (delivery === 'lossy') this.#lossyDropped++
      else this.#cut(sender)
      return
    }
    const channel = known ?? this.#begin(key)
    if (channel.view === undefined) channel.begunBy = sender
    const view = channel.view ?? this.#makeView(key, channel, false)
    const payload = frame.subarray(channel.header.length)
    if (channel.begunBy !== null && !this.#keepsUnopened(channel, sender, frameCost(payload.length))) {
      if (delivery === 'lossy') this.#lossyDropped++
      else this.#cut(sender)
      return
    }
    view.received(sender, payload, delivery, frame[0] === PART)
  }

  #keepsUnopened(channel: Channel, sender: PeerId, cost: number): boolean {
    const all = (this.#unopenedBytes.get(sender) ?? 0) + cost
    if (all > MAX_UNOPENED_BYTES) return false
    this.#unopenedBytes.set(sender, all)
    channel.unopenedBytes.set(sender, (channel.unopenedBytes.get(sender) ?? 0) + cost)
    return true
  }

  /** Somebody has opened it, or nobody will: what waits in it is counted no more. */
  #opened(channel: Channel): void {
    channel.begunBy = null
    for (const [sender, bytes] of channel.unopenedBytes) {
      const left = (this.#unopenedBytes.get(sender) ?? 0) - bytes
      if (left > 0) this.#unopenedBytes.set(sender, left)
      else this.#unopenedBytes.delete(sender)
    }
    channel.unopenedBytes.clear()
  }

  /** A frame that was on its way here when the mux was detached: nobody will read it, and its sender is owed its cost. */
  #giveBack({ payload: frame, sender, delivery }: Swatch): void {
    const key = this.#codec.read(frame)
    if (key === null || (frame[0] !== DATA && frame[0] !== PART) || delivery === 'lossy') return
    const channel = this.#newChannel(key)
    const payload = frame.subarray(channel.header.length)
    this.#grant(channel, sender, frame[0] === PART ? partCost(payload) : frameCost(payload.length))
  }

  #onCredit(key: K, channel: Channel | undefined, frame: Uint8Array, sender: PeerId): void {
    if (channel === undefined) return
    const at = channel.header.length
    if (frame.length !== at + 4) {
      this.#malformedFrames++
      return
    }
    const bytes = new DataView(frame.buffer, frame.byteOffset).getUint32(at)
    if (channel.view !== undefined) {
      channel.view.granted(sender, bytes)
      return
    }
    channel.credits.get(sender)?.grant(bytes)
    this.#forgetIfIdle(key, channel)
  }

  /* ── Channels ──────────────────────────────────────────────────────────────────────────────── */

  #begin(key: K): Channel {
    const channel = this.#newChannel(key)
    this.#channels.set(key, channel)
    return channel
  }

  #newChannel(key: K): Channel {
    const keyBytes = this.#codec.write(key)
    return {
      header: concatBytes(Uint8Array.of(DATA), keyBytes),
      partHeader: concatBytes(Uint8Array.of(PART), keyBytes),
      creditHeader: concatBytes(Uint8Array.of(CREDIT), keyBytes),
      credits: new Map(),
      owed: new Map(),
      unopenedBytes: new Map(),
      view: undefined,
      begunBy: null,
    }
  }

  #makeView(key: K, channel: Channel, isOpen: boolean): SeamCore {
    const { header, partHeader } = channel
    const within = (max: number | null): number | null => (max === null ? null : Math.max(0, max - header.length))
    const state = this.#base.state.get()
    const view: SeamCore = new SeamCore({
      selfId: this.#base.selfId,
      initialState: state.kind === 'weaving' ? 'weaving' : 'woven',
      maxPayloadBytes: () => within(this.#base.maxPayloadBytes),
      maxFrameBytes: () => within(this.#base.maxFrameBytes ?? this.#base.maxPayloadBytes),
      maxLossyPayloadBytes: () => within(this.#base.maxLossyPayloadBytes),
      headers: { whole: header, part: partHeader, lossy: header },
      headroomBytes: this.#base instanceof SeamCore ? this.#base.headroomBytes : 0,
      budgets: this.#budgets,
      isOpen,
      onClose: () => this.#onViewClosed(key, channel, view),
      onCutOff: (peer) => this.#cut(peer),
      onMalformed: () => void this.#malformedFrames++,
    })
    channel.view = view
    for (const peer of this.#peers) this.#linkView(channel, view, peer)
    if (state.kind === 'torn') {
      view.tear(state.reason, { keepIncoming: true })
      if (this.#drained) view.endIncoming()
    }
    return view
  }

  #linkView(channel: Channel, view: SeamCore, peer: PeerId): void {
    if (peer === this.#base.selfId || this.#cutOff.has(peer)) return
    let credit = channel.credits.get(peer)
    if (credit === undefined) channel.credits.set(peer, (credit = new SendCredit()))
    const link: SeamLink = {
      send: async (frame, delivery, signal) => {
        await this.#carry(peer, frame, { delivery, signal })
        // The base has room again.
        if (channel.owed.size > 0) this.#grant(channel, peer, 0)
      },
      grant: (bytes) => this.#grant(channel, peer, bytes),
      memory: (bytes) => (this.#base instanceof SeamCore ? this.#base.memory(peer, bytes) : undefined),
    }
    view.link(peer, link, credit)
  }

  #carry(peer: PeerId, frame: Uint8Array, options: SendOptions): Promise<void> {
    const base = this.#base
    return base instanceof SeamCore ? base.carry(peer, frame, options) : base.sendTo(peer, frame, options)
  }

  #onViewClosed(key: K, channel: Channel, view: SeamCore): void {
    this.#opened(channel)
    channel.view = undefined
    this.#lossyDropped += view.lossyDropped
    for (const [peer, bytes] of view.giveBackCredit()) this.#grant(channel, peer, bytes)
    this.#forgetIfIdle(key, channel)
  }

  /** A channel without a view is kept only for what it has under way. */
  #forgetIfIdle(key: K, channel: Channel): void {
    if (channel.view !== undefined) return
    const underWay = [...channel.credits.values()].some((credit) => credit.outstanding > 0)
    if (!underWay) this.#channels.delete(key)
  }

  #unopenedBy(peer: PeerId): number {
    let count = 0
    for (const channel of this.#channels.values()) if (channel.begunBy === peer) count++
    return count
  }

  /** Forgets the oldest channels begun by peers that are gone: under fresh identities they could be without number. */
  #forgetAbandoned(): void {
    const abandoned = [...this.#channels.values()].filter(
      ({ begunBy }) => begunBy !== null && !this.#peers.has(begunBy),
    )
    for (const { view } of abandoned.slice(0, -MAX_UNOPENED_CHANNELS)) void view?.close()
  }

  /** Where the peer or the base is gone, so is the credit; where the base has no room, it stays owed until it has. */
  #grant(channel: Channel, peer: PeerId, bytes: number): void {
    const { creditHeader, owed } = channel
    const granted = bytes + (owed.get(peer) ?? 0)
    if (granted === 0) return
    owed.delete(peer)
    const frame = new Uint8Array(creditHeader.length + 4)
    frame.set(creditHeader)
    new DataView(frame.buffer).setUint32(creditHeader.length, granted)
    this.#base.sendTo(peer, frame).catch((error: unknown) => {
      if (error instanceof OverloadedError && this.#peers.has(peer)) owed.set(peer, granted + (owed.get(peer) ?? 0))
    })
  }

  /* ── The base ──────────────────────────────────────────────────────────────────────────────── */

  #onPeers(peers: ReadonlySet<PeerId>): void {
    const before = this.#peers
    this.#peers = peers
    for (const peer of before) if (!peers.has(peer)) this.#onPeerLeft(peer)
    this.#forgetAbandoned()
    for (const peer of peers) {
      if (before.has(peer)) continue
      for (const channel of this.#channels.values()) {
        if (channel.view !== undefined) this.#linkView(channel, channel.view, peer)
      }
    }
  }

  #onPeerLeft(peer: PeerId): void {
    this.#cutOff.delete(peer)
    for (const [key, channel] of this.#channels) {
      channel.credits.delete(peer)
      channel.owed.delete(peer)
      channel.view?.unlink(peer)
      this.#forgetIfIdle(key, channel)
    }
  }

  #onState(state: SeamState): void {
    if (state.kind === 'torn') {
      this.#tearAll(state.reason)
      return
    }
    for (const { view } of this.#channels.values()) {
      if (state.kind === 'woven') view?.woven()
      else view?.weaving()
    }
  }

  #tearAll(reason: CloseReason): void {
    for (const { view } of this.#channels.values()) view?.tear(reason, { keepIncoming: true })
  }

  #cut(peer: PeerId): void {
    if (this.#cutOff.has(peer)) return
    this.#cutOff.add(peer)
    this.#cutOffPeers++
    for (const { view } of this.#channels.values()) view?.unlink(peer)
  }
}

interface Channel {
  /** `kind key`: what stands before a payload, and before a part of one. */
  readonly header: Uint8Array
  readonly partHeader: Uint8Array
  readonly creditHeader: Uint8Array
  /** What is under way to each peer, across the views that were open under this key. */
  readonly credits: Map<PeerId, SendCredit>
  /** Grants that the base had no room for, bytes per peer. */
  readonly owed: Map<PeerId, number>
  /** What waits here of each sender until somebody opens it. */
  readonly unopenedBytes: Map<PeerId, number>
  view: SeamCore | undefined
  /** Who sent the first frame, while the view only holds frames for whoever opens it; `null` once it is opened. */
  begunBy: PeerId | null
}
