import type { Clock } from '../../base/clock.ts'
import type { BytePipe, BytePipeEvents, OpenBytePipe } from '../relay/byte-pipe.ts'

/** Two ends of one pipe, 5 ms apart, and whoever keeps it: packets can be read, dropped and made up. */
export class PipePair {
  readonly clock: Clock
  readonly ends: [PipeEnd, PipeEnd]
  /** Every packet handed in, in order. */
  readonly seen: Uint8Array[] = []
  hasRoom = true
  /** What becomes of a packet: those that go on instead of it. */
  tamper: (packet: Uint8Array, index: number) => readonly Uint8Array[] = (packet) => [packet]

  constructor(clock: Clock) {
    this.clock = clock
    const left = new PipeEnd(this)
    this.ends = [left, new PipeEnd(this)]
    left.other = this.ends[1]
    this.ends[1].other = left
  }
}

export class PipeEnd implements BytePipe {
  readonly maxBytes: number = 8_000
  other!: PipeEnd
  readonly #pair: PipePair
  #events: BytePipeEvents | null = null

  constructor(pair: PipePair) {
    this.#pair = pair
  }

  readonly open: OpenBytePipe = (_link, _at, events) => {
    this.#events = events
    return this
  }

  get hasRoom(): boolean {
    return this.#pair.hasRoom
  }

  get isOpen(): boolean {
    return this.#events !== null
  }

  send(packet: Uint8Array): void {
    const index = this.#pair.seen.push(packet) - 1
    for (const passed of this.#pair.tamper(packet, index)) {
      this.#pair.clock.setTimeout(() => this.other.#events?.onPacket(passed.slice()), 5)
    }
  }

  close(): void {
    this.#events = null
  }

  break(): void {
    const events = this.#events
    this.#events = null
    events?.onClosed('the pipe broke')
  }
}
