import type { PeerId } from '../../seam/contract.ts'
import { MAX_MEMBERS, type AdmissionAnswer, type RejectCode } from '../contract.ts'
import { type Hello, PROTOCOL_VERSION } from './message.ts'
import { memberOf, type MemberRecord, type RoomState } from './room-state.ts'

/** What the host's driver found out about a hello, which takes cryptography and the application's own answer. */
export interface Vetting {
  readonly token: 'none' | 'good' | 'expired' | 'invalid'
  readonly passwordKnown: boolean
  /** `null`: not asked, since this was no newcomer. */
  readonly answer: AdmissionAnswer | null
}

export interface Refusal {
  readonly code: RejectCode
  readonly retryable: boolean
}

export type Verdict =
  /** It was a member when it was vetted, and is none now. */
  | { readonly kind: 'vet again' }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  | { readonly kind: 'admit' }
  | { readonly kind: 'refresh'; readonly record: MemberRecord }
  | { readonly kind: 'resume'; readonly record: MemberRecord }

/** Whether a hello is worth vetting: what can be told from the state alone, the version first. */
export function gate(state: RoomState, from: PeerId, hello: Hello): Refusal | null {
  if (hello.version !== PROTOCOL_VERSION) return terminal('protocol-mismatch')
  if (hello.token !== null) return hello.token.roomId === state.roomId ? null : terminal('resume-token-invalid')
  return memberOf(state, from) === undefined ? newcomerGate(state, from, hello) : null
}

/** The host's decision. `isHere`: who is connected, and heard of late. */
export function judge(
  state: RoomState,
  from: PeerId,
  hello: Hello,
  vetting: Vetting,
  isHere: (peer: PeerId) => boolean,
): Verdict {
  const refusal = gate(state, from, hello)
  if (refusal !== null) return { kind: 'refuse', refusal }
  if (hello.token !== null) return judgeReturn(state, from, hello.token.peerId, vetting, isHere)
  const record = memberOf(state, from)
  if (record !== undefined) return { kind: 'refresh', record }
  if (vetting.answer === null) return { kind: 'vet again' }
  if (!vetting.passwordKnown) return { kind: 'refuse', refusal: terminal('wrong-password') }
  if (vetting.answer.kind === 'admit') return { kind: 'admit' }
  const { code = 'refused', retryable = false } = vetting.answer
  return { kind: 'refuse', refusal: { code, retryable } }
}

function judgeReturn(
  state: RoomState,
  from: PeerId,
  owner: PeerId,
  { token }: Vetting,
  isHere: (peer: PeerId) => boolean,
): Verdict {
  if (token === 'expired') return { kind: 'refuse', refusal: terminal('resume-window-expired') }
  if (token !== 'good') return { kind: 'refuse', refusal: terminal('resume-token-invalid') }
  const record = memberOf(state, owner)
  // It is back already and asks again, not having heard our answer.
  const moved = memberOf(state, from)
  if (record === undefined && moved?.was === owner) return { kind: 'resume', record: moved }
  if (record === undefined) {
    const reason = state.departed.find(({ id }) => id === owner)?.reason
    const code = reason === 'kicked' || reason === 'banned' ? reason : 'resume-window-expired'
    return { kind: 'refuse', refusal: terminal(code) }
  }
  if (from === owner) return { kind: 'resume', record }
  // Another process with the owner's key: only one of the two can be the member, and the one who is here is.
  if (owner === state.host || isHere(owner)) {
    return { kind: 'refuse', refusal: { code: 'resume-window-not-yet-open', retryable: true } }
  }
  if (moved !== undefined) return { kind: 'refuse', refusal: terminal('resume-token-invalid') }
  return { kind: 'resume', record }
}

function newcomerGate(state: RoomState, from: PeerId, { profile }: Hello): Refusal | null {
  const { policy, members } = state
  if (policy.deny.has(from)) return terminal('banned')
  if (policy.allow !== null && !policy.allow.has(from)) return terminal('not-allowed')
  if (policy.locked) return { code: 'room-locked', retryable: true }
  const alike = members.filter((member) => member.spectator === profile.spectator).length
  const places = profile.spectator ? policy.maxSpectators : policy.maxMembers
  if (alike >= places || members.length >= MAX_MEMBERS) return { code: 'room-full', retryable: true }
  return null
}

function terminal(code: RejectCode): Refusal {
  return { code, retryable: false }
}
