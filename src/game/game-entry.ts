import { ByteReader, ByteWriter, concatBytes, MalformedBytesError, wellFormed } from '../base/bytes.ts'
import type { PeerId } from '../seam/contract.ts'
import { MAX_SEATS } from './contract.ts'

/**
 * What the commands in a game's log say (grammar in docs/wire.md): the application's, or the table's own.
 * A log outlives the code that wrote it, so an entry this version cannot read is `unknown`, never an error.
 */
export type GameEntry =
  | { readonly kind: 'application'; readonly command: Uint8Array }
  /** The first entry of a game: how many seats there are, and the founder in seat 0. */
  | { readonly kind: 'founded'; readonly seatCount: number; readonly founder: PeerId }
  | { readonly kind: 'seated'; readonly seat: number; readonly peer: PeerId }
  | { readonly kind: 'unknown' }

/** Longest peer id that a seat entry or a presence frame may name, UTF-8 bytes. */
export const MAX_PEER_ID_BYTES = 255

const APPLICATION = 0
const TABLE = 1
const FOUNDED = 0
const SEATED = 1
const applicationKind = Uint8Array.of(APPLICATION)

export function encodeApplication(command: Uint8Array): Uint8Array {
  return concatBytes(applicationKind, command)
}

export function encodeFounded(seatCount: number, founder: PeerId): Uint8Array {
  return new ByteWriter().u8(TABLE).u8(FOUNDED).varint(seatCount).text(founder).finish()
}

export function encodeSeated(seat: number, peer: PeerId): Uint8Array {
  return new ByteWriter().u8(TABLE).u8(SEATED).varint(seat).text(peer).finish()
}

export function isApplication(bytes: Uint8Array): boolean {
  return bytes[0] === APPLICATION
}

export function decodeGameEntry(bytes: Uint8Array): GameEntry {
  if (isApplication(bytes)) return { kind: 'application', command: bytes.subarray(1) }
  return wellFormed(() => decodeTableEntry(new ByteReader(bytes))) ?? { kind: 'unknown' }
}

function decodeTableEntry(reader: ByteReader): GameEntry {
  if (reader.u8() !== TABLE) return { kind: 'unknown' }
  const kind = reader.u8()
  const number = reader.varint()
  const peer = readPeerId(reader)
  reader.end()
  if (kind === FOUNDED && number >= 1 && number <= MAX_SEATS)
    return { kind: 'founded', seatCount: number, founder: peer }
  if (kind === SEATED && number < MAX_SEATS) return { kind: 'seated', seat: number, peer }
  return { kind: 'unknown' }
}

/** A peer id of 1 to {@link MAX_PEER_ID_BYTES} bytes, else `MalformedBytesError`. */
export function readPeerId(reader: ByteReader): PeerId {
  const before = reader.remaining
  const peer = reader.text()
  if (peer.length === 0 || before - reader.remaining > MAX_PEER_ID_BYTES + 2)
    throw new MalformedBytesError('not a peer id')
  return peer
}
