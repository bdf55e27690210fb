import { utf8 } from '../base/bytes.ts'
import { DEFAULT_MAX_PEERS, type Pattern, type PeerId } from '../seam/contract.ts'
import { MAX_ID_BYTES, MAX_TEXT_BYTES } from './codec.ts'
import {
  MAX_LISTED_PEERS,
  MAX_MEMBERS,
  MAX_METADATA_BYTES,
  type AdmissionPolicy,
  type Candidate,
  type MemberProfile,
} from './contract.ts'

/** What goes into a hello, checked: misuse is a `RangeError` here and not a malformed frame there. */
export function checkedProfile(options: MemberProfile, selfId: PeerId): Omit<Candidate, 'id'> {
  const { memberName = selfId, deviceId = null, metadata = new Uint8Array(0), spectator = false } = options
  checkText('a member name', memberName, memberName === selfId ? MAX_ID_BYTES : MAX_TEXT_BYTES)
  if (deviceId !== null) checkText('a device id', deviceId, MAX_TEXT_BYTES)
  if (metadata.length > MAX_METADATA_BYTES) {
    throw new RangeError(`metadata of ${metadata.length} bytes: at most ${MAX_METADATA_BYTES}`)
  }
  return { name: memberName, deviceId, metadata: metadata.slice(), spectator }
}

export function checkedRoomId(roomId: string): string {
  checkText('a room id', roomId, MAX_ID_BYTES)
  return roomId
}

/** The rules of a new room, or those of `before` with `change`. */
export function checkedPolicy(change: Partial<AdmissionPolicy>, before: AdmissionPolicy): AdmissionPolicy {
  const policy = { ...before, ...definedOf(change) }
  for (const [name, count, least] of [
    ['maxMembers', policy.maxMembers, 1],
    ['maxSpectators', policy.maxSpectators, 0],
  ] as const) {
    if (!Number.isInteger(count) || count < least || count > MAX_MEMBERS) {
      throw new RangeError(`${name} is a whole number from ${least} to ${MAX_MEMBERS}, not ${count}`)
    }
  }
  if (policy.password !== null) checkText('a password', policy.password, MAX_TEXT_BYTES)
  for (const peers of [policy.allow ?? new Set<PeerId>(), policy.deny]) {
    if (peers.size > MAX_LISTED_PEERS)
      throw new RangeError(`a list of ${peers.size} peers: at most ${MAX_LISTED_PEERS}`)
    for (const peer of peers) checkText('a peer id', peer, MAX_ID_BYTES)
  }
  return { ...policy, allow: policy.allow === null ? null : new Set(policy.allow), deny: new Set(policy.deny) }
}

export function defaultPolicy(pattern?: Pattern): AdmissionPolicy {
  const maxMembers = Math.min(pattern?.maxPeers ?? DEFAULT_MAX_PEERS, MAX_MEMBERS)
  return { maxMembers, maxSpectators: 0, password: null, allow: null, deny: new Set(), locked: false }
}

function checkText(what: string, value: string, maxBytes: number): void {
  const { length } = utf8(value)
  if (length < 1 || length > maxBytes) throw new RangeError(`${what} is 1 to ${maxBytes} bytes of UTF-8, not ${length}`)
}

function definedOf<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
