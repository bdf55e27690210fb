import type { PeerId } from '../../seam/contract.ts'
import type { LocalFabric, Member, MembershipEvent } from '../contract.ts'
import type { Away, MemberRecord, RoomState } from './room-state.ts'

/** The members that one peer shows: the host's state, and what this peer alone knows of its host. */
export interface RosterView {
  readonly host: PeerId
  readonly members: readonly MemberRecord[]
  readonly departed: RoomState['departed']
}

/** `hostAway`: how this peer finds its host. */
export function viewMembers(state: RoomState, hostAway: Away | null): RosterView {
  const { host, members, departed } = state
  if (hostAway === null) return { host, members, departed }
  return {
    host,
    members: members.map((member) => (member.id === host ? { ...member, away: hostAway } : member)),
    departed,
  }
}

/** The roster as it is published: the others by seniority. */
export function rosterOf(view: RosterView, selfId: PeerId): ReadonlyMap<PeerId, Member> {
  const others = view.members.filter((member) => member.id !== selfId)
  return new Map(others.map((member) => [member.id, publicMember(member, view.host)]))
}

/** What a reader of events hears when `after` takes the place of `before`. */
export function eventsBetween(
  before: RosterView | null,
  after: RosterView,
  selfId: PeerId,
  localFabric: LocalFabric,
): MembershipEvent[] {
  const events: MembershipEvent[] = []
  const earlier = new Map(before?.members.map((member) => [member.id, member]))
  const renamed = new Set(after.members.map((member) => member.was).filter((was) => was !== null))
  for (const peer of earlier.keys()) {
    if (peer === selfId || renamed.has(peer) || after.members.some(({ id }) => id === peer)) continue
    const reason = after.departed.find(({ id }) => id === peer)?.reason ?? 'expired'
    events.push({ kind: 'left', peer, reason })
  }
  for (const member of after.members) {
    if (member.id === selfId) continue
    const known = earlier.get(member.id) ?? (member.was === null ? undefined : earlier.get(member.was))
    events.push(...changesOf(known, member, after.host, localFabric))
  }
  if (before !== null && before.host !== after.host) {
    events.push({ kind: 'host-changed', host: after.host, previous: before.host })
  }
  return events
}

function* changesOf(
  before: MemberRecord | undefined,
  after: MemberRecord,
  host: PeerId,
  localFabric: LocalFabric,
): Generator<MembershipEvent> {
  const peer = after.id
  if (before === undefined) yield { kind: 'joined', member: publicMember(after, host) }
  else if (after.resumes > before.resumes) {
    yield { kind: 'resumed', peer, was: before.id === peer ? null : before.id }
  } else if (before.away !== null && after.away === null) yield { kind: 'recovered', peer }
  if (after.away !== null && before?.away?.sinceMs !== after.away.sinceMs) {
    const { reason, untilMs } = after.away
    yield { kind: 'away', peer, reason, returnByMs: untilMs, localFabric }
  }
  if (before !== undefined && saysAnother(before, after)) yield { kind: 'updated', member: publicMember(after, host) }
}

function saysAnother(a: MemberRecord, b: MemberRecord): boolean {
  if (a.name !== b.name || a.deviceId !== b.deviceId || a.hidden !== b.hidden || a.spectator !== b.spectator)
    return true
  return a.metadata.length !== b.metadata.length || a.metadata.some((byte, i) => byte !== b.metadata[i])
}

function publicMember(member: MemberRecord, host: PeerId): Member {
  const { id, name, deviceId, metadata, spectator, hidden, away } = member
  return {
    id,
    name,
    deviceId,
    metadata,
    spectator,
    hidden,
    isHost: id === host,
    liveness:
      away === null
        ? { kind: 'connected' }
        : { kind: 'away', reason: away.reason, sinceMs: away.sinceMs, returnByMs: away.untilMs },
  }
}
