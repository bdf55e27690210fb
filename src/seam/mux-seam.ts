import { ByteWriter } from '../base/bytes.ts'
import { ChannelMux, type MuxCounts } from './channel-mux.ts'
import type { Seam } from './contract.ts'

/**
 * Up to 256 seams over one, by number. Takes the base's `incoming` at once: nobody else may read it.
 * Each channel has its own credit, so one that nobody reads stalls no other.
 */
export class MuxSeam {
  readonly #mux: ChannelMux<number>

  /** Throws `IncomingTakenError` when somebody reads `base.incoming`. */
  constructor(base: Seam) {
    this.#mux = new ChannelMux(base, {
      write: (tag) => new ByteWriter(1).u8(tag).finish(),
      read: (frame) => frame[1] ?? null,
    })
  }

  /**
   * The channel of `tag`, 0 to 255: the same object until it is closed, then a new one. Closing it closes
   * neither the base nor its siblings. Throws `RangeError`; `ClosedError` after {@link detach}.
   */
  channel(tag: number): Seam {
    if (!Number.isInteger(tag) || tag < 0 || tag > 255) throw new RangeError(`a channel's tag is 0 to 255, not ${tag}`)
    return this.#mux.channel(tag)
  }

  /** Closes every channel and gives the base's `incoming` back; the base lives on. */
  detach(): Promise<void> {
    return this.#mux.detach()
  }

  get counts(): MuxCounts {
    return this.#mux.counts
  }
}
