import { ByteWriter, fromUtf8, utf8 } from '../base/bytes.ts'
import { ChannelMux, type MuxCounts } from './channel-mux.ts'
import type { Seam } from './contract.ts'

/** Longest channel name, bytes of UTF-8. */
export const MAX_CHANNEL_NAME_BYTES = 255

/** Any number of seams over one, by name. Otherwise like {@link MuxSeam}. */
export class NamedMux {
  readonly #mux: ChannelMux<string>

  /** Throws `IncomingTakenError` when somebody reads `base.incoming`. */
  constructor(base: Seam) {
    this.#mux = new ChannelMux(base, {
      write: (name) => new ByteWriter().u8(utf8(name).length).raw(utf8(name)).finish(),
      read: readName,
    })
  }

  /**
   * The channel of `name`, 1 to 255 bytes of UTF-8: the same object until it is closed, then a new one.
   * Throws `RangeError`; `ClosedError` after {@link detach}.
   */
  channel(name: string): Seam {
    const bytes = utf8(name)
    if (bytes.length < 1 || bytes.length > MAX_CHANNEL_NAME_BYTES) {
      throw new RangeError(`a channel's name is 1 to ${MAX_CHANNEL_NAME_BYTES} bytes of UTF-8, not ${bytes.length}`)
    }
    // Lone surrogates all encode alike: two names would share a channel.
    if (fromUtf8(bytes) !== name)
      throw new RangeError("a channel's name is well-formed text: this one has a lone surrogate")
    return this.#mux.channel(name)
  }

  /** Closes every channel and gives the base's `incoming` back; the base lives on. */
  detach(): Promise<void> {
    return this.#mux.detach()
  }

  get counts(): MuxCounts {
    return this.#mux.counts
  }
}

function readName(frame: Uint8Array): string | null {
  const length = frame[1] ?? 0
  if (length === 0 || frame.length < 2 + length) return null
  try {
    return fromUtf8(frame.subarray(2, 2 + length))
  } catch {
    return null
  }
}
