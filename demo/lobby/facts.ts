import type { ServerHealth } from 'selvage/webrtc'
import type { Fabric } from '../fabric.ts'
import type { Link } from '../link-watch.ts'
import type { Obstacle } from '../obstacle.ts'
import type { Count } from '../patience.ts'

/**
 * All that the lobby knows, as one value: the visit (`visit.ts`) changes it, the words (`words.ts`) and the page draw
 * from it, and nothing else is remembered anywhere.
 */
export interface Facts {
  /** How far this tab has come: at the door it waits for a name, and `over` is any end that needs a decision. */
  readonly stage: 'door' | 'opening' | 'looking' | 'knocking' | 'inside' | 'over'
  readonly errand: 'create' | 'join' | 'return'
  /** What carries what is said. */
  readonly fabric: Fabric
  /** Whether the address names a room. */
  readonly invited: boolean
  readonly over: Over | null
  /** How the page looks again by itself after an end; `null` where that is left to the person. */
  readonly looking: Count | null
  readonly name: string
  /** The other members, by seniority. */
  readonly people: readonly Person[]
  readonly isHost: boolean
  /** Who hosted before, where that has changed while we were a member; `me` for ourselves. */
  readonly hostedBefore: { readonly id: string; readonly name: string } | 'me' | null
  readonly isLocked: boolean
  /** A member that is on its way back in. */
  readonly isReturning: boolean
  /** The place was given up while we were away, and we came in as a newcomer. */
  readonly cameAnew: boolean
  /** What the browser says of its own network. */
  readonly isOnline: boolean
  /** What the room says of ours. */
  readonly isCutOff: boolean
  readonly signalling: 'none' | 'attached' | 'searching'
  /** All signalling servers of the list, and how each does. */
  readonly servers: readonly ServerHealth[]
  /** The browser keeps nothing for this page. */
  readonly isForgetful: boolean
  /** The address to give to others. */
  readonly invite: string | null
}

export interface Person {
  readonly id: string
  readonly name: string
  readonly isHost: boolean
  /** `looks-away`: its page is in the background; `returning`: away, and a link to it is being made. */
  readonly presence: 'here' | 'looks-away' | 'away' | 'returning'
  /** Said so itself, by closing or reloading its page. */
  readonly wentAway: boolean
  /** How it is reached. */
  readonly link: Link
  /** For how long its place is still held, whole seconds; `null` while it is here. */
  readonly heldForS: number | null
}

/** Why this tab is not in the room. */
export type Over =
  | 'invalid-link'
  | 'room-not-found'
  | 'no-server'
  | 'no-answer'
  | 'no-link'
  | 'room-full'
  | 'room-locked'
  | 'banned'
  | 'refused'
  | 'other-version'
  | 'kicked'
  | 'left'
  | 'unreachable'
  | Obstacle
  | 'storage-failed'
  | 'unknown'

export const initialFacts: Facts = {
  stage: 'door',
  errand: 'create',
  fabric: 'webrtc',
  invited: false,
  over: null,
  looking: null,
  name: '',
  people: [],
  isHost: false,
  hostedBefore: null,
  isLocked: false,
  isReturning: false,
  cameAnew: false,
  isOnline: true,
  isCutOff: false,
  signalling: 'none',
  servers: [],
  isForgetful: false,
  invite: null,
}

const BY_CODE: Readonly<Record<string, Over>> = {
  RoomNotFoundError: 'room-not-found',
  RoomFullError: 'room-full',
  SignalingUnavailableError: 'no-server',
  JoinTimeoutError: 'no-answer',
  LinkFailedError: 'no-link',
  InsecureContextError: 'insecure',
  StorageFailedError: 'storage-failed',
  StorageLockedError: 'storage-failed',
  CorruptStateError: 'storage-failed',
  SeamTornError: 'unreachable',
  ClosedError: 'unreachable',
}

const BY_REASON: Readonly<Record<string, Over>> = {
  'room-full': 'room-full',
  'room-locked': 'room-locked',
  'protocol-mismatch': 'other-version',
  banned: 'banned',
  kicked: 'kicked',
}

/** What an error of the library means to the person at the page: told apart by its code, a refusal by its reason. */
export function overOf(error: unknown): Over {
  const { code, reason } = Object(error) as { readonly code?: unknown; readonly reason?: unknown }
  if (code === 'AdmissionRefusedError') return lookUp(BY_REASON, reason) ?? 'refused'
  return lookUp(BY_CODE, code) ?? 'unknown'
}

/** A token that brings nobody back any more; as a newcomer its owner may be welcome. */
export function isPlaceGivenUp(error: unknown): boolean {
  const { code, reason } = Object(error) as { readonly code?: unknown; readonly reason?: unknown }
  return code === 'AdmissionRefusedError' && (reason === 'resume-window-expired' || reason === 'resume-token-invalid')
}

/** Whether what ended may be well again in a moment, by nothing that this person does. */
export function isWorthWaiting(over: Over): boolean {
  return ['room-not-found', 'no-server', 'no-answer', 'room-full', 'room-locked'].includes(over)
}

function lookUp(table: Readonly<Record<string, Over>>, key: unknown): Over | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined
}
