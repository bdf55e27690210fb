import type { PeerId } from '../../seam/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import type { Candidate, RejectCode, RoomId } from '../contract.ts'
import type { RoomState, StateView } from './room-state.ts'

/** What rooms say to one another. The sender is the link's, never a field. Grammar in docs/wire.md. */
export type RoomMessage =
  /** Who is outside asks whoever it meets what room this is. Says so of itself: its process is in no room. */
  | { readonly kind: 'knock'; readonly version: number; readonly roomId: RoomId | null }
  | Here
  | Hello
  | { readonly kind: 'welcome'; readonly token: ResumeToken; readonly state: RoomState }
  | { readonly kind: 'reject'; readonly code: RejectCode; readonly retryable: boolean }
  | { readonly kind: 'roster'; readonly state: RoomState }
  /** The host renews a member's token. */
  | { readonly kind: 'token'; readonly token: ResumeToken }
  | { readonly kind: 'ping' | 'pong'; readonly id: number; readonly view: StateView }
  /** "Do you hear `target`?" Answered by `alive`, or by nothing. */
  | { readonly kind: 'probe' | 'alive'; readonly target: PeerId }
  | { readonly kind: 'presence'; readonly presence: 'here' | 'hidden' | 'away' }
  | { readonly kind: 'goodbye' }
  /** From the host to who takes itself for a member. */
  | { readonly kind: 'evicted'; readonly reason: 'expired' | 'kicked' | 'banned' }
  /** A host to its members: from now on `to` hosts, ask there. */
  | { readonly kind: 'yield'; readonly to: PeerId }
  /** One host to another of the same room: yield to me. */
  | { readonly kind: 'merge' }

/** A member says what room it is in. */
export interface Here {
  readonly kind: 'here'
  readonly version: number
  readonly roomId: RoomId
  readonly epoch: number
  readonly host: PeerId
  /** Members connected to the host, as far as the sender knows. */
  readonly connected: number
  /** To be signed with a token; good once. */
  readonly nonce: number
}

export interface Hello {
  readonly kind: 'hello'
  readonly version: number
  /** The nonce of the host's `here`. */
  readonly nonce: number
  /** The latest epoch the sender knows of this room. */
  readonly epoch: number
  readonly profile: Omit<Candidate, 'id'>
  /** The public key that a token is to be bound to. */
  readonly key: Uint8Array
  /** Proof of the room's password; empty without one. */
  readonly password: Uint8Array
  readonly token: ResumeToken | null
  /** Signature of the token's owner over this exchange; empty without a token. */
  readonly proof: Uint8Array
}

export const PROTOCOL_VERSION = 1
