import type { PeerId } from '../../seam/contract.ts'
import type { SignalAddress } from '../../signal/protocol.ts'

/**
 * What carries packets from one end of a link to the other when no channel between the two can be had:
 * a server, or a third peer. In order; it may lose some, and whoever keeps it can read, drop, delay and
 * make up as many as it likes.
 */
export interface BytePipe {
  /** Largest packet, bytes. */
  readonly maxBytes: number
  /** The third peer that keeps it. Absent: what keeps the room does. */
  readonly via?: PeerId | undefined
  /** False while so much waits to go out that no more should be handed in: ask again in a moment. */
  readonly hasRoom: boolean
  send(packet: Uint8Array): void
  close(): void
}

/** Never called from within a call of the pipe's methods, and not at all after `onClosed` or {@link BytePipe.close}. */
export interface BytePipeEvents {
  /** The array is the receiver's. */
  onPacket(packet: Uint8Array): void
  /** Nothing arrives any more; `why` is for people. */
  onClosed(why: string): void
}

/**
 * Opens a pipe for the link of that id to `at`, or `null` where there is no way at the moment. `via`: the way that the
 * other end has chosen, a third peer or, `null`, what keeps the room; absent: any.
 */
export type OpenBytePipe = (
  link: string,
  at: SignalAddress,
  events: BytePipeEvents,
  via?: PeerId | null,
) => BytePipe | null
