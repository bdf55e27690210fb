import type { EntryPass } from './entry-pass.ts'
import type { ConnectionId, Entrant, Occupant } from './backplane.ts'
import type { LeftWhy } from './protocol.ts'
import type { SignalRoom } from './signal-room.ts'
import type { TokenBucket } from './token-bucket.ts'

/** What a hub knows of one connection. */
export interface HubConnection {
  readonly id: ConnectionId
  /** Where it comes from, where that counts. */
  readonly address: string | undefined
  readonly pass: EntryPass
  readonly bucket: TokenBucket
  readonly relayBucket: TokenBucket
  lastSeenMs: number
  /** Since when it has had no place. */
  placelessSinceMs: number
  /** Messages refused in a row for coming too fast. */
  refused: number
  /** False once it has gone; it is kept only until its attach is answered. */
  open: boolean
  place: Place
}

export type Place =
  | { readonly kind: 'none' }
  /** `leaving`: it went, or asked to leave, before the answer came; `null`: it did not. */
  | { readonly kind: 'entering'; readonly room: string; readonly entrant: Entrant; leaving: LeftWhy | null }
  | AttachedPlace

export interface AttachedPlace {
  readonly kind: 'attached'
  readonly room: SignalRoom<Occupant>
  readonly occupant: Occupant
  readonly sessionSecret: string
}

export const NOWHERE: Place = { kind: 'none' }
