/// <reference lib="esnext.disposable" preserve="true" />
import type { Clock } from '../base/clock.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { PeerId, PeerIdentity, Seam, SendOptions, WaitOptions } from '../seam/contract.ts'
import type { ResumeToken } from '../seam/resume-token.ts'

/*
 * A room says who is here. One member hosts: it admits, keeps the roster and decides who is away; every other
 * member holds a copy of all that it knows, so that any of them can take over. core/ decides (RoomCore: one
 * input in, effects out), SeamRoom drives it over a seam, SeamRoomFactory makes rooms. What the host says is
 * a level, the room's whole state under (epoch, version), never a list of changes: who missed one is healed by
 * the next, and events are what differs between two of them.
 */

/** Names one instance of a room, whoever hosts it. 1 to 255 bytes. */
export type RoomId = string

/** Who decides, and who asks. It moves when the host goes. */
export type RoomRole = 'host' | 'joiner'

/** A membership over a seam: what {@link RoomFactory} makes. */
export interface Room extends AsyncDisposable {
  /** Changes only with {@link Room.reattach} to a seam of another peer id. */
  readonly selfId: PeerId
  readonly role: ReadableAtom<RoomRole>
  readonly status: ReadableAtom<RoomStatus>
  /** The other members, by seniority; never oneself. The level: {@link events} are hints of its changes. */
  readonly roster: ReadableAtom<ReadonlyMap<PeerId, Member>>
  /** Who hosts; `null` before the first admission and after the end. */
  readonly host: ReadableAtom<PeerId | null>
  /** `null` for a joiner that is not admitted yet; then the same for good. */
  readonly roomId: ReadableAtom<RoomId | null>
  /** `lost` while nobody at all is heard: what is away then may be here, and we may not. */
  readonly localFabric: ReadableAtom<LocalFabric>
  /** The rules in force; a host changes them with {@link setPolicy}. */
  readonly policy: ReadableAtom<AdmissionPolicy>
  /** The newest 256 unread (`MAX_UNREAD_EVENTS`), then live; for one reader at a time, ends with the room. */
  readonly events: AsyncIterable<MembershipEvent>
  /** What members sent with {@link broadcast} and {@link sendTo}; one reader at a time, ends with the room. */
  readonly incoming: AsyncIterable<RoomFrame>
  /** The way back in, from admission on: keep it where a reload finds it. Renewed as it ages. */
  readonly resumeToken: ResumeToken | null
  /** Goes on over another seam; as a joiner it resumes there by itself, under its own token. */
  reattach(seam: Seam): void
  /**
   * Asks to be let back in. Already in: `success`, nothing done. Calls under way share one request; bounded by
   * `resumeTimeoutMs`. A token of another room, or of somebody else, is refused.
   */
  resume(token: ResumeToken, options?: WaitOptions): Promise<ResumeResult>
  /**
   * A seam among the members, the same object for as long as it is open; the same name and class on both sides.
   * Closing it closes no other. Throws a `RangeError` for a name outside 1 to 255 bytes, a `TypeError` for an
   * open channel under another class.
   */
  channel(id: string, options?: ChannelOptions): Seam
  /** To every other member, also to those away: kept for them as in a `kept` channel. Does nothing once the room has ended. */
  broadcast(payload: Uint8Array, options?: SendOptions): Promise<void>
  /** Rejects with `PeerNotConnectedError` for who is no member. Does nothing once the room has ended. */
  sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void>
  /**
   * Tells the others that this page is being hidden (`hidden`: still there, but not to host next), is about to
   * freeze or unload (`away`: the window opens at once), or is back (`here`).
   */
  announce(presence: 'here' | 'hidden' | 'away'): void
  /** Host only (`NotHostError`): changes the rules for those who come from now on. */
  setPolicy(change: Partial<AdmissionPolicy>): void
  /** Host only: ends a membership and its token. With `ban` the peer is denied from now on. */
  kick(peer: PeerId, options?: { readonly ban?: boolean | undefined }): void
  /** Says goodbye, hands the room over if this peer hosts it, and closes the seam. Idempotent, never rejects. */
  leave(): Promise<void>
}

export interface Member {
  readonly id: PeerId
  /** Chosen by the member; the peer id where it chose none. */
  readonly name: string
  /** Chosen by the member, proves nothing. */
  readonly deviceId: string | null
  /** The application's own, at most {@link MAX_METADATA_BYTES}. */
  readonly metadata: Uint8Array
  readonly spectator: boolean
  readonly isHost: boolean
  /** Its page is in the background. */
  readonly hidden: boolean
  readonly liveness: MemberLiveness
}

/** Times are on the room's clock (`clock.now()`). */
export type MemberLiveness =
  | { readonly kind: 'connected' }
  /** Its place is held until `returnByMs`. */
  | { readonly kind: 'away'; readonly reason: AwayReason; readonly sinceMs: number; readonly returnByMs: number }

/**
 * Why somebody is taken to be away: silence, a closed link, a link that takes no more frames, its own word, or
 * a new host that has not heard of it.
 */
export type AwayReason = 'timeout' | 'transport-closed' | 'back-pressure' | 'announced' | 'host-changed'

export type LocalFabric = 'up' | 'lost'

export type RoomStatus =
  /** Not admitted yet. */
  | { readonly kind: 'joining' }
  | { readonly kind: 'member' }
  /** Admitted, and on the way back in: the seam tore, or another host has to take us in. */
  | { readonly kind: 'rejoining' }
  | { readonly kind: 'ended'; readonly reason: EndReason }

export type EndReason = 'left' | 'kicked' | 'banned' | 'refused' | 'unreachable'

/** Why a member is one no longer. */
export type DepartureReason = 'left' | 'expired' | 'kicked' | 'banned'

/** Hints: what differs between two states of the roster. */
export type MembershipEvent =
  | { readonly kind: 'joined'; readonly member: Member }
  | { readonly kind: 'left'; readonly peer: PeerId; readonly reason: DepartureReason }
  | {
      readonly kind: 'away'
      readonly peer: PeerId
      readonly reason: AwayReason
      readonly returnByMs: number
      readonly localFabric: LocalFabric
    }
  /** It was never gone: the same process is heard again. */
  | { readonly kind: 'recovered'; readonly peer: PeerId }
  /** It came back with its token; `was`: under another peer id. */
  | { readonly kind: 'resumed'; readonly peer: PeerId; readonly was: PeerId | null }
  | { readonly kind: 'updated'; readonly member: Member }
  | { readonly kind: 'host-changed'; readonly host: PeerId; readonly previous: PeerId }
  /** Frames for us that did not fit the bound while we were away are gone; `null`: on the room's own stream. */
  | { readonly kind: 'missed'; readonly peer: PeerId; readonly channel: string | null; readonly frames: number }
  | { readonly kind: 'local-fabric'; readonly state: LocalFabric }
  | { readonly kind: 'ended'; readonly reason: EndReason }

export interface RoomFrame {
  readonly sender: PeerId
  readonly payload: Uint8Array
}

export interface ChannelOptions {
  /**
   * `kept` (default): every member is listed, and frames for one who is away inside its window wait for it, in
   * order and once. `present`: who is linked is listed, and a link that is lost takes its frames with it, as on
   * a bare seam: for protocols that repair their own losses, such as a game's.
   */
  readonly whileAway?: 'kept' | 'present' | undefined
  /** Bytes kept for each member of a `kept` channel. Past it the member is unlisted until its return, and told. Default 262,144. */
  readonly keepBytes?: number | undefined
}

/** Who may come in. All of it passes to the next host. */
export interface AdmissionPolicy {
  /** Members that are no spectators, the host included. Default: the pattern's `maxPeers`, else 8. */
  readonly maxMembers: number
  /** Default 0. Members and spectators together are at most {@link MAX_MEMBERS}. */
  readonly maxSpectators: number
  /** Known to every member; newcomers prove that they know it. 1 to 128 bytes, `null` for none. */
  readonly password: string | null
  /** Only these, or anybody (`null`). */
  readonly allow: ReadonlySet<PeerId> | null
  /** Never these. */
  readonly deny: ReadonlySet<PeerId>
  /** Nobody new; members come back all the same. */
  readonly locked: boolean
}

/** Who asks to come in. The id is the link's; the rest is its own word. */
export interface Candidate {
  readonly id: PeerId
  readonly name: string
  readonly deviceId: string | null
  readonly metadata: Uint8Array
  readonly spectator: boolean
}

/** Known reject codes. The set is open: an unknown one is retryable. */
export type RejectCode =
  | 'protocol-mismatch'
  | 'room-mismatch'
  | 'resume-window-not-yet-open'
  | 'resume-window-expired'
  | 'resume-token-invalid'
  | 'room-full'
  | 'room-locked'
  | 'wrong-password'
  | 'not-allowed'
  | 'banned'
  | 'kicked'
  | 'refused'
  | (string & {})

export type ResumeResult =
  | { readonly kind: 'success' }
  | { readonly kind: 'refused'; readonly code: RejectCode; readonly retryable: boolean }
  | { readonly kind: 'timed-out' }

export interface RoomTiming {
  /** Silence after which a member is asked for a sign of life, milliseconds. Default 2000. */
  readonly intervalMs?: number | undefined
  /** Silence that is never taken for absence, whatever the round trip. Default 3 intervals. */
  readonly minTimeoutMs?: number | undefined
  /** Silence that always is. Default 15 000. */
  readonly maxTimeoutMs?: number | undefined
  /** How long an absent member's place is held. Default 60 000. */
  readonly windowMs?: number | undefined
  /** How long `join` waits to be admitted. Default 30 000. */
  readonly admitTimeoutMs?: number | undefined
  /** How long `resume` waits for an answer. Default 15 000. */
  readonly resumeTimeoutMs?: number | undefined
  /** How long a token is good. Default a day. */
  readonly tokenLifeMs?: number | undefined
}

/** What a peer says of itself. */
export interface MemberProfile {
  /** 1 to 128 bytes. Default: the peer id. */
  readonly memberName?: string | undefined
  /** At most 128 bytes. */
  readonly deviceId?: string | undefined
  readonly metadata?: Uint8Array | undefined
  /** Comes in to watch: does not count as a member, and never hosts while a member can. */
  readonly spectator?: boolean | undefined
}

export interface RoomOptions extends RoomTiming {
  /** Signs tokens and proves whose they are. Left out: a key that lives with the room, so that a reload cannot resume. */
  readonly identity?: PeerIdentity | undefined
  /** Checks signatures of `identity`'s kind. Default: ECDSA P-256, as `createPeerIdentity` makes. */
  readonly verify?: ((publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => Promise<boolean>) | undefined
  /** Rules for rooms that this factory hosts. */
  readonly policy?: Partial<AdmissionPolicy> | undefined
  /** The password to come in with. */
  readonly password?: string | undefined
  /** Asked by whoever hosts, after the policy. A throw refuses. Answering takes at most `admitTimeoutMs`. */
  readonly admit?: ((candidate: Candidate) => AdmissionAnswer | Promise<AdmissionAnswer>) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export type AdmissionAnswer =
  | { readonly kind: 'admit' }
  | { readonly kind: 'refuse'; readonly code?: RejectCode | undefined; readonly retryable?: boolean | undefined }

export interface HostRoomOptions extends MemberProfile, WaitOptions {
  /** Default: minted, unlike any other. */
  readonly roomId?: RoomId | undefined
}

export interface JoinRoomOptions extends MemberProfile, WaitOptions {
  /** Comes back as the member that it was given to, and never as a stranger. */
  readonly token?: ResumeToken | undefined
}

export interface AdoptRoomOptions extends HostRoomOptions, JoinRoomOptions {
  readonly role: RoomRole
}

/** Members and spectators of one room. */
export const MAX_MEMBERS = 64

export const MAX_METADATA_BYTES = 1024

/** Peers on each list of a policy. */
export const MAX_LISTED_PEERS = 128

/** What a kept channel holds for each absent member unless told otherwise, bytes. */
export const DEFAULT_KEEP_BYTES = 262_144
