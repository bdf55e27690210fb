import { concatBytes, equalBytes, fromBase64Url } from '../../base/bytes.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import type { BytePipe, BytePipeEvents } from './byte-pipe.ts'
import type { RelayPort } from '../presence/presence.ts'

/**
 * The pipes of one weave through one relay: any number of links share its port, told apart by the link's
 * id before each packet, and by who the relay says it is from.
 */
export class RelayPipes {
  readonly #pipes: Map<string, RelayedPipe> = new Map()
  readonly #onIdle: () => void
  /** Packets of no pipe that is open, or from somebody else than it is with. */
  strayed = 0

  /** `onIdle` is called when the last pipe that was open is no more. */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle
  }

  /** `null` where `port` relays nothing at the moment. */
  open(port: RelayPort | undefined, link: string, at: SignalAddress, events: BytePipeEvents): BytePipe | null {
    if (port === undefined || port.maxBytes <= LINK_ID_BYTES) return null
    const pipe = new RelayedPipe(port, link, at, events, () => this.#forget(link))
    this.#pipes.set(link, pipe)
    return pipe
  }

  get isIdle(): boolean {
    return this.#pipes.size === 0
  }

  received(from: SignalAddress, payload: Uint8Array): void {
    for (const pipe of this.#pipes.values()) if (pipe.takes(from, payload)) return
    this.strayed++
  }

  /** The relay says that who was reached there has gone. */
  left({ peer, session }: SignalAddress): void {
    for (const pipe of [...this.#pipes.values()]) {
      if (pipe.at.peer === peer && pipe.at.session === session)
        pipe.end('the other end left the server that relayed it')
    }
  }

  /** The relay itself is gone, and what was on its way with it. */
  lost(): void {
    for (const pipe of [...this.#pipes.values()]) pipe.end('the server that relayed it was lost')
  }

  #forget(link: string): void {
    if (this.#pipes.delete(link) && this.#pipes.size === 0) this.#onIdle()
  }
}

const LINK_ID_BYTES = 12

class RelayedPipe implements BytePipe {
  readonly at: SignalAddress
  readonly #port: RelayPort
  readonly #link: Uint8Array
  readonly #events: BytePipeEvents
  readonly #forget: () => void
  #over = false

  constructor(port: RelayPort, link: string, at: SignalAddress, events: BytePipeEvents, forget: () => void) {
    this.at = at
    this.#port = port
    this.#link = fromBase64Url(link) ?? new Uint8Array()
    this.#events = events
    this.#forget = forget
  }

  get maxBytes(): number {
    return this.#port.maxBytes - LINK_ID_BYTES
  }

  get hasRoom(): boolean {
    return this.#port.hasRoom
  }

  send(packet: Uint8Array): void {
    if (!this.#over) this.#port.send(this.at, concatBytes(this.#link, packet))
  }

  takes(from: SignalAddress, payload: Uint8Array): boolean {
    const { peer, session } = this.at
    if (from.peer !== peer || from.session !== session) return false
    if (!equalBytes(payload.subarray(0, LINK_ID_BYTES), this.#link)) return false
    this.#events.onPacket(payload.subarray(LINK_ID_BYTES))
    return true
  }

  end(why: string): void {
    if (this.#over) return
    this.#over = true
    this.#forget()
    this.#events.onClosed(why)
  }

  close(): void {
    if (this.#over) return
    this.#over = true
    this.#forget()
  }
}
