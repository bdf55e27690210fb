import { newRoomSecret, SignalTag } from 'selvage/webrtc'

/** What a link of this demo leads to. */
export type Kind = 'tic-tac-toe' | 'lobby'

/**
 * The table, or room, that an address names in its fragment; `null` without one. Throws a `TypeError` at half of one:
 * without its secret a link would name a public room, and these are private.
 */
export function invitationIn(address: string, kind: Kind): SignalTag | null {
  if (new URL(address).hash.length <= 1) return null
  const { room, secret } = SignalTag.fromURL(address)
  if (room !== kind || secret === undefined) throw new TypeError(`this link names no ${kind}`)
  return new SignalTag({ room, secret })
}

/** A new one: 128 random bits that only those who are given the link know. */
export function newInvitation(kind: Kind): SignalTag {
  return new SignalTag({ room: kind, secret: newRoomSecret() })
}

/**
 * Under which name this browser keeps its places there. A digest, because names of databases are
 * seen by people and tools that need not know the secret.
 */
export async function placeNameOf(invitation: SignalTag): Promise<string> {
  const fragment = invitation.toURL('https://selvage.invalid/').hash
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(fragment))
  return `${invitation.sessionName} ${[...new Uint8Array(digest, 0, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * Which tab founded a table, kept for the tab: after a reload before anything else was stored it founds again
 * instead of looking for a host. It counts for one place only, since a duplicated tab inherits the note.
 */
export const founderNote = {
  write(table: string, place: number): void {
    try {
      sessionStorage.setItem(`founded ${table}`, String(place))
    } catch {
      // Refused: a reload of the founder then finds the game in its storage, or nobody.
    }
  },
  holds(table: string, place: number): boolean {
    try {
      return sessionStorage.getItem(`founded ${table}`) === String(place)
    } catch {
      return false
    }
  },
}
