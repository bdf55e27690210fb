import type { PeerId } from './contract.ts'

/**
 * What an admission leaves with a member, to come back as the same member after a lost connection. It
 * names the room and no server, so any server of the room's cluster can take it. Plain data: it can be
 * kept as JSON. Only its owner can use it, because a room asks for a signature of the owner's key with it.
 */
export interface ResumeToken {
  /** Who was admitted. */
  readonly peerId: PeerId
  /** The room that admitted. */
  readonly roomId: string
  /** When, milliseconds since the Unix epoch. */
  readonly issuedAt: number
  /** Until when it is good, milliseconds since the Unix epoch. */
  readonly expiresAt?: number | undefined
  /** The host's signature over all of it and over the owner's key; base64url. A room refuses a token without one. */
  readonly credential?: string | undefined
}
