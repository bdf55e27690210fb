import { MalformedBytesError } from '../../base/bytes.ts'
import { tracked, type Clock } from '../../base/clock.ts'
import { macrotask } from '../../base/macrotask.ts'
import type { Delivery, PeerId, PeerIdentity } from '../../seam/contract.ts'
import { importPublicKey } from '../../seam/peer-identity.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import type { Carrier } from './bond.ts'
import { BATCH, BATCH_HEADER_BYTES, BATCHED_HEADER_BYTES, unpackBatch } from './link-batch.ts'
import type { IceServers } from './ice-servers.ts'
import { HIGH_WATER_BYTES, LOSSY_MARK_BYTES, LOW_WATER_BYTES, type Link, type LinkDriver } from './link-driver.ts'
import {
  DATA_HEADER_BYTES,
  decodeLinkFrame,
  encodeGoodbye,
  encodePulse,
  isLossyFrame,
  type GoodbyeReason,
  type Resume,
} from './link-frames.ts'
import type { Introduction } from './introduction-frames.ts'
import type { HandshakeEffect, HandshakeInput, LinkHandshake, RefusalReason } from './link-handshake.ts'
import { LinkPulse } from './link-pulse.ts'
import type { LinkMeasure, LinkRoute } from './link-status.ts'
import { LinkWriter } from './link-writer.ts'

/**
 * One link at work: opens it with the driver, carries out the handshake, and from then on carries the
 * frames of a bond and keeps the driver's buffer at its mark. Nothing but signalling leaves or reaches
 * the seam before the other end's key is proved.
 */
export class PeerLink implements Carrier, LinkMeasure {
  readonly peer: PeerId
  readonly #options: PeerLinkOptions
  readonly #handshake: LinkHandshake
  readonly #writer: LinkWriter
  readonly #pulse: LinkPulse
  /** A ping that is to be answered when there is room. */
  #owedPong: number | null = null
  #link: Link | null = null
  #phase: 'opening' | 'proving' | 'proved' | 'over' = 'opening'
  /** Signalling that came before the driver had been started. */
  #early: string[] = []
  #deadline: unknown
  #closing: Promise<void> | null = null
  /** No less than the driver and the writer have buffered. To ask it costs more than a small frame does, so that it is asked when this says too much. */
  #bufferedAtMost = 0
  /** Largest payload of a frame, bytes; what the engines at both ends take is known once the key is proved. */
  maxFramePayloadBytes: number = MAX_FRAME_BYTES - DATA_HEADER_BYTES
  lossyDropped = 0

  constructor(options: PeerLinkOptions) {
    this.#options = options
    this.peer = options.at.peer
    this.#handshake = options.handshake
    this.#writer = new LinkWriter({
      send: (message) => this.#link?.send(message),
      afterMicrotask: (run) => void SETTLED.then(run),
      afterTurn: (run) => void tracked(options.clock, macrotask()).then(run),
    })
    this.#pulse = new LinkPulse(options.clock, {
      ask: (serial) => this.#transmit(encodePulse('ping', serial)),
      onMeasured: () => options.events.onMeasured(),
      onSilence: (silent) => options.events.onPath(silent ? 'interrupted' : 'connected'),
    })
    this.#deadline = options.clock.setTimeout(
      () => this.#end('failed', this.#link?.trouble?.() ?? 'it was not ready in time'),
      LINK_BOUND_MS,
    )
    void this.#open()
  }

  /** A frame larger than the mark goes when nothing else is queued. */
  hasRoom(bytes: number): boolean {
    const link = this.#link
    if (link === null) return false
    const mark = Math.max(0, HIGH_WATER_BYTES - DATA_HEADER_BYTES - bytes)
    if (!this.#isBuffering(mark)) return true
    link.drainMarkBytes = Math.min(LOW_WATER_BYTES, mark)
    return false
  }

  /** Whether it is proved and no more than `bytes` are queued. Unlike {@link hasRoom} it asks for no call when that changes. */
  isBelow(bytes: number): boolean {
    return this.#phase === 'proved' && !this.#isBuffering(bytes)
  }

  send(frame: Uint8Array, delivery: Delivery): void {
    if (this.#phase !== 'proved') return
    const bytes = frame as Uint8Array<ArrayBuffer>
    if (delivery === 'reliable') this.#transmit(bytes)
    else if (!this.#sendLossy(bytes)) this.lossyDropped++
  }

  hold(frame: Uint8Array): void {
    if (this.#phase !== 'proved') return
    this.#bufferedAtMost += frame.length + MAX_MESSAGE_HEADER_BYTES
    this.#writer.hold(frame as Uint8Array<ArrayBuffer>)
  }

  get sendsLossyApart(): boolean {
    return this.#link?.sendLossy !== undefined
  }

  /** Signalling from the other end. */
  signal(body: string): void {
    if (this.#phase === 'over') return
    if (this.#link !== null) this.#link.signal(body)
    else if (this.#early.length < MAX_EARLY_SIGNALS) this.#early.push(body)
  }

  get route(): LinkRoute {
    return this.#link?.route ?? 'direct'
  }

  get via(): PeerId | null {
    return this.#link?.via ?? null
  }

  get roundTripMs(): number | null {
    return this.#pulse.roundTripMs
  }

  get jitterMs(): number | null {
    return this.#pulse.jitterMs
  }

  /** Finds out whether anything gets through, and how long it takes. */
  ask(): void {
    if (this.#phase === 'proved') this.#pulse.ask()
  }

  restart(): void {
    if (this.#phase === 'proved') this.#link?.restart?.()
  }

  /** Reports no end. What was sent goes out first, bounded; resolves when nothing is left open. Idempotent. */
  close(goodbye: GoodbyeReason | null): Promise<void> {
    if (this.#closing !== null) return this.#closing
    if (goodbye !== null && this.#phase === 'proved') this.#transmit(encodeGoodbye(goodbye))
    this.#writer.flush()
    this.#release()
    this.#closing = this.#link?.close() ?? Promise.resolve()
    return this.#closing
  }

  async #open(): Promise<void> {
    const { link, at, driver, iceServers, events, clock, initiator, polite, iceTransportPolicy } = this.#options
    try {
      const [servers, made] = await Promise.all([iceServers.first(), tracked(clock, driver())])
      if (this.#phase === 'over') return
      this.#link = made.open({
        link,
        at,
        initiator,
        polite,
        iceServers: servers,
        renewIceServers: (use) => iceServers.renew(use),
        iceTransportPolicy,
        clock,
        events: {
          onSignal: (body) => events.onSignal(body),
          onOpen: () => this.#onOpen(),
          onMessage: (bytes) => this.#onMessage(bytes),
          onLossy: (bytes) => this.#onLossy(bytes),
          onDrain: () => {
            if (this.#phase !== 'proved') return
            this.#answer()
            events.onWritable()
          },
          onPath: (path) => {
            if (this.#phase === 'proved') events.onPath(path)
          },
          onTrouble: (why) => events.onTrouble(why),
          onClosed: (why) => this.#end('failed', why),
        },
      })
    } catch (error) {
      this.#end('failed', `it could not be started: ${String(error)}`)
      return
    }
    for (const body of this.#early.splice(0)) this.#link.signal(body)
  }

  #onOpen(): void {
    if (this.#phase !== 'opening' || this.#link === null) return
    if (this.#link.maxMessageBytes < MIN_MESSAGE_BYTES) {
      this.#end('refused', `its messages hold less than ${MIN_MESSAGE_BYTES} bytes`)
      return
    }
    this.#phase = 'proving'
    const { clock } = this.#options
    clock.clearTimeout(this.#deadline)
    this.#deadline = clock.setTimeout(() => this.#onDeadline(), HANDSHAKE_BOUND_MS)
    this.#step({ kind: 'open', fingerprints: this.#link.fingerprints() })
  }

  /** Runs until the other end has resumed: only then is the link of any use. */
  #onDeadline(): void {
    if (this.#phase === 'proved') this.#end('failed', 'the other end proved its key and said nothing more')
    else this.#step({ kind: 'deadline' })
  }

  /** Answers are not piled up for who does not read them. */
  #answer(): void {
    if (this.#owedPong === null || !this.hasRoom(MAX_MESSAGE_HEADER_BYTES)) return
    this.#transmit(encodePulse('pong', this.#owedPong))
    this.#owedPong = null
  }

  #onMessage(bytes: Uint8Array<ArrayBuffer>): void {
    this.#pulse.hear()
    if (this.#phase === 'proved') this.#onFrame(bytes)
    else if (this.#phase === 'proving') this.#step({ kind: 'frame', bytes })
  }

  /** What comes before the proof is nobody's yet, and may be lost. */
  #onLossy(bytes: Uint8Array): void {
    if (this.#phase !== 'proved') {
      this.lossyDropped++
      return
    }
    this.#pulse.hear()
    // Whatever else needs order, and was sent by who keeps to none.
    if (isLossyFrame(bytes)) this.#onFrame(bytes)
    else this.#options.events.onMalformed()
  }

  #onFrame(bytes: Uint8Array): void {
    const { events } = this.#options
    try {
      if (bytes[0] === BATCH) {
        unpackBatch(bytes, (frame) => {
          this.#onFrame(frame)
          return this.#stillProved()
        })
        return
      }
      const frame = decodeLinkFrame(bytes)
      switch (frame.kind) {
        case 'data':
          return events.onFrame(frame.payload, 'reliable', false)
        case 'part':
          return events.onFrame(frame.payload, 'reliable', true)
        case 'lossy':
          return events.onFrame(frame.payload, 'lossy', false)
        case 'credit':
          return events.onGranted(frame.bytes)
        case 'introduction':
          return events.onIntroduction(frame.said)
        case 'hop':
          return events.onHop(frame.bytes)
        case 'ack':
          return events.onAck(frame.received)
        case 'resume':
          this.#options.clock.clearTimeout(this.#deadline)
          return events.onResume(frame)
        case 'ping':
          this.#owedPong = frame.serial
          return this.#answer()
        case 'pong':
          return this.#pulse.answered(frame.serial)
        case 'goodbye':
          return this.#end(frame.reason, 'the other end said goodbye')
        case 'hello':
        case 'proof':
          return events.onMalformed()
      }
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error
      events.onMalformed()
    }
  }

  /** Over the way of its own that the driver has for it, else among the others. */
  #sendLossy(bytes: Uint8Array<ArrayBuffer>): boolean {
    const link = this.#link
    if (link?.sendLossy !== undefined) return link.sendLossy(bytes)
    if (this.#isBuffering(LOSSY_MARK_BYTES)) return false
    this.#transmit(bytes)
    return true
  }

  #transmit(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bufferedAtMost += bytes.length + MAX_MESSAGE_HEADER_BYTES
    if (this.#phase === 'proved') this.#writer.write(bytes)
    else this.#link?.send(bytes)
  }

  /** Whether more than `mark` bytes are queued. */
  #isBuffering(mark: number): boolean {
    if (this.#bufferedAtMost > mark) this.#bufferedAtMost = (this.#link?.bufferedAmount ?? 0) + this.#writer.heldBytes
    return this.#bufferedAtMost > mark
  }

  /* ── Handshake ─────────────────────────────────────────────────────────────────────────────── */

  #step(input: HandshakeInput): void {
    for (const effect of this.#handshake.step(input)) this.#run(effect)
  }

  #run(effect: HandshakeEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#transmit(effect.bytes)
      case 'sign':
        this.#await(this.#options.identity.sign(effect.bytes), (signature) => ({ kind: 'signed', signature }))
        return
      case 'verify':
        this.#await(verified(effect), (peer) => ({ kind: 'verified', peer }))
        return
      case 'proved':
        this.#phase = 'proved'
        this.maxFramePayloadBytes = Math.min(MAX_FRAME_BYTES, this.#link?.maxMessageBytes ?? 0) - DATA_HEADER_BYTES
        this.#options.events.onProved()
        for (const bytes of effect.held) if (this.#stillProved()) this.#onFrame(bytes)
        return
      case 'refused':
        this.#options.events.onRefused(effect.reason)
        this.#end(RETRIABLE.has(effect.reason) ? 'failed' : 'refused', `it was refused (${effect.reason})`)
    }
  }

  #await<T>(io: Promise<T>, input: (value: T) => HandshakeInput): void {
    tracked(this.#options.clock, io).then(
      (value) => {
        if (this.#phase === 'proving') this.#step(input(value))
      },
      (error: unknown) => this.#end('failed', `its handshake broke: ${String(error)}`),
    )
  }

  #stillProved(): boolean {
    return this.#phase === 'proved'
  }

  /* ── The end ───────────────────────────────────────────────────────────────────────────────── */

  #end(end: PeerLinkEnd, why: string): void {
    if (this.#phase === 'over') return
    void this.close(null)
    this.#options.events.onEnded(end, why)
  }

  #release(): void {
    this.#phase = 'over'
    this.#pulse.end()
    this.#options.iceServers.close()
    this.#options.clock.clearTimeout(this.#deadline)
    this.#early = []
  }
}

/** How long a link may take from the first signal to an open channel, and from there to the proof. */
export const LINK_BOUND_MS = 15_000
export const HANDSHAKE_BOUND_MS = 10_000

/** Largest data-channel message. Some engines refuse more, and larger ones hold up what is behind them. */
export const MAX_FRAME_BYTES = 262_144

/**
 * Every engine takes as much (RFC 8831, section 6.6). The other end says what it takes, and the least of
 * all links is what a seam may broadcast: less would let one peer stop a whole room.
 */
export const MIN_MESSAGE_BYTES = 16_384

/** What a frame may cost beside its own bytes, in a batch of its own. */
const MAX_MESSAGE_HEADER_BYTES = BATCH_HEADER_BYTES + BATCHED_HEADER_BYTES

/** Largest lossy payload: what fits beside others under {@link LOSSY_MARK_BYTES}. */
export const MAX_LOSSY_PAYLOAD_BYTES = 16_384

/** Signals that wait for the driver to start. */
const MAX_EARLY_SIGNALS = 128

export type PeerLinkEnd = 'failed' | 'refused' | GoodbyeReason

export interface PeerLinkOptions {
  readonly link: string
  readonly at: SignalAddress
  readonly initiator: boolean
  readonly polite: boolean
  readonly driver: () => Promise<LinkDriver>
  readonly iceServers: IceServers
  readonly iceTransportPolicy: RTCIceTransportPolicy
  readonly handshake: LinkHandshake
  readonly identity: PeerIdentity
  readonly clock: Clock
  readonly events: PeerLinkEvents
}

export interface PeerLinkEvents {
  onSignal(body: string): void
  onProved(): void
  /** `isPart`: of a payload too large for one frame. Reliable, and counted like any. */
  onFrame(payload: Uint8Array, delivery: Delivery, isPart: boolean): void
  onGranted(bytes: number): void
  onAck(received: number): void
  onResume(said: Resume): void
  onIntroduction(said: Introduction): void
  /** What follows the type of a frame that is `hop-frames.ts`'s. */
  onHop(bytes: Uint8Array): void
  onWritable(): void
  onPath(path: 'connected' | 'interrupted'): void
  /** Why no path may be found, for people. */
  onTrouble(why: string): void
  /** The pulse knows more. */
  onMeasured(): void
  onRefused(reason: RefusalReason): void
  onMalformed(): void
  /** Once, and the last: the link is closed already. `why` is for people. Not called after {@link PeerLink.close}. */
  onEnded(end: PeerLinkEnd, why: string): void
}

const SETTLED: Promise<void> = Promise.resolve()

/** Refusals that another attempt may not meet. */
const RETRIABLE: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['timeout', 'left', 'flooded', 'wrong-session'])

async function verified(effect: HandshakeEffect & { kind: 'verify' }): Promise<string | null> {
  const key = await importPublicKey(effect.publicKey)
  return key !== null && (await key.verify(effect.bytes, effect.signature)) ? key.id : null
}
