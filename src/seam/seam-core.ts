import { throwIfAborted } from '../base/abort.ts'
import { OverloadedError, PayloadTooLargeError, PeerNotConnectedError, SeamTornError } from '../base/errors.ts'
import { Inbox } from '../base/inbox.ts'
import { observable, sameMembers, type ReadableAtom } from '../base/observable.ts'
import type { CloseReason, Delivery, PeerId, Seam, SeamState, SendOptions, Swatch } from './contract.ts'
import { frameCost, ReceiveCredit, SendCredit } from './credit.ts'
import { Lane, type SeamLink } from './lane.ts'

export interface SeamCoreOptions {
  readonly selfId: PeerId
  /** Default `woven`. */
  readonly initialState?: 'weaving' | 'woven'
  /** Largest payload, bytes; asked before every send. `null` is unknown. */
  readonly maxPayloadBytes: () => number | null
  /** The same for lossy sends. Default: as for reliable ones. */
  readonly maxLossyPayloadBytes?: () => number | null
  /** Makes the frame that the links carry out of a payload, once per send or broadcast. Default: the payload itself. */
  readonly frame?: (payload: Uint8Array) => Uint8Array
  /** The first `close()`: the seam is torn already; say goodbye and shut the links. `close` waits for it. */
  readonly onClose?: (reason: CloseReason) => Promise<void> | void
  /** A peer sent beyond its credit: drop its link, and `unlink` it. */
  readonly onCutOff?: (peer: PeerId) => void
}

/**
 * The one implementation of {@link Seam} that every fabric and every mux view builds on. It owns what the
 * laws are about: the roster and state latch, the checks of sends and their order, credit, the waiting
 * line per peer, and the inbox. A fabric owns the wire, and tells the core what happens there:
 *
 * - `link(peer, link)` when a link is usable (the peer is listed), `unlink(peer)` when it is gone;
 * - `received(peer, payload, delivery)` for each frame, `granted(peer, bytes)` for each grant;
 * - `writable(peer)` when a link that had no room has some again;
 * - `woven()`, `weaving()`, and `tear(reason)` when the seam is lost for good.
 *
 * The first tear wins and nothing comes after it: later calls change nothing.
 */
export class SeamCore implements Seam {
  readonly selfId: PeerId
  readonly #options: SeamCoreOptions
  readonly #peers
  readonly #state
  readonly #lanes: Map<PeerId, Lane> = new Map()
  readonly #ledgers: Map<PeerId, ReceiveCredit> = new Map()
  readonly #inbox: Inbox<Swatch>
  #sequence = 0
  #lossyDropped = 0
  #closing: Promise<void> | null = null
  /** The latch: decided before anything is published, so that a listener cannot tear a second time. */
  #torn = false

  constructor(options: SeamCoreOptions) {
    this.#options = options
    this.selfId = options.selfId
    this.#peers = observable<ReadonlySet<PeerId>>(new Set([options.selfId]), sameMembers)
    this.#state = observable<SeamState>({ kind: options.initialState ?? 'woven' }, (a, b) => a.kind === b.kind)
    this.#inbox = new Inbox<Swatch>((swatch) => this.#onTaken(swatch as Arrival))
  }

  get peers(): ReadableAtom<ReadonlySet<PeerId>> {
    return this.#peers
  }

  get state(): ReadableAtom<SeamState> {
    return this.#state
  }

  get incoming(): AsyncIterable<Swatch> {
    return this.#inbox
  }

  get maxPayloadBytes(): number | null {
    return this.#options.maxPayloadBytes()
  }

  get maxLossyPayloadBytes(): number | null {
    return (this.#options.maxLossyPayloadBytes ?? this.#options.maxPayloadBytes)()
  }

  get torn(): boolean {
    return this.#torn
  }

  /** Lossy frames dropped for want of room, outgoing and incoming. */
  get lossyDropped(): number {
    let dropped = this.#lossyDropped
    for (const lane of this.#lanes.values()) dropped += lane.lossyDropped
    return dropped
  }

  /* ── What an application calls ─────────────────────────────────────────────────────────────── */

  async broadcast(payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    const { delivery = 'reliable', signal } = options
    throwIfAborted(signal)
    this.#checkOpen()
    this.#checkSize(payload, delivery)
    if (this.#lanes.size === 0) return
    const frame = this.#frame(payload)
    const cost = frameCost(payload.length)
    const waits: Promise<boolean>[] = []
    const refused: PeerId[] = []
    for (const lane of this.#lanes.values()) {
      try {
        const taken = lane.send(frame, cost, delivery, signal)
        if (taken !== true) waits.push(taken)
      } catch (error) {
        if (!(error instanceof OverloadedError)) throw error
        refused.push(lane.peer)
      }
    }
    if (waits.length > 0) await Promise.all(waits)
    if (refused.length > 0) {
      throw new OverloadedError(
        `too many sends wait for ${refused.join(', ')}: not sent there, sent to the others; await earlier sends`,
      )
    }
  }

  async sendTo(peer: PeerId, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    const { delivery = 'reliable', signal } = options
    throwIfAborted(signal)
    this.#checkOpen()
    if (peer === this.selfId) throw new RangeError('a frame to oneself: a seam sends to other peers only')
    const lane = this.#lanes.get(peer)
    if (lane === undefined) throw new PeerNotConnectedError(peer)
    this.#checkSize(payload, delivery)
    const taken = lane.send(this.#frame(payload), frameCost(payload.length), delivery, signal)
    if (taken !== true && !(await taken)) throw new PeerNotConnectedError(peer)
  }

  close(reason: CloseReason = { kind: 'normal' }): Promise<void> {
    if (this.#closing === null) {
      this.#closing = this.tear(reason) ? Promise.resolve(this.#options.onClose?.(reason)) : Promise.resolve()
    }
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /* ── What a fabric calls ───────────────────────────────────────────────────────────────────── */

  /**
   * Lists `peer`, reached over `link`. One that is listed already is unlisted first, so that observers
   * see it leave and join (not so in a listener of an atom, which conflates the two: a mux would carry on
   * what the old link owed, so fabrics link outside of listeners). False, and nothing is kept, when the seam is torn or `peer` is oneself: the
   * caller closes the link. `credit` carries on what an earlier view had under way on the same link.
   */
  link(peer: PeerId, link: SeamLink, credit: SendCredit = new SendCredit()): boolean {
    if (this.torn || peer === this.selfId) return false
    this.unlink(peer)
    // Who hears of the leave may have closed the seam.
    if (this.#torn) return false
    this.#ledgers.delete(peer)
    this.#lanes.set(peer, new Lane(peer, link, credit))
    this.#publishPeers()
    return true
  }

  /** Unlists `peer`. Its frames that have arrived stay readable; sends that wait for it end. */
  unlink(peer: PeerId): void {
    const lane = this.#lanes.get(peer)
    if (lane === undefined) return
    this.#lanes.delete(peer)
    this.#ledgers.delete(peer)
    this.#lossyDropped += lane.lossyDropped
    this.#publishPeers()
    // A base that tears collapses its roster first: by the next turn it is plain which of the two this was.
    queueMicrotask(() => lane.end(this.#torn ? new SeamTornError() : null))
  }

  linkOf(peer: PeerId): SeamLink | undefined {
    return this.#lanes.get(peer)?.link
  }

  /** A frame from `peer`, as its link proves. False when it was dropped. */
  received(peer: PeerId, payload: Uint8Array, delivery: Delivery): boolean {
    let ledger = this.#ledgers.get(peer)
    if (ledger === undefined) this.#ledgers.set(peer, (ledger = new ReceiveCredit()))
    const verdict = ledger.arrived(frameCost(payload.length), delivery)
    if (verdict === 'accept') {
      return this.#inbox.push(new Arrival(payload, peer, ++this.#sequence, delivery, ledger))
    }
    if (verdict === 'drop') this.#lossyDropped++
    else this.#options.onCutOff?.(peer)
    return false
  }

  /** `peer` freed `bytes` of this view's credit with it. */
  granted(peer: PeerId, bytes: number): void {
    this.#lanes.get(peer)?.granted(bytes)
  }

  /** The link to `peer` has room again. */
  writable(peer: PeerId): void {
    this.#lanes.get(peer)?.flush()
  }

  woven(): void {
    if (!this.torn) this.#state.set({ kind: 'woven' })
  }

  weaving(): void {
    if (!this.torn) this.#state.set({ kind: 'weaving' })
  }

  /**
   * The end. Peers collapse to oneself first, so that who hears of `torn` reads that already. Returns
   * whether this call did it. `keepIncoming`: more frames follow that had arrived before; then
   * {@link endIncoming} is due.
   */
  tear(reason: CloseReason, options: { keepIncoming?: boolean } = {}): boolean {
    if (this.#torn) return false
    this.#torn = true
    const lanes = [...this.#lanes.values()]
    for (const lane of lanes) this.#lossyDropped += lane.lossyDropped
    this.#lanes.clear()
    this.#peers.set(new Set([this.selfId]))
    this.#state.set({ kind: 'torn', reason })
    for (const lane of lanes) lane.end(new SeamTornError())
    if (options.keepIncoming !== true) this.#inbox.end()
    return true
  }

  /** No more frames: readers end after what is buffered. */
  endIncoming(): void {
    this.#inbox.end()
  }

  /** What each sender is to be granted when nothing more will be read here. Each byte is given back once. */
  giveBackCredit(): readonly (readonly [PeerId, number])[] {
    const owed: (readonly [PeerId, number])[] = []
    for (const [peer, ledger] of this.#ledgers) {
      const bytes = ledger.giveBack()
      if (bytes > 0) owed.push([peer, bytes])
    }
    this.#ledgers.clear()
    return owed
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #publishPeers(): void {
    this.#peers.set(new Set([this.selfId, ...this.#lanes.keys()]))
  }

  #onTaken(arrival: Arrival): void {
    const bytes = arrival.take()
    // A grant belongs to the link that the frame came over, not to one that replaced it.
    if (bytes > 0 && arrival.ledger === this.#ledgers.get(arrival.sender))
      this.#lanes.get(arrival.sender)?.link.grant(bytes)
  }

  #frame(payload: Uint8Array): Uint8Array {
    return this.#options.frame === undefined ? payload : this.#options.frame(payload)
  }

  #checkOpen(): void {
    if (this.torn) throw new SeamTornError()
  }

  #checkSize(payload: Uint8Array, delivery: Delivery): void {
    const max = delivery === 'lossy' ? this.maxLossyPayloadBytes : this.maxPayloadBytes
    if (max !== null && payload.length > max) throw new PayloadTooLargeError(payload.length, max)
  }
}

/** A swatch that knows whose book it is in. */
class Arrival implements Swatch {
  readonly payload: Uint8Array
  readonly sender: PeerId
  readonly sequence: number
  readonly delivery: Delivery
  readonly #ledger: ReceiveCredit

  constructor(payload: Uint8Array, sender: PeerId, sequence: number, delivery: Delivery, ledger: ReceiveCredit) {
    this.payload = payload
    this.sender = sender
    this.sequence = sequence
    this.delivery = delivery
    this.#ledger = ledger
  }

  get ledger(): ReceiveCredit {
    return this.#ledger
  }

  take(): number {
    return this.#ledger.took(frameCost(this.payload.length), this.delivery)
  }
}
