import { wellFormed } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { OpenBytePipe } from './byte-pipe.ts'
import { HOP_MARK_BYTES, HopCarrier, type HopCarrierPort, type HopGate } from './hop-carrier.ts'
import { decodeHop } from '../link/hop-frames.ts'
import { HopPipes, type HopPipesPort } from './hop-pipes.ts'

/** Hops at work in one weave: its own pipes through third peers, and what it carries for others. */
export class HopStation {
  readonly #port: HopStationPort
  readonly #carrier: HopCarrier
  readonly #pipes: HopPipes
  #pumping: unknown
  #asking: unknown

  constructor(port: HopStationPort) {
    this.#port = port
    const hasRoom = (link: string): boolean => port.isBelow(link, HOP_MARK_BYTES)
    const send = (link: string, frame: Uint8Array<ArrayBuffer>): void => port.send(link, frame)
    this.#carrier = new HopCarrier(
      { wayOn: (from, to) => port.wayOn(from, to), hasRoom, send, refused: (gate) => port.refused(gate) },
      port.clock.now(),
    )
    this.#pipes = new HopPipes({
      now: () => port.clock.now(),
      carriersOf: (at) => port.carriersOf(at),
      hasRoom,
      send,
    })
  }

  /** Pipes through a third peer where one reaches the other end, else through `server`. */
  opening(server: OpenBytePipe): OpenBytePipe {
    return (link, at, events, via) => {
      const hop = (avoid: boolean): ReturnType<OpenBytePipe> => this.#pipes.through(link, at, events, { avoid })
      if (via === undefined) {
        const pipe = hop(true) ?? server(link, at, events, null) ?? hop(false)
        this.#ask()
        return pipe
      }
      if (via === null) return server(link, at, events, null)
      const pipe = this.#pipes.through(link, at, events, { carrier: via, avoid: false })
      this.#ask()
      return pipe
    }
  }

  /** What follows the type of a frame that came over the link `from`. */
  heard(from: string, bytes: Uint8Array): void {
    const { refused, onMalformed } = this.#port
    const frame = wellFormed(() => decodeHop(bytes))
    switch (frame?.kind) {
      case undefined:
        return onMalformed()
      case 'carry':
        this.#carrier.take(from, frame)
        return this.#pump()
      case 'carried':
        if (!this.#pipes.carried(from, frame)) refused('strayed')
        return
      case 'refused':
        if (!this.#pipes.refused(from, frame)) refused('strayed')
    }
  }

  /** Who is linked with whom has changed. */
  changed(): void {
    this.#pipes.changed()
    this.#carrier.unlinked((link) => this.#port.isOpen(link))
  }

  close(): void {
    const { clock } = this.#port
    clock.clearTimeout(this.#pumping)
    clock.clearTimeout(this.#asking)
  }

  #pump(): void {
    const { clock } = this.#port
    clock.clearTimeout(this.#pumping)
    const againMs = this.#carrier.pump(clock.now())
    if (againMs !== null) this.#pumping = clock.setTimeout(() => this.#pump(), againMs)
  }

  /** A carrier that drops everything breaks no link by itself: what goes through one is asked for a sign of life. */
  #ask(): void {
    const { clock, ask } = this.#port
    if (this.#asking !== undefined || this.#pipes.isIdle) return
    this.#asking = clock.setTimeout(() => {
      this.#asking = undefined
      for (const link of this.#pipes.silentFor(HOP_ASK_MS)) ask(link)
      this.#ask()
    }, HOP_ASK_MS)
  }
}

/** After so long without a packet a link that a third peer carries is asked for a sign of life. */
export const HOP_ASK_MS = 2_500

export interface HopStationPort extends Pick<HopCarrierPort, 'wayOn' | 'send'>, Pick<HopPipesPort, 'carriersOf'> {
  readonly clock: Clock
  /** Whether no more than so many bytes are queued on the link. */
  readonly isBelow: (link: string, bytes: number) => boolean
  /** Whether the link is one that packets are carried over. */
  readonly isOpen: (link: string) => boolean
  /** Asks the sealed link of that name for a sign of life. */
  readonly ask: (link: string) => void
  readonly refused: (gate: HopGate) => void
  readonly onMalformed: () => void
}
