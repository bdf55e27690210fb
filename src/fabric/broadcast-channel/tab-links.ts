import { newRoomSecret, isRoomSecret } from '../../mesh/seal/room-address.ts'
import {
  CLOSE_BOUND_MS,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkOptions,
} from '../../mesh/link/link-driver.ts'
import type { Fingerprints } from '../../mesh/link/link-handshake.ts'

/**
 * Links between tabs: a BroadcastChannel for each, under a name that its initiator draws and signals to the
 * other end. The channel has no end, no back-pressure and no notice of who is there. So each end holds a Web
 * Lock while it lives, which the other waits for and is given when the first is gone, and what a sender has
 * under way is what it has sent less what the other end, asked for it from time to time, says it has received.
 *
 * Only scripts of the same origin could listen, and they could do as much without a channel. The name stands
 * where a certificate stands elsewhere: both ends prove their keys for this channel and for no other.
 */
export function tabLinks(): LinkDriver {
  return { open: (options) => new TabLink(options) }
}

class TabLink implements Link {
  readonly #options: LinkOptions
  readonly #lifetime: AbortController = new AbortController()
  readonly #own: End
  readonly #other: End
  #name: string | null = null
  #channel: BroadcastChannel | null = null
  #phase: 'meeting' | 'open' | 'closing' | 'over' = 'meeting'
  #sent = 0
  /** Of {@link TabLink.#sent}, what the other end was last asked about, and what it has said. */
  #asked = 0
  #acknowledged = 0
  #received = 0
  #drainMarkBytes: number = LOW_WATER_BYTES
  #closed: (() => void) | null = null
  #closing: Promise<void> | null = null
  #lastWords: unknown

  readonly maxMessageBytes: number = Number.POSITIVE_INFINITY

  constructor(options: LinkOptions) {
    this.#options = options
    this.#own = options.initiator ? 'a' : 'b'
    this.#other = options.initiator ? 'b' : 'a'
    if (options.initiator) void this.#meet(newRoomSecret())
  }

  get bufferedAmount(): number {
    return this.#sent - this.#acknowledged
  }

  get drainMarkBytes(): number {
    return this.#drainMarkBytes
  }

  set drainMarkBytes(bytes: number) {
    this.#drainMarkBytes = bytes
    if (this.bufferedAmount > bytes) this.#ask()
  }

  fingerprints(): Fingerprints {
    return { local: [`tab ${this.#own} ${this.#name}`], remote: [`tab ${this.#other} ${this.#name}`] }
  }

  signal(body: string): void {
    if (this.#phase === 'meeting' && this.#name === null && isRoomSecret(body)) void this.#meet(body)
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#phase !== 'open') return
    this.#sent += bytes.length
    // A view would be copied together with all of the buffer that it is a part of.
    this.#post(bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer)
    if (this.#sent - this.#asked > Math.min(ASK_BYTES, this.#drainMarkBytes)) this.#ask()
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  /* ── Meeting ───────────────────────────────────────────────────────────────────────────────── */

  /** The initiator is in the channel before it says where: the other end's first word finds it there. */
  async #meet(name: string): Promise<void> {
    this.#name = name
    try {
      await this.#holdLock()
    } catch (error) {
      this.#end(`no lock could be had for it: ${String(error)}`)
      return
    }
    if (this.#phase !== 'meeting') return
    this.#channel = new BroadcastChannel(`selvage link ${name}`)
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#hear(data)
    if (this.#options.initiator) this.#options.events.onSignal(name)
    else {
      this.#post('here')
      this.#open()
    }
  }

  #open(): void {
    if (this.#phase !== 'meeting') return
    this.#phase = 'open'
    const gone = (): void => this.#onGone()
    navigator.locks
      .request(this.#lockOf(this.#other), { mode: 'shared', signal: this.#lifetime.signal }, gone)
      .catch(() => {})
    this.#options.events.onOpen()
  }

  #holdLock(): Promise<void> {
    const { signal } = this.#lifetime
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    return new Promise((resolve, reject) => {
      const held = (): Promise<void> => {
        resolve()
        return over
      }
      navigator.locks.request(this.#lockOf(this.#own), { signal }, held).catch(reject)
    })
  }

  #lockOf(end: End): string {
    return `selvage link ${this.#name} ${end}`
  }

  /* ── At work ───────────────────────────────────────────────────────────────────────────────── */

  #hear(data: unknown): void {
    if (data instanceof ArrayBuffer) this.#onBytes(new Uint8Array(data))
    else if (typeof data === 'number') this.#onAcknowledged(data)
    else if (data === 'here' && this.#options.initiator) this.#open()
    else if (data === 'ask') this.#post(this.#received)
    else if (data === 'bye') this.#onBye()
    else if (data === 'bye too') this.#closed?.()
  }

  #onBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#received += bytes.length
    if (this.#phase === 'open') this.#options.events.onMessage(bytes)
  }

  #onAcknowledged(received: number): void {
    if (!(received > this.#acknowledged && received <= this.#sent)) return
    const before = this.bufferedAmount
    this.#acknowledged = received
    const drained = before > this.#drainMarkBytes && this.bufferedAmount <= this.#drainMarkBytes
    if (drained && this.#phase === 'open') this.#options.events.onDrain()
  }

  #ask(): void {
    if (this.#asked === this.#sent || this.#phase !== 'open') return
    this.#asked = this.#sent
    this.#post('ask')
  }

  #post(word: ArrayBuffer | number | 'here' | 'ask' | 'bye' | 'bye too'): void {
    this.#channel?.postMessage(word)
  }

  /* ── The end ───────────────────────────────────────────────────────────────────────────────── */

  #onBye(): void {
    this.#post('bye too')
    this.#closed?.()
    this.#end('the other end closed the link')
  }

  /** The lock came by another way than what the other end had said before it went. */
  #onGone(): void {
    if (this.#phase === 'over') return
    this.#closed?.()
    this.#lastWords = this.#options.clock.setTimeout(() => this.#end('the tab at the other end is gone'), LAST_WORDS_MS)
  }

  #end(why: string): void {
    if (this.#phase !== 'meeting' && this.#phase !== 'open') return
    this.#release()
    this.#options.events.onClosed(why)
  }

  /** Stays until the other end has read what was sent. */
  async #finish(): Promise<void> {
    if (this.#phase === 'open') {
      this.#phase = 'closing'
      await new Promise<void>((resolve) => {
        const { clock } = this.#options
        const bound = clock.setTimeout(resolve, CLOSE_BOUND_MS)
        this.#closed = () => {
          clock.clearTimeout(bound)
          resolve()
        }
        this.#post('bye')
      })
    }
    this.#release()
  }

  #release(): void {
    this.#phase = 'over'
    this.#options.clock.clearTimeout(this.#lastWords)
    this.#lifetime.abort()
    this.#channel?.close()
  }
}

type End = 'a' | 'b'

/** A sender asks how far the other end is whenever as much has gone out since it last did. */
const ASK_BYTES = 32_768

/** How long words of a tab that is gone may still be under way. */
const LAST_WORDS_MS = 200
