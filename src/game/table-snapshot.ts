import { ByteReader, ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import { CorruptStateError } from '../base/errors.ts'
import type { PeerId } from '../seam/contract.ts'
import { MAX_SEATS, type Seat } from './contract.ts'
import { readPeerId } from './game-entry.ts'

/** What a game's snapshot holds: who sits where, and the application's state (grammar in docs/wire.md). */
export interface TableSnapshot {
  readonly seats: readonly Seat[]
  /** The application's bytes alone: a view of the snapshot's. */
  readonly state: Uint8Array
}

const VERSION = 1
const FREE = 0
const TAKEN = 1

export function encodeTableSnapshot({ seats, state }: TableSnapshot): Uint8Array {
  const writer = new ByteWriter(state.length + 64 + 32 * seats.length).u8(VERSION).varint(seats.length)
  for (const { peer } of seats) {
    if (peer === null) writer.u8(FREE)
    else writer.u8(TAKEN).text(peer)
  }
  return writer.raw(state).finish()
}

/** Throws `CorruptStateError` for what no session published: unlike an entry, a snapshot cannot be passed over. */
export function decodeTableSnapshot(bytes: Uint8Array): TableSnapshot {
  try {
    const reader = new ByteReader(bytes)
    const version = reader.u8()
    const count = reader.varint()
    if (version !== VERSION || count > MAX_SEATS) throw new MalformedBytesError('not the snapshot of a game')
    const seats = Array.from({ length: count }, (_, number) => ({ number, peer: readOccupant(reader) }))
    return { seats, state: reader.rest() }
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error
    throw new CorruptStateError('snapshot', `${error.message}; a game's node publishes through its session`, {
      cause: error,
    })
  }
}

function readOccupant(reader: ByteReader): PeerId | null {
  const taken = reader.u8()
  if (taken > TAKEN) throw new MalformedBytesError('a seat neither free nor taken')
  return taken === FREE ? null : readPeerId(reader)
}
