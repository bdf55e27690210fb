import { concatBytes, fromBase64Url, MalformedBytesError, toBase64Url } from '../../base/bytes.ts'
import { tracked } from '../../base/clock.ts'
import type { PeerId } from '../../seam/contract.ts'
import type { BytePipe, OpenBytePipe } from './byte-pipe.ts'
import { CLOSE_BOUND_MS, LOW_WATER_BYTES, type Link, type LinkDriver, type LinkOptions } from '../link/link-driver.ts'
import type { Fingerprints } from '../link/link-handshake.ts'
import { decodePacket, encodeAck, encodeFragment, encodeOver, FRAGMENT_HEADER_BYTES } from './sealed-packets.ts'
import { KEY_SIGNAL } from '../seal/seal-signal.ts'
import { newSealKey, openSeal, SEAL_TAG_BYTES, type Seal, type SealKey } from '../seal/seal-keys.ts'

/**
 * Links through a pipe that others keep: each end draws a key pair for this link alone, signals its public
 * half, and everything goes through the pipe encrypted and counted. Digests of the two public keys are the
 * link's fingerprints, so that the ordinary handshake over it proves who holds them. A packet that is
 * missing, repeated or made up cannot be opened, and ends the link.
 */
export function sealedLinks(openPipe: OpenBytePipe): LinkDriver {
  return { open: (options) => new SealedLink(options, openPipe) }
}

/** Bytes on their way that the other end has not acknowledged: what a pipe may have to hold for one link. */
export const WINDOW_BYTES = 131_072

/** How many of them the other end takes before it says so. */
const ACKNOWLEDGE_BYTES: number = WINDOW_BYTES / 4

/** Largest piece of a message in one packet, bytes. Less where the pipe takes less. */
const FRAGMENT_BYTES = 16_384

/** Largest message, bytes: as large as those of a data channel, so that one relayed peer makes no room smaller. */
const MAX_MESSAGE_BYTES = 262_144

/** What a packet counts beside its content, bytes. */
const PACKET_COST_BYTES = 64

/** Packets that may come before the key that opens them. */
const MAX_EARLY_PACKETS = 32

/** Bytes that may wait to be opened: who keeps to the window never meets it. */
const MAX_UNOPENED_BYTES: number = 4 * WINDOW_BYTES

/** How often a pipe without room is asked again, milliseconds. */
const PIPE_POLL_MS = 10

class SealedLink implements Link {
  readonly route = 'relayed' as const
  readonly maxMessageBytes: number = MAX_MESSAGE_BYTES
  drainMarkBytes: number = LOW_WATER_BYTES
  bufferedAmount = 0
  readonly #options: LinkOptions
  readonly #openPipe: OpenBytePipe
  #pipe: BytePipe | null = null
  readonly #ownKey: Promise<SealKey>
  #seal: Seal | null = null
  #fingerprints: Fingerprints = { local: [], remote: [] }
  #keyed = false
  #early: Uint8Array[] = []
  /** Packets that wait for the window or the pipe. */
  readonly #queue: Uint8Array<ArrayBuffer>[] = []
  #unacknowledged = 0
  /** Encryption and decryption finish in any order: what they make goes on in the order of the packets. */
  #sealing: Promise<void> = Promise.resolve()
  #opening: Promise<void> = Promise.resolve()
  #unopened = 0
  #parts: Uint8Array[] = []
  #partBytes = 0
  #toAcknowledge = 0
  #poll: unknown
  #phase: 'opening' | 'open' | 'closing' | 'over' = 'opening'
  #closing: Promise<void> | null = null
  #onFlushed: () => void = () => {}

  constructor(options: LinkOptions, openPipe: OpenBytePipe) {
    this.#options = options
    this.#openPipe = openPipe
    this.#ownKey = tracked(options.clock, newSealKey())
    this.#ownKey.catch(() => {})
    // The initiator chooses the way, and says it with its key.
    if (options.initiator && this.#open()) this.#do(this.#ownKey.then((key) => this.#sayKey(key)))
  }

  get via(): PeerId | null {
    return this.#pipe?.via ?? null
  }

  signal(body: string): void {
    const said = decodeKey(body)
    if (said === null || this.#keyed || this.#phase !== 'opening') return
    this.#keyed = true
    if (this.#options.initiator || this.#open(said.via)) this.#do(this.#agree(said.key))
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#phase !== 'open') return
    const most = Math.min(FRAGMENT_BYTES, (this.#pipe?.maxBytes ?? 0) - SEAL_TAG_BYTES - FRAGMENT_HEADER_BYTES)
    if (most <= 0) {
      queueMicrotask(() => this.#end('there is nothing to relay it any more'))
      return
    }
    let at = 0
    do {
      const end = Math.min(bytes.length, at + most)
      this.#enqueue(encodeFragment(bytes.subarray(at, end), end === bytes.length))
      at = end
    } while (at < bytes.length)
    this.#pump()
  }

  fingerprints(): Fingerprints {
    return this.#fingerprints
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  #open(via?: PeerId | null): boolean {
    const { link, at } = this.#options
    const events = {
      onPacket: (packet: Uint8Array) => this.#onPacket(packet),
      // What came before it is still being opened.
      onClosed: (why: string) => this.#do(this.#opening.then(() => this.#end(why))),
    }
    this.#pipe = this.#openPipe(link, at, events, via)
    if (this.#pipe === null) queueMicrotask(() => this.#end('there is nothing to relay it at the moment'))
    return this.#pipe !== null
  }

  /* ── Keys ──────────────────────────────────────────────────────────────────────────────────── */

  #sayKey(key: SealKey): void {
    if (this.#phase === 'opening') this.#options.events.onSignal(encodeKey(key.publicKey, this.#pipe?.via))
  }

  async #agree(theirs: Uint8Array<ArrayBuffer>): Promise<void> {
    const { initiator, clock } = this.#options
    const own = await this.#ownKey
    const { seal, fingerprints } = await tracked(clock, openSeal(own, theirs, initiator))
    if (this.#phase !== 'opening') return
    if (!initiator) this.#sayKey(own)
    this.#seal = seal
    this.#fingerprints = fingerprints
    this.#phase = 'open'
    this.#options.events.onOpen()
    for (const packet of this.#early.splice(0)) this.#onPacket(packet)
  }

  /* ── Out ───────────────────────────────────────────────────────────────────────────────────── */

  #enqueue(packet: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(packet)
    this.bufferedAmount += costOf(packet)
  }

  #pump(): void {
    const pipe = this.#pipe
    while (pipe !== null && this.#phase !== 'over') {
      const next = this.#queue[0]
      if (next === undefined) return this.#onFlushed()
      const cost = costOf(next)
      if (this.#unacknowledged > 0 && this.#unacknowledged + cost > WINDOW_BYTES) return
      if (!pipe.hasRoom) {
        this.#poll ??= this.#options.clock.setTimeout(() => {
          this.#poll = undefined
          this.#drained(() => this.#pump())
        }, PIPE_POLL_MS)
        return
      }
      this.#queue.shift()
      this.bufferedAmount -= cost
      this.#unacknowledged += cost
      this.#transmit(next)
    }
  }

  /** Reports where `pump` has taken the buffer down to its mark. */
  #drained(pump: () => void): void {
    const above = this.bufferedAmount > this.drainMarkBytes
    pump()
    if (above && this.bufferedAmount <= this.drainMarkBytes && this.#phase === 'open') this.#options.events.onDrain()
  }

  #transmit(packet: Uint8Array<ArrayBuffer>): void {
    if (this.#seal === null) return
    const sealed = tracked(this.#options.clock, this.#seal.close(packet))
    sealed.catch(() => {})
    this.#sealing = this.#sealing
      .then(() => sealed)
      .then((bytes) => {
        if (this.#phase !== 'over') this.#pipe?.send(bytes)
      })
    this.#do(this.#sealing)
  }

  /* ── In ────────────────────────────────────────────────────────────────────────────────────── */

  #onPacket(packet: Uint8Array): void {
    if (this.#phase === 'over') return
    if (this.#seal === null) {
      if (this.#early.length < MAX_EARLY_PACKETS) this.#early.push(packet)
      else this.#end('more came before its key than can be kept')
      return
    }
    this.#unopened += packet.length
    if (this.#unopened > MAX_UNOPENED_BYTES) {
      this.#end('more came than was granted')
      return
    }
    const opened = tracked(this.#options.clock, this.#seal.open(packet as Uint8Array<ArrayBuffer>))
    // Whichever fails first, the one before it in line says so.
    opened.catch(() => {})
    this.#opening = this.#opening
      .then(() => opened)
      .then(
        (plain) => {
          this.#unopened -= packet.length
          this.#onPlain(plain)
        },
        () => this.#end('a packet was lost, repeated or made up on its way'),
      )
    this.#do(this.#opening)
  }

  #onPlain(plain: Uint8Array<ArrayBuffer>): void {
    if (this.#phase === 'over') return
    try {
      const packet = decodePacket(plain)
      if (packet.kind === 'ack') this.#onAcknowledged(packet.bytes)
      else if (packet.kind === 'over') this.#end('the other end closed it')
      else this.#onFragment(packet.bytes, packet.last, costOf(plain))
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error
      this.#end('the other end sent what is no packet')
    }
  }

  #onAcknowledged(bytes: number): void {
    if (bytes > this.#unacknowledged) {
      this.#end('the other end acknowledged what was never sent')
      return
    }
    this.#unacknowledged -= bytes
    this.#drained(() => this.#pump())
  }

  #onFragment(bytes: Uint8Array, last: boolean, cost: number): void {
    this.#toAcknowledge += cost
    if (this.#toAcknowledge >= ACKNOWLEDGE_BYTES) {
      this.#transmit(encodeAck(this.#toAcknowledge))
      this.#toAcknowledge = 0
    }
    this.#partBytes += bytes.length
    if (this.#partBytes > MAX_MESSAGE_BYTES) {
      this.#end('the other end sent more than a message holds')
      return
    }
    this.#parts.push(bytes)
    if (!last) return
    const whole = concatBytes(...this.#parts)
    this.#parts = []
    this.#partBytes = 0
    if (this.#phase === 'open') this.#options.events.onMessage(whole)
  }

  /* ── The end ───────────────────────────────────────────────────────────────────────────────── */

  /** Runs what settles by itself; what fails there ends the link. */
  #do(io: Promise<void>): void {
    io.catch((error: unknown) => this.#end(`it could not be sealed: ${String(error)}`))
  }

  #end(why: string): void {
    const silent = this.#phase === 'over' || this.#phase === 'closing'
    this.#release()
    if (!silent) this.#options.events.onClosed(why)
  }

  async #finish(): Promise<void> {
    if (this.#phase !== 'open') {
      this.#release()
      return
    }
    this.#phase = 'closing'
    const { clock } = this.#options
    await new Promise<void>((resolve) => {
      const bound = clock.setTimeout(resolve, CLOSE_BOUND_MS)
      this.#onFlushed = () => {
        clock.clearTimeout(bound)
        resolve()
      }
      this.#pump()
    })
    if (this.#queue.length === 0) {
      this.#transmit(encodeOver())
      await this.#sealing.catch(() => {})
    }
    this.#release()
  }

  #release(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#options.clock.clearTimeout(this.#poll)
    this.#queue.length = 0
    this.#early = []
    this.#parts = []
    this.bufferedAmount = 0
    this.#pipe?.close()
    this.#onFlushed()
  }
}

function costOf(packet: Uint8Array): number {
  return packet.length + PACKET_COST_BYTES
}

function encodeKey(publicKey: Uint8Array, via: PeerId | undefined): string {
  return KEY_SIGNAL + toBase64Url(publicKey) + (via === undefined ? '' : ` ${via}`)
}

/** `null` where `body` says no key. */
function decodeKey(body: string): { readonly key: Uint8Array<ArrayBuffer>; readonly via: PeerId | null } | null {
  if (!body.startsWith(KEY_SIGNAL)) return null
  const said = body.slice(KEY_SIGNAL.length)
  const space = said.indexOf(' ')
  const key = fromBase64Url(space === -1 ? said : said.slice(0, space))
  return key === null ? null : { key, via: space === -1 ? null : said.slice(space + 1) }
}
