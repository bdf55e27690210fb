import { utf8 } from '../../base/bytes.ts'
import { SIGNAL_BOUNDS, type SignalAddress } from '../../signal/protocol.ts'

/** What members of a room and its beacon say to each other through a PeerServer, which stamps each with its sender. */
export type BeaconWords =
  /** To the beacon: I am here. Said again and again. */
  | { readonly kind: 'hello'; readonly at: SignalAddress; readonly maxPeers: number }
  | { readonly kind: 'bye' }
  /** From the beacon: all who are here. `beacon` is the session of the member that it is. */
  | {
      readonly kind: 'here'
      readonly beacon: string
      readonly maxPeers: number
      readonly members: readonly RoomMember[]
    }
  | { readonly kind: 'full' }
  /** From a beacon that leaves. */
  | { readonly kind: 'gone' }
  /** From member to member. */
  | { readonly kind: 'signal'; readonly from: SignalAddress; readonly body: string }

export interface RoomMember extends SignalAddress {
  /** At the PeerServer. */
  readonly id: string
}

/** Members that a beacon lists. */
export const MAX_LISTED = 256

/** Names of the room's beacon at a PeerServer: who knows the room's address can tell them, and nobody else. */
export async function beaconOf(room: string): Promise<{ readonly id: string; readonly token: string }> {
  const named = async (what: string): Promise<string> =>
    toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(`selvage ${what} ${room}`)), 0, 16))
  const [id, token] = await Promise.all([named('beacon'), named('beacon token')])
  return { id, token }
}

/** A PeerServer passes on messages of this type whatever they hold; peerjs itself drops those that name no connection. */
const CARRIER_TYPE = 'CANDIDATE'

export function encodeWords(dst: string, words: BeaconWords): object {
  return { type: CARRIER_TYPE, dst, payload: { selvage: words } }
}

/** `null` for a message that is none of ours. */
export function decodeWords(message: unknown): { readonly src: string; readonly words: BeaconWords } | null {
  const { type, src, payload } = fieldsOf(message)
  if (type !== CARRIER_TYPE || !isText(src, SIGNAL_BOUNDS.peer)) return null
  const words = wordsOf(fieldsOf(fieldsOf(payload)['selvage']))
  return words === null ? null : { src, words }
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function wordsOf(fields: Readonly<Record<string, unknown>>): BeaconWords | null {
  const { kind, maxPeers } = fields
  switch (kind) {
    case 'hello': {
      const at = addressOf(fields['at'])
      return at === null || !isCapacity(maxPeers) ? null : { kind, at, maxPeers }
    }
    case 'here': {
      const { beacon } = fields
      const members = membersOf(fields['members'])
      if (members === null || !isText(beacon, SIGNAL_BOUNDS.session) || !isCapacity(maxPeers)) return null
      return { kind, beacon, maxPeers, members }
    }
    case 'signal': {
      const [from, body] = [addressOf(fields['from']), fields['body']]
      return from === null || !isText(body, SIGNAL_BOUNDS.body) ? null : { kind, from, body }
    }
    case 'bye':
    case 'full':
    case 'gone':
      return { kind }
    default:
      return null
  }
}

function membersOf(value: unknown): RoomMember[] | null {
  if (!Array.isArray(value) || value.length > MAX_LISTED) return null
  const members: RoomMember[] = []
  for (const entry of value as unknown[]) {
    const at = addressOf(entry)
    const { id } = fieldsOf(entry)
    if (at === null || !isText(id, SIGNAL_BOUNDS.peer)) return null
    members.push({ ...at, id })
  }
  return members
}

function addressOf(value: unknown): SignalAddress | null {
  const { peer, session } = fieldsOf(value)
  return isText(peer, SIGNAL_BOUNDS.peer) && isText(session, SIGNAL_BOUNDS.session) ? { peer, session } : null
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function isCapacity(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 2
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= max
}
