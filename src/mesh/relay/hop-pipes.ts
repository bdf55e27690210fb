import type { PeerId } from '../../seam/contract.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import type { BytePipe, BytePipeEvents } from './byte-pipe.ts'
import { encodeHop, MAX_HOP_PACKET_BYTES, type CarriedPacket, type RefusedHop } from '../link/hop-frames.ts'

/**
 * The pipes of one weave through third peers: each through one that is linked with both ends. Pure but for its port.
 * A carrier that refused, fell silent, or whose pipe did not hold for long, is taken again only where there is no other way.
 */
export class HopPipes {
  readonly #port: HopPipesPort
  readonly #pipes: Map<string, HopPipe> = new Map()
  /** Until when a carrier is not the first choice for a member. */
  readonly #avoided: Map<string, number> = new Map()

  constructor(port: HopPipesPort) {
    this.#port = port
  }

  /** Names of the sealed links through whose pipes nothing has come for so long. */
  silentFor(ms: number): string[] {
    const sinceMs = this.#port.now() - ms
    return [...this.#pipes.values()].filter(({ heardAtMs }) => heardAtMs <= sinceMs).map(({ link }) => link)
  }

  get isIdle(): boolean {
    return this.#pipes.size === 0
  }

  /** Through `carrier` and nobody else where it is given. `null` where there is none, or none that is not to be avoided. */
  through(
    link: string,
    at: SignalAddress,
    events: BytePipeEvents,
    choice: { readonly carrier?: PeerId; readonly avoid: boolean },
  ): BytePipe | null {
    const nowMs = this.#port.now()
    const carrier = this.#port
      .carriersOf(at)
      .find(({ peer }) =>
        choice.carrier === undefined ? !choice.avoid || !this.#isAvoided(peer, at, nowMs) : peer === choice.carrier,
      )
    if (carrier === undefined || this.#pipes.has(link)) return null
    const pipe = new HopPipe(this.#port, carrier, link, at, events, (refused) => this.#closed(pipe, refused))
    this.#pipes.set(link, pipe)
    return pipe
  }

  /** False where it is of no pipe through that carrier. */
  carried(carrier: string, { address, link, packet }: CarriedPacket): boolean {
    const pipe = this.#pipes.get(link)
    if (pipe?.isThrough(carrier, address) !== true) return false
    pipe.heardAtMs = this.#port.now()
    pipe.events.onPacket(packet)
    return true
  }

  refused(carrier: string, { address, link }: RefusedHop): boolean {
    const pipe = this.#pipes.get(link)
    if (pipe?.isThrough(carrier, address) !== true) return false
    pipe.end('the peer that was to carry it does not', true)
    return true
  }

  /** Who is linked with whom has changed. */
  changed(): void {
    for (const pipe of [...this.#pipes.values()]) {
      if (this.#port.carriersOf(pipe.at).some(({ link }) => link === pipe.carrier.link)) continue
      pipe.end('the peer that carried it is no longer linked with both ends', false)
    }
  }

  #isAvoided(carrier: PeerId, at: SignalAddress, nowMs: number): boolean {
    if ((this.#avoided.get(avoidedKey(carrier, at)) ?? 0) > nowMs) return true
    // A link that is given up has its pipe open while it tries to say its last words.
    return [...this.#pipes.values()].some((pipe) => pipe.isBetween(carrier, at) && nowMs - pipe.heardAtMs >= SILENT_MS)
  }

  #closed(pipe: HopPipe, refused: boolean): void {
    this.#pipes.delete(pipe.link)
    const nowMs = this.#port.now()
    const hasHeld = nowMs - pipe.openedAtMs >= HELD_MS && nowMs - pipe.heardAtMs < SILENT_MS
    if (!refused && hasHeld) return
    for (const [key, untilMs] of this.#avoided) if (untilMs <= nowMs) this.#avoided.delete(key)
    if (this.#avoided.size < MAX_AVOIDED) this.#avoided.set(avoidedKey(pipe.via, pipe.at), nowMs + AVOIDED_MS)
  }
}

/**
 * A pipe that was open for less, or through which nothing came at last for so long though it is asked for signs of life,
 * is taken to have failed by its carrier.
 */
export const HELD_MS = 30_000
export const SILENT_MS = 7_000

/** For so long a carrier that failed is not the first choice. */
export const AVOIDED_MS = 60_000

const MAX_AVOIDED = 256

export interface HopPipesPort {
  now(): number
  /** The links to peers that say that they are linked with the member at `at`, and carry. */
  carriersOf(at: SignalAddress): readonly HopWay[]
  /** Whether little enough is queued on the link. */
  hasRoom(link: string): boolean
  send(link: string, frame: Uint8Array<ArrayBuffer>): void
}

export interface HopWay {
  readonly link: string
  readonly peer: PeerId
}

class HopPipe implements BytePipe {
  readonly maxBytes: number = MAX_HOP_PACKET_BYTES
  readonly carrier: HopWay
  readonly link: string
  readonly at: SignalAddress
  readonly events: BytePipeEvents
  readonly openedAtMs: number
  heardAtMs: number
  readonly #port: HopPipesPort
  readonly #onClosed: (refused: boolean) => void
  #over = false

  constructor(
    port: HopPipesPort,
    carrier: HopWay,
    link: string,
    at: SignalAddress,
    events: BytePipeEvents,
    onClosed: (refused: boolean) => void,
  ) {
    this.#port = port
    this.carrier = carrier
    this.link = link
    this.at = at
    this.events = events
    this.#onClosed = onClosed
    this.openedAtMs = this.heardAtMs = port.now()
  }

  get via(): PeerId {
    return this.carrier.peer
  }

  get hasRoom(): boolean {
    return this.#port.hasRoom(this.carrier.link)
  }

  send(packet: Uint8Array): void {
    const { at: address, link } = this
    if (!this.#over) this.#port.send(this.carrier.link, encodeHop({ kind: 'carry', address, link, packet }))
  }

  isThrough(link: string, at: SignalAddress): boolean {
    return this.carrier.link === link && this.isBetween(this.via, at)
  }

  isBetween(carrier: PeerId, { peer, session }: SignalAddress): boolean {
    return this.via === carrier && this.at.peer === peer && this.at.session === session
  }

  end(why: string, refused: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#onClosed(refused)
    this.events.onClosed(why)
  }

  close(): void {
    if (this.#over) return
    this.#over = true
    this.#onClosed(false)
  }
}

function avoidedKey(carrier: PeerId, { peer, session }: SignalAddress): string {
  return JSON.stringify([carrier, peer, session])
}
