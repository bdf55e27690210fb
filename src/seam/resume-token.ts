import type { PeerId } from './contract.ts'

/**
 * What an admission leaves with a joiner, to come back as the same member after a lost connection. It
 * names the room and no server, so any server of the room's cluster can take it.
 */
export interface ResumeToken {
  /** Who was admitted. */
  readonly peerId: PeerId
  /** The room that admitted. */
  readonly roomId: string
  /** When, milliseconds since the Unix epoch. */
  readonly issuedAt: number
}
