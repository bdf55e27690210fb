import type { ReadableAtom } from '../../base/observable.ts'
import type { WaitOptions } from '../../seam/contract.ts'
import type { EndpointState } from '../../seam/endpoint-health.ts'
import type { CreateRoom, LeftWhy, SignalAddress } from '../../signal/protocol.ts'

/**
 * One weave's presence in its room, whatever the room is kept by: who else is there, and a way to hand
 * them a few words before a link exists. It proves nobody's identity; links do.
 */
export interface Presence {
  readonly status: ReadableAtom<SignallingStatus>
  /** How each server does, in the order of the list. Absent: this kind of presence has none. */
  readonly servers?: ReadableAtom<readonly ServerHealth[]> | undefined
  /**
   * Attaches for the first time. `new`: nobody else may be in the room. `no`: somebody must be.
   * `if-missing`: where the room is, else a new one. Rejects with `RoomTakenError`, `RoomNotFoundError`,
   * `RoomFullError` or `SignalingUnavailableError`, and then nothing is left open.
   */
  enter(create: CreateRoom, options?: WaitOptions): Promise<void>
  /** Whether anybody is in the room, as far as can be asked. */
  exists(options?: WaitOptions): Promise<boolean>
  /** A path to a peer has broken, and perhaps the one to the server with it: makes sure now. */
  probe?(): void
  /** Peers are missed that nothing reaches: they may be on another server. */
  seek?(): void
  /** Hands `body` to another that is present; where there is no way to it, it is lost. Throws `PayloadTooLargeError`. */
  send(to: SignalAddress, body: string): void
  /** Carries bytes between two that are present, beside their words. Absent: this kind of presence never does. */
  readonly relay?: RelayPort | undefined
  /** What relays between two that cannot link directly, as far as it is given here. Absent: nothing. Never rejects. */
  turnServers?(): Promise<readonly RTCIceServer[]>
  /** Idempotent. No handler runs after it. */
  close(): void
}

/** A way for bytes through whatever keeps the room, which can read, drop and delay them: seal what goes here. */
export interface RelayPort {
  /** Largest payload, bytes; 0 where nothing is relayed at the moment. */
  readonly maxBytes: number
  /** False while so much waits to go out that no more should be handed in. */
  readonly hasRoom: boolean
  /** In order. Who is gone, or reads too slowly, misses it. */
  send(to: SignalAddress, payload: Uint8Array): void
}

export interface PresenceHandlers {
  /** `present`: everybody else, this peer's own former sessions left out. */
  onAttached(present: readonly SignalAddress[]): void
  onDetached(): void
  onJoined(at: SignalAddress): void
  /** `gone`: for good. `lost`: it may come back. */
  onLeft(at: SignalAddress, why: LeftWhy): void
  /** Whether there is a link with this member, or a way to one. */
  knows?(at: SignalAddress): boolean
  onSignal(from: SignalAddress, body: string): void
  /** What {@link RelayPort.send} was given at the other end. */
  onRelayed(from: SignalAddress, payload: Uint8Array): void
}

/** How one signalling server does, as far as one weave has asked it. */
export interface ServerHealth extends EndpointState {
  readonly url: string
  /** Whether the room can be found there through this peer. */
  readonly isAttached: boolean
}

export type SignallingStatus =
  | { readonly kind: 'attached'; readonly url: string }
  /** `attempt` counts from 0; `lastError` says why the last one failed. Linked peers stay linked. */
  | { readonly kind: 'searching'; readonly attempt: number; readonly lastError: unknown }
