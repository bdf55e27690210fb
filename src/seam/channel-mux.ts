import { concatBytes } from '../base/bytes.ts'
import { ClosedError } from '../base/errors.ts'
import type { CloseReason, Delivery, PeerId, Seam, SeamState, Swatch } from './contract.ts'
import { SendCredit } from './credit.ts'
import type { SeamLink } from './lane.ts'
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

/** Channels that may hold frames before somebody opens them; the sender of one more is cut off. */
export const MAX_UNOPENED_CHANNELS = 256

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
  readonly #iterator: AsyncIterator<Swatch>
  readonly #unlisten: readonly (() => void)[]
  #peers: ReadonlySet<PeerId>
  #detached = false
  #drained = false
  #unopened = 0
  #malformedFrames = 0
  #lossyDropped = 0
  #cutOffPeers = 0

  constructor(base: Seam, codec: ChannelKeyCodec<K>) {
    this.#base = base
    this.#codec = codec
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
    const view = channel.view ?? this.#makeView(key, channel)
    if (!channel.opened) {
      channel.opened = true
      this.#unopened--
    }
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
        if (!this.#detached) this.#route(value)
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
    if (kind === DATA) this.#onData(key, channel, frame, sender, delivery)
    else if (kind === CREDIT && delivery === 'reliable') this.#onCredit(channel, frame, sender)
    else this.#malformedFrames++
  }

  #onData(key: K, known: Channel | undefined, frame: Uint8Array, sender: PeerId, delivery: Delivery): void {
    if (known?.view === undefined && this.#unopened >= MAX_UNOPENED_CHANNELS) {
      if (delivery === 'lossy') this.#lossyDropped++
      else this.#cut(sender)
      return
    }
    const channel = known ?? this.#begin(key)
    const view = channel.view ?? this.#makeView(key, channel)
    view.received(sender, frame.subarray(channel.header.length), delivery)
  }

  #onCredit(channel: Channel | undefined, frame: Uint8Array, sender: PeerId): void {
    if (channel === undefined) return
    const at = channel.header.length
    if (frame.length !== at + 4) {
      this.#malformedFrames++
      return
    }
    const bytes = new DataView(frame.buffer, frame.byteOffset).getUint32(at)
    if (channel.view === undefined) channel.credits.get(sender)?.grant(bytes)
    else channel.view.granted(sender, bytes)
  }

  /* ── Channels ──────────────────────────────────────────────────────────────────────────────── */

  #begin(key: K): Channel {
    const keyBytes = this.#codec.write(key)
    const channel: Channel = {
      header: concatBytes(Uint8Array.of(DATA), keyBytes),
      creditHeader: concatBytes(Uint8Array.of(CREDIT), keyBytes),
      credits: new Map(),
      view: undefined,
      opened: true,
    }
    this.#channels.set(key, channel)
    return channel
  }

  /** A view that nobody has asked for yet. */
  #makeView(key: K, channel: Channel): SeamCore {
    const { header } = channel
    const within = (max: number | null): number | null => (max === null ? null : Math.max(0, max - header.length))
    const state = this.#base.state.get()
    const view: SeamCore = new SeamCore({
      selfId: this.#base.selfId,
      initialState: state.kind === 'weaving' ? 'weaving' : 'woven',
      maxPayloadBytes: () => within(this.#base.maxPayloadBytes),
      maxLossyPayloadBytes: () => within(this.#base.maxLossyPayloadBytes),
      frame: (payload) => concatBytes(header, payload),
      onClose: () => this.#onViewClosed(key, channel, view),
      onCutOff: (peer) => this.#cut(peer),
    })
    channel.view = view
    channel.opened = false
    this.#unopened++
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
      send: (frame, delivery, signal) => this.#base.sendTo(peer, frame, { delivery, signal }),
      grant: (bytes) => this.#grant(channel, peer, bytes),
    }
    view.link(peer, link, credit)
  }

  #onViewClosed(key: K, channel: Channel, view: SeamCore): void {
    if (!channel.opened) this.#unopened--
    channel.opened = true
    channel.view = undefined
    this.#lossyDropped += view.lossyDropped
    for (const [peer, bytes] of view.giveBackCredit()) this.#grant(channel, peer, bytes)
    const underWay = [...channel.credits.values()].some((credit) => credit.outstanding > 0)
    if (!underWay) this.#channels.delete(key)
  }

  /** Fire and forget: it fails only where the peer or the base is gone, and the credit with them. */
  #grant(channel: Channel, peer: PeerId, bytes: number): void {
    const { creditHeader } = channel
    const frame = new Uint8Array(creditHeader.length + 4)
    frame.set(creditHeader)
    new DataView(frame.buffer).setUint32(creditHeader.length, bytes)
    this.#base.sendTo(peer, frame).catch(() => {})
  }

  /* ── The base ──────────────────────────────────────────────────────────────────────────────── */

  #onPeers(peers: ReadonlySet<PeerId>): void {
    const before = this.#peers
    this.#peers = peers
    for (const peer of before) if (!peers.has(peer)) this.#onPeerLeft(peer)
    for (const peer of peers) {
      if (before.has(peer)) continue
      for (const channel of this.#channels.values()) {
        if (channel.view !== undefined) this.#linkView(channel, channel.view, peer)
      }
    }
  }

  #onPeerLeft(peer: PeerId): void {
    this.#cutOff.delete(peer)
    for (const channel of this.#channels.values()) {
      channel.credits.delete(peer)
      channel.view?.unlink(peer)
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
  /** `kind key`: what stands before a payload. */
  readonly header: Uint8Array
  readonly creditHeader: Uint8Array
  /** What is under way to each peer, across the views that were open under this key. */
  readonly credits: Map<PeerId, SendCredit>
  view: SeamCore | undefined
  /** False while the view only holds frames for whoever opens it. */
  opened: boolean
}
