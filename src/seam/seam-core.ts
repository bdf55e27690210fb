import { throwIfAborted } from '../base/abort.ts'
import { OverloadedError, PayloadTooLargeError, PeerNotConnectedError, SeamTornError } from '../base/errors.ts'
import { observable, sameMembers, type ReadableAtom } from '../base/observable.ts'
import { ArrivalBudgets } from './arrival-budgets.ts'
import { Arrivals } from './arrivals.ts'
import type { Arriving, CloseReason, Delivery, PeerId, Seam, SeamState, SendOptions, Swatch } from './contract.ts'
import { frameCost, SendCredit } from './credit.ts'
import { Lane, type SeamLink } from './lane.ts'
import { Parts } from './parts.ts'
import { SendProgress } from './send-progress.ts'

export interface SeamCoreOptions {
  readonly selfId: PeerId
  /** Default `woven`. */
  readonly initialState?: 'weaving' | 'woven'
  /** Largest payload, bytes; asked before every send. `null` is unknown. */
  readonly maxPayloadBytes: () => number | null
  /** The same for lossy sends. Default: as for reliable ones. */
  readonly maxLossyPayloadBytes?: () => number | null
  /** Largest payload that the links carry in one frame, bytes; larger ones go in parts. Default: any. */
  readonly maxFrameBytes?: () => number | null
  /** What stands before what the links carry. Default: nothing; then links are told of parts, and tell the other end. */
  readonly headers?: FrameHeaders
  /** Bytes that the links want free before each frame, to write their own header there. Default 0. */
  readonly headroomBytes?: number
  /** Shared by all views over one seam. Default: of its own. */
  readonly budgets?: ArrivalBudgets
  /** False: nobody has opened this view yet. Default true. */
  readonly isOpen?: boolean
  /** The first `close()`: the seam is torn already; say goodbye and shut the links. `close` waits for it. */
  readonly onClose?: (reason: CloseReason) => Promise<void> | void
  /** A peer sent beyond its credit: drop its link, and `unlink` it. */
  readonly onCutOff?: (peer: PeerId) => void
  /** A frame that is none of a view's was dropped. */
  readonly onMalformed?: (peer: PeerId) => void
}

/** What a fabric puts before a whole payload, a part of one, and a lossy payload; all of one length. */
export interface FrameHeaders {
  readonly whole: Uint8Array
  readonly part: Uint8Array
  readonly lossy: Uint8Array
}

const NO_HEADERS: FrameHeaders = { whole: new Uint8Array(), part: new Uint8Array(), lossy: new Uint8Array() }

/**
 * The one implementation of {@link Seam} that every fabric and every mux view builds on. It owns what the
 * laws are about: the roster and state latch, the checks of sends and their order, credit, the waiting
 * line per peer, and the inbox. A fabric owns the wire, and tells the core what happens there:
 *
 * - `link(peer, link)` when a link is usable (the peer is listed), `unlink(peer)` when it is gone;
 * - `received(peer, frame, delivery, isPart)` for each frame, `granted(peer, bytes)` for each grant;
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
  readonly #arrivals: Arrivals
  readonly #headers: FrameHeaders
  /** Bytes that whoever sends a frame over this seam leaves free before it: this seam's header, and what is below. */
  readonly headroomBytes: number
  readonly budgets: ArrivalBudgets
  #lossyDropped = 0
  #closing: Promise<void> | null = null
  /** The latch: decided before anything is published, so that a listener cannot tear a second time. */
  #torn = false

  constructor(options: SeamCoreOptions) {
    this.#options = options
    this.selfId = options.selfId
    this.#peers = observable<ReadonlySet<PeerId>>(new Set([options.selfId]), sameMembers)
    this.#state = observable<SeamState>({ kind: options.initialState ?? 'woven' }, (a, b) => a.kind === b.kind)
    this.#headers = options.headers ?? NO_HEADERS
    this.headroomBytes = (options.headroomBytes ?? 0) + this.#headers.whole.length
    this.budgets = options.budgets ?? new ArrivalBudgets()
    this.#arrivals = new Arrivals(
      {
        grant: (peer, bytes) => this.#lanes.get(peer)?.link.grant(bytes),
        cutOff: (peer) => options.onCutOff?.(peer),
      },
      this.budgets,
      options.isOpen ?? true,
    )
  }

  get peers(): ReadableAtom<ReadonlySet<PeerId>> {
    return this.#peers
  }

  get state(): ReadableAtom<SeamState> {
    return this.#state
  }

  get incoming(): AsyncIterable<Swatch> {
    return this.#arrivals.stream
  }

  get arriving(): ReadableAtom<ReadonlyMap<PeerId, Arriving>> {
    return this.#arrivals.arriving
  }

  get maxFrameBytes(): number | null {
    const { maxFrameBytes, maxPayloadBytes } = this.#options
    return (maxFrameBytes ?? maxPayloadBytes)()
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
    const lanes = [...this.#lanes.values()]
    const progress = SendProgress.of(payload, lanes.length, options)
    if (lanes.length === 0) {
      progress?.end()
      return
    }
    const load = this.#load(payload, delivery, false, lanes.length === 1 ? lanes[0] : undefined)
    const waits: Promise<boolean>[] = []
    const refused: PeerId[] = []
    for (const lane of lanes) {
      try {
        const taken = this.#put(lane, load, payload, delivery, signal, progress)
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
    progress?.end()
  }

  sendTo(peer: PeerId, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    return this.#sendTo(peer, payload, options, false)
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

  /* ── What a mux calls ──────────────────────────────────────────────────────────────────────── */

  /**
   * {@link sendTo} without a copy: before `frame`, its buffer has {@link headroomBytes} that are this seam's to write.
   * Others may carry the same frame.
   */
  carry(peer: PeerId, frame: Uint8Array, options: SendOptions): Promise<void> {
    return this.#sendTo(peer, frame, options, true)
  }

  /** As of {@link SeamLink.memory}: for a frame that is carried to `peer` next. */
  memory(peer: PeerId, bytes: number): Uint8Array | undefined {
    return this.#lanes.get(peer)?.memory(bytes)
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
    this.#arrivals.begin(peer)
    this.#lanes.set(peer, new Lane(peer, link, credit))
    this.#publishPeers()
    return true
  }

  /** Unlists `peer`. Its frames that have arrived stay readable; sends that wait for it end. */
  unlink(peer: PeerId): void {
    const lane = this.#lanes.get(peer)
    if (lane === undefined) return
    this.#lanes.delete(peer)
    this.#arrivals.leave(peer)
    this.#lossyDropped += lane.lossyDropped
    this.#publishPeers()
    // A base that tears collapses its roster first: by the next turn it is plain which of the two this was.
    queueMicrotask(() => lane.end(this.#torn ? new SeamTornError() : null))
  }

  linkOf(peer: PeerId): SeamLink | undefined {
    return this.#lanes.get(peer)?.link
  }

  /** A frame from `peer`, as its link proves; `isPart` of a larger payload. False when it was dropped. */
  received(peer: PeerId, frame: Uint8Array, delivery: Delivery, isPart = false): boolean {
    const verdict = this.#arrivals.received(peer, frame, delivery, isPart)
    if (verdict === 'accepted') return true
    if (verdict === 'cut-off') this.#options.onCutOff?.(peer)
    else if (verdict === 'malformed') this.#options.onMalformed?.(peer)
    else if (delivery === 'lossy') this.#lossyDropped++
    return false
  }

  /** Somebody has opened this view. */
  open(): void {
    this.#arrivals.open()
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
    if (options.keepIncoming !== true) this.#arrivals.end()
    return true
  }

  /** No more frames: readers end after what is buffered. */
  endIncoming(): void {
    this.#arrivals.end()
  }

  /** What each sender is to be granted when nothing more will be read here. Each byte is given back once. */
  giveBackCredit(): readonly (readonly [PeerId, number])[] {
    return this.#arrivals.giveBack()
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #publishPeers(): void {
    this.#peers.set(new Set([this.selfId, ...this.#lanes.keys()]))
  }

  async #sendTo(peer: PeerId, payload: Uint8Array, options: SendOptions, hasRoomBefore: boolean): Promise<void> {
    const { delivery = 'reliable', signal } = options
    throwIfAborted(signal)
    this.#checkOpen()
    if (peer === this.selfId) throw new RangeError('a frame to oneself: a seam sends to other peers only')
    const lane = this.#lanes.get(peer)
    if (lane === undefined) throw new PeerNotConnectedError(peer)
    this.#checkSize(payload, delivery)
    const progress = SendProgress.of(payload, 1, options)
    const load = this.#load(payload, delivery, hasRoomBefore, lane)
    const taken = this.#put(lane, load, payload, delivery, signal, progress)
    if (taken !== true && !(await taken)) throw new PeerNotConnectedError(peer)
    progress?.end()
  }

  /** What is handed to the lanes, made once for all of them; `only` where there is but one. */
  #load(payload: Uint8Array, delivery: Delivery, hasRoomBefore: boolean, only: Lane | undefined): Uint8Array | Parts {
    const max = this.maxFrameBytes
    if (delivery === 'lossy' || max === null || payload.length <= max) {
      const header = delivery === 'lossy' ? this.#headers.lossy : this.#headers.whole
      if (hasRoomBefore) return headed(header, payload)
      return this.#frame(delivery === 'reliable' ? only : undefined, header, payload)
    }
    return new Parts(payload, max, (head, piece) => this.#frame(only?.link, this.#headers.part, head, piece))
  }

  #put(
    lane: Lane,
    load: Uint8Array | Parts,
    payload: Uint8Array,
    delivery: Delivery,
    signal: AbortSignal | undefined,
    progress: SendProgress | null,
  ): true | Promise<boolean> {
    if (load instanceof Uint8Array) return lane.send(load, frameCost(payload.length), delivery, signal)
    return lane.sendParts(load, signal, progress?.ofOne())
  }

  /** The one copy of a payload on its way down: behind the header, and behind room for those of the seams below. */
  #frame(lender: Lender | undefined, header: Uint8Array, first: Uint8Array, second?: Uint8Array): Uint8Array {
    const free = this.headroomBytes - header.length
    if (this.headroomBytes === 0 && second === undefined) return first
    const firstAt = free + header.length
    const length = firstAt + first.length + (second?.length ?? 0)
    const bytes = lender?.memory?.(length) ?? new Uint8Array(length)
    if (header.length === 1) bytes[free] = header[0] as number
    else bytes.set(header, free)
    // The engine's own copying costs more than it gains where there is little to copy.
    if (first.length > 96) bytes.set(first, firstAt)
    else for (let i = 0; i < first.length; i++) bytes[firstAt + i] = first[i] as number
    if (second !== undefined) bytes.set(second, firstAt + first.length)
    return free === 0 ? bytes : bytes.subarray(free)
  }

  #checkOpen(): void {
    if (this.torn) throw new SeamTornError()
  }

  #checkSize(payload: Uint8Array, delivery: Delivery): void {
    const max = delivery === 'lossy' ? this.maxLossyPayloadBytes : this.maxPayloadBytes
    if (max !== null && payload.length > max) throw new PayloadTooLargeError(payload.length, max)
  }
}

type Lender = Pick<SeamLink, 'memory'>

/** `payload` with the header written into the bytes before it. */
function headed(header: Uint8Array, payload: Uint8Array): Uint8Array {
  if (header.length === 0) return payload
  const whole = new Uint8Array(payload.buffer, payload.byteOffset - header.length, header.length + payload.length)
  for (let i = 0; i < header.length; i++) whole[i] = header[i] as number
  return whole
}
