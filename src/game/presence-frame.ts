import { ByteReader, ByteWriter, MalformedBytesError, wellFormed } from '../base/bytes.ts'
import type { PeerId } from '../seam/contract.ts'
import { MAX_SEATS, type Seat } from './contract.ts'
import { readPeerId } from './game-entry.ts'

/** What a peer says of itself, and only of itself: the sender is the link's. */
export type Announcement =
  /** In the room, in no game. */
  | { readonly role: 'bystander' }
  /** About to found a game. */
  | { readonly role: 'founder' }
  /** Wants a seat: of game `gameId`, whose log it can take, or of any (`null`). */
  | { readonly role: 'joiner'; readonly gameId: string | null }
  /** Has a seat. With every seat taken, admission is closed. */
  | { readonly role: 'player'; readonly gameId: string; readonly lineage: string; readonly seats: readonly Seat[] }

export interface PresenceFrame {
  readonly announcement: Announcement
  /** The sender has nothing from the receiver yet and wants its announcement. */
  readonly asks: boolean
}

/** Longest game id or lineage, UTF-8 bytes. */
export const MAX_GAME_ID_BYTES = 64

const VERSION = 1
const ASKS = 1
const ROLES = ['bystander', 'founder', 'joiner', 'player'] as const

/** Grammar in docs/wire.md. */
export function encodePresence({ announcement, asks }: PresenceFrame): Uint8Array {
  const writer = new ByteWriter()
    .u8(VERSION)
    .u8(asks ? ASKS : 0)
    .u8(ROLES.indexOf(announcement.role))
  if (announcement.role === 'joiner') writer.text(announcement.gameId ?? '')
  if (announcement.role === 'player') {
    const taken = announcement.seats.filter((seat) => seat.peer !== null)
    writer.text(announcement.gameId).text(announcement.lineage).varint(announcement.seats.length).varint(taken.length)
    for (const seat of taken) writer.varint(seat.number).text(seat.peer ?? '')
  }
  return writer.finish()
}

/** `null` for anything that is not a frame of this version. */
export function decodePresence(bytes: Uint8Array): PresenceFrame | null {
  return wellFormed(() => {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== VERSION) return null
    const flags = reader.u8()
    const announcement = readAnnouncement(reader)
    reader.end()
    return announcement === null || flags > ASKS ? null : { announcement, asks: flags === ASKS }
  })
}

function readAnnouncement(reader: ByteReader): Announcement | null {
  const role = ROLES[reader.u8()]
  if (role === 'bystander' || role === 'founder') return { role }
  if (role === 'joiner') {
    const gameId = readId(reader)
    return { role, gameId: gameId === '' ? null : gameId }
  }
  if (role !== 'player') return null
  const gameId = readId(reader)
  const lineage = readId(reader)
  const seats = readSeats(reader)
  return gameId === '' || seats === null ? null : { role, gameId, lineage, seats }
}

/** Ascending seat numbers, no peer twice. */
function readSeats(reader: ByteReader): readonly Seat[] | null {
  const count = reader.varint()
  const taken = reader.varint()
  if (count > MAX_SEATS || taken > count) return null
  const peers = new Map<number, PeerId>()
  let last = -1
  for (let i = 0; i < taken; i++) {
    const number = reader.varint()
    if (number <= last || number >= count) return null
    last = number
    peers.set(number, readPeerId(reader))
  }
  if (new Set(peers.values()).size !== peers.size) return null
  return Array.from({ length: count }, (_, number) => ({ number, peer: peers.get(number) ?? null }))
}

function readId(reader: ByteReader): string {
  const before = reader.remaining
  const id = reader.text()
  if (before - reader.remaining > MAX_GAME_ID_BYTES + 1) throw new MalformedBytesError('not a game id')
  return id
}
