import type { PeerId } from '../../seam/contract.ts'
import type { AdmissionPolicy, AwayReason, DepartureReason, RoomId } from '../contract.ts'
import { digestOf } from './digest.ts'

/** All that a host knows and every member holds a copy of. A state is never changed: the next one replaces it. */
export interface RoomState {
  readonly roomId: RoomId
  /** Counts the hosts. Of two states the one of the later epoch is the newer. */
  readonly epoch: number
  /** Counts the changes, over all epochs. */
  readonly version: number
  readonly host: PeerId
  readonly policy: AdmissionPolicy
  /** Whose signatures on tokens count: the founder, then each host, vouched for by an earlier one. The newest last. */
  readonly issuers: readonly Issuer[]
  /** What the next newcomer is ranked by. */
  readonly nextSeniority: number
  /** By seniority, the host included. */
  readonly members: readonly MemberRecord[]
  /** Those who went last, oldest first, at most {@link MAX_DEPARTED}. */
  readonly departed: readonly Departure[]
}

export interface MemberRecord {
  readonly id: PeerId
  /** The public key that its token is bound to. */
  readonly key: Uint8Array
  readonly name: string
  readonly deviceId: string | null
  readonly metadata: Uint8Array
  readonly spectator: boolean
  readonly hidden: boolean
  readonly seniority: number
  /** How often it came back with its token. */
  readonly resumes: number
  /** The id it had before its last return, where that was another. */
  readonly was: PeerId | null
  readonly away: Away | null
}

/** An open window. Times are on this peer's clock; on the wire they are relative. */
export interface Away {
  readonly reason: AwayReason
  readonly sinceMs: number
  readonly untilMs: number
}

export interface Departure {
  readonly id: PeerId
  readonly reason: DepartureReason
}

export interface Issuer {
  readonly epoch: number
  readonly id: PeerId
  readonly key: Uint8Array
  /** The credential by which an earlier issuer made it a member; empty for the founder. */
  readonly title: string
  /** When `title` was issued, milliseconds since the Unix epoch. */
  readonly titleIssuedAt: number
}

export const MAX_DEPARTED = 32
export const MAX_ISSUERS = 32

/** What of a state is compared in pings. */
export interface StateView {
  readonly epoch: number
  readonly version: number
  readonly digest: number
}

export const NO_VIEW: StateView = { epoch: 0, version: 0, digest: 0 }

export function viewOf(state: RoomState): StateView {
  return { epoch: state.epoch, version: state.version, digest: digestOf(state) }
}

export function isNewer(a: { epoch: number; version: number }, b: { epoch: number; version: number }): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version)
}

export function memberOf(state: RoomState | null, id: PeerId): MemberRecord | undefined {
  return state?.members.find((member) => member.id === id)
}

/** The next state with `id`'s record changed. */
export function withMember(state: RoomState, id: PeerId, change: Partial<MemberRecord>): RoomState {
  return next(state, { members: state.members.map((member) => (member.id === id ? { ...member, ...change } : member)) })
}

export function withNewMember(state: RoomState, member: Omit<MemberRecord, 'seniority'>): RoomState {
  return next(state, {
    members: [...state.members, { ...member, seniority: state.nextSeniority }],
    nextSeniority: state.nextSeniority + 1,
    departed: state.departed.filter(({ id }) => id !== member.id),
  })
}

export function withoutMember(state: RoomState, id: PeerId, reason: DepartureReason): RoomState {
  return next(state, {
    members: state.members.filter((member) => member.id !== id),
    departed: [...state.departed.filter((departure) => departure.id !== id), { id, reason }].slice(-MAX_DEPARTED),
  })
}

export function next(state: RoomState, change: Partial<RoomState>): RoomState {
  return { ...state, ...change, version: state.version + 1 }
}

/** The same state with every window `byMs` later: for time in which nobody could have come back. */
export function withWindowsMoved(state: RoomState, byMs: number): RoomState {
  return {
    ...state,
    members: state.members.map((member) =>
      member.away === null ? member : { ...member, away: { ...member.away, untilMs: member.away.untilMs + byMs } },
    ),
  }
}

/**
 * A copy that came over the wire, made ours: a window that we knew already keeps its times unless it truly moved,
 * since each copy is late by another delay.
 */
export function adopted(state: RoomState, earlier: RoomState | null): RoomState {
  return {
    ...state,
    members: state.members.map((member) => {
      const known = memberOf(earlier, member.id)?.away
      const { away } = member
      if (away === null || known == null || known.reason !== away.reason) return member
      return Math.abs(known.untilMs - away.untilMs) < SAME_WINDOW_MS ? { ...member, away: known } : member
    }),
  }
}

/** Two ends of a window that differ by less are the same. */
const SAME_WINDOW_MS = 1000
