import type { CreateRoom, LeftWhy, SignalAddress, SignalErrorCode } from './protocol.ts'

/** Names a connection within its server; the driver chooses, and uses each once. */
export type ConnectionId = number

/**
 * Names one run of one server. A server that lost its backplane and finds it again is a new one, which
 * takes over what it still holds.
 */
export type ServerId = string

/** An attachment, and where it is reached. */
export interface Occupant extends SignalAddress {
  readonly server: ServerId
  readonly connection: ConnectionId
}

/** An attachment as its own server knows it, and as it enters. */
export interface Entrant extends SignalAddress {
  readonly connection: ConnectionId
  readonly sessionSecret: string
}

/** What a server asks of the rooms that it shares with others. */
export type BackplaneRequest =
  /** Answered by `entered` or `refused`. `canCreate: false`: no room may begin with it. */
  | {
      readonly kind: 'enter'
      readonly room: string
      readonly entrant: Entrant
      readonly create: CreateRoom
      readonly canCreate: boolean
      /** Capacity of a room that begins with it. */
      readonly maxPeers: number
      readonly maxSessionsPerPeer: number
    }
  /** Not answered. Nothing happens where another connection has taken the place. */
  | {
      readonly kind: 'leave'
      readonly room: string
      readonly at: SignalAddress
      readonly connection: ConnectionId
      readonly why: LeftWhy
    }
  /** Hands on what one occupant says to another, which is reached through another server. Not answered. */
  | {
      readonly kind: 'signal'
      readonly room: string
      readonly from: SignalAddress
      readonly to: Occupant
      readonly body: string
    }
  /** As `signal`, for bytes. */
  | {
      readonly kind: 'relay'
      readonly room: string
      readonly from: SignalAddress
      readonly to: Occupant
      readonly payload: Uint8Array
    }
  /**
   * After a loss: these are here, and what the server of the name `previous` held of them is theirs. Nobody is
   * refused, whatever the capacity. Answered by `roster`.
   */
  | {
      readonly kind: 'restore'
      readonly room: string
      readonly maxPeers: number
      readonly entrants: readonly Entrant[]
      readonly previous: ServerId
    }

/**
 * What a server is told. All that happens in one room happens in one order, and every server that has an
 * occupant in it is told of it in that order; its own leaving, nobody is told back.
 */
export type BackplaneEvent =
  /** From now on requests are taken, in the name of `server`. */
  | { readonly kind: 'up'; readonly server: ServerId }
  /** Requests are dropped, and those not answered yet will not be. */
  | { readonly kind: 'down' }
  | {
      readonly kind: 'entered'
      readonly connection: ConnectionId
      readonly room: string
      readonly created: boolean
      readonly maxPeers: number
      /** Everybody else. */
      readonly others: readonly Occupant[]
    }
  | { readonly kind: 'refused'; readonly connection: ConnectionId; readonly code: RoomRefusal; readonly limit: number }
  /** Somebody came, or an occupant that was there is reached elsewhere from now on. */
  | { readonly kind: 'joined'; readonly room: string; readonly occupant: Occupant }
  | { readonly kind: 'left'; readonly room: string; readonly occupant: Occupant; readonly why: LeftWhy }
  | {
      readonly kind: 'signal'
      readonly room: string
      readonly from: SignalAddress
      readonly to: SignalAddress
      readonly body: string
    }
  | {
      readonly kind: 'relay'
      readonly room: string
      readonly from: SignalAddress
      readonly to: SignalAddress
      readonly payload: Uint8Array
    }
  /** Everybody in the room, this server's own included. */
  | { readonly kind: 'roster'; readonly room: string; readonly occupants: readonly Occupant[] }

/** Why a room does not take somebody. */
export type RoomRefusal = Extract<
  SignalErrorCode,
  'room-not-found' | 'room-taken' | 'room-full' | 'session-taken' | 'too-many-sessions' | 'too-many-rooms'
>

/** One server's line to the rooms that several servers share, so that together they are one. */
export interface Backplane {
  /**
   * Resolves once the first `up` was told. From then on a loss is told by `down`, and its end by another `up`;
   * nothing is told after {@link close}.
   */
  open(onEvent: (event: BackplaneEvent) => void): Promise<void>
  /** Never throws; dropped while down. Requests are carried out in the order in which they were made. */
  ask(request: BackplaneRequest): void
  /** Whatever this server still holds is given up, and the others are told. Idempotent. */
  close(): Promise<void>
}
