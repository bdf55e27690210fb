import type { ReadableAtom } from '../base/observable.ts'
import type { WaitOptions } from '../seam/contract.ts'
import type { CreateRoom, SignalAddress } from '../signal/protocol.ts'

/**
 * One weave's presence in its room, whatever the room is kept by: who else is there, and a way to hand
 * them a few words before a link exists. It proves nobody's identity; links do.
 */
export interface Presence {
  readonly status: ReadableAtom<SignallingStatus>
  /**
   * Attaches for the first time. `new`: nobody else may be in the room. `no`: somebody must be.
   * `if-missing`: where the room is, else a new one. Rejects with `RoomTakenError`, `RoomNotFoundError`,
   * `RoomFullError` or `SignalingUnavailableError`, and then nothing is left open.
   */
  enter(create: CreateRoom, options?: WaitOptions): Promise<void>
  /** Whether anybody is in the room, as far as can be asked. */
  exists(options?: WaitOptions): Promise<boolean>
  /** Hands `body` to another that is present; where there is no way to it, it is lost. Throws `PayloadTooLargeError`. */
  send(to: SignalAddress, body: string): void
  /** Idempotent. No handler runs after it. */
  close(): void
}

export interface PresenceHandlers {
  /** `present`: everybody else, this peer's own former sessions left out. */
  onAttached(present: readonly SignalAddress[]): void
  onDetached(): void
  onJoined(at: SignalAddress): void
  onLeft(at: SignalAddress): void
  onSignal(from: SignalAddress, body: string): void
}

export type SignallingStatus =
  | { readonly kind: 'attached'; readonly url: string }
  /** `attempt` counts from 0; `lastError` says why the last one failed. Linked peers stay linked. */
  | { readonly kind: 'searching'; readonly attempt: number; readonly lastError: unknown }
