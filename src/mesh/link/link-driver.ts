import type { Clock } from '../../base/clock.ts'
import type { PeerId } from '../../seam/contract.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import type { Fingerprints } from './link-handshake.ts'
import type { LinkRoute } from './link-status.ts'

/**
 * What makes links: a native RTCPeerConnection by default ({@link nativeLinks}). A driver moves bytes
 * and negotiates; who the other end is, what the bytes mean and when to try again are decided above it.
 */
export interface LinkDriver {
  /** Starts a link. Reports everything through `options.events`, never by throwing later. */
  open(options: LinkOptions): Link
  /** Whether its links have {@link Link.sendLossy}. Default false. */
  readonly sendsLossyApart?: boolean
}

export interface LinkOptions {
  /** Its name, known to both ends and to no other link: 12 bytes in base64url. */
  readonly link: string
  /** The other end. */
  readonly at: SignalAddress
  /** Makes the first offer; the other end waits for it. */
  readonly initiator: boolean
  /** Yields when both ends make an offer at once. Exactly one end is polite. */
  readonly polite: boolean
  readonly iceServers: readonly RTCIceServer[]
  /**
   * For a driver to call before it looks for another path, at whichever end: asks for the servers again and hands them
   * to `use`. Resolves, bounded, when the search may begin, with others or, if `use` throws, those of before; never rejects.
   */
  readonly renewIceServers: (use: (servers: RTCIceServer[]) => void) => Promise<void>
  readonly iceTransportPolicy: RTCIceTransportPolicy
  readonly clock: Clock
  readonly events: LinkEvents
}

/** Called in order, never from within a call of the link's methods, and not at all after `onClosed` or {@link Link.close}. */
export interface LinkEvents {
  /** `body` is for the other end's {@link Link.signal}. */
  onSignal(body: string): void
  /** The channel carries messages from here on. */
  onOpen(): void
  /** One whole message; the array is the receiver's. */
  onMessage(bytes: Uint8Array<ArrayBuffer>): void
  /** What came of {@link Link.sendLossy}: whole, in any order. */
  onLossy(bytes: Uint8Array<ArrayBuffer>): void
  /** `bufferedAmount` has fallen to {@link Link.drainMarkBytes} or below. */
  onDrain(): void
  /** `interrupted`: nothing gets through for now. */
  onPath(path: 'connected' | 'interrupted'): void
  /** A server that a path may need refuses, or cannot be reached: a sentence for people. The link goes on. */
  onTrouble(why: string): void
  /** The link failed or the other end closed it; `why` is for people. */
  onClosed(why: string): void
}

export interface Link {
  /** Takes what the other end's `onSignal` said. What is malformed or out of date is dropped. */
  signal(body: string): void
  /**
   * Queues one message; after the link has closed, does nothing. `bytes` may be a view, and may be written over once
   * the other end has received the message: what is handed to a receiver is another copy.
   */
  send(bytes: Uint8Array<ArrayBuffer>): void
  /**
   * Sends one message past all that is queued, once, in no order. False: dropped, since more than
   * {@link LOSSY_MARK_BYTES} of them wait, or the way is not open. Drivers that have no second way leave it out.
   */
  sendLossy?(bytes: Uint8Array<ArrayBuffer>): boolean
  /** Bytes queued by {@link Link.send} and not yet handed to the network. Senders keep it at or under {@link HIGH_WATER_BYTES}. */
  readonly bufferedAmount: number
  /** Where falling `bufferedAmount` is reported. {@link LOW_WATER_BYTES} at first. */
  drainMarkBytes: number
  /** Largest message, bytes; meaningful once open. */
  readonly maxMessageBytes: number
  /** Of the certificates on both sides, once open. */
  fingerprints(): Fingerprints
  /** How its bytes travel now. Default `direct`. */
  readonly route?: LinkRoute
  /** The third peer that carries its bytes; `null`: none does. Default `null`. */
  readonly via?: PeerId | null
  /** What stands in the way of a link that is still being made, for people. */
  trouble?(): string | null
  /** Looks for a new network path without giving up the channel. Drivers that cannot leave it out. */
  restart?(): void
  /** What was sent goes out first, within {@link CLOSE_BOUND_MS}. Resolves when everything is released. Idempotent. */
  close(): Promise<void>
}

/**
 * With more than this queued in a data channel, Chromium's throughput has been seen to collapse for
 * about a second at a time.
 */
export const HIGH_WATER_BYTES = 262_144

export const LOW_WATER_BYTES = 131_072

/** A lossy frame goes out only while at most this much is queued on its way: one that waits is late, and no use. */
export const LOSSY_MARK_BYTES = 32_768

/** How long a closing link may take to send what it holds. */
export const CLOSE_BOUND_MS = 1_000
