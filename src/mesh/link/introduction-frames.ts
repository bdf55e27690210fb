import { type ByteReader, ByteWriter, fromUtf8, MalformedBytesError, utf8 } from '../../base/bytes.ts'
import { PayloadTooLargeError } from '../../base/errors.ts'
import { SIGNAL_BOUNDS, type SignalAddress } from '../../signal/protocol.ts'

/** What linked peers say to each other for the sake of third ones (`introductions.ts`). */
export type Introduction =
  /** Whom the sender is linked with: what has changed since it last said so over this link. */
  | { readonly kind: 'roster'; readonly came: readonly Introduced[]; readonly went: readonly SignalAddress[] }
  /** `hand-on`: for the member at `address`. `handed-on`: what the one at `address` asked the sender to hand on. */
  | { readonly kind: 'hand-on' | 'handed-on'; readonly address: SignalAddress; readonly body: string }

export interface Introduced {
  readonly at: SignalAddress
  /** Whether the sender carries bytes between it and others: it is linked with it directly. */
  readonly carries: boolean
}

export const ROSTER = 11
export const CARRY = 12

/** Largest body that is handed on, bytes of UTF-8: with its head it fits the smallest message that any link takes. */
export const MAX_CARRIED_BYTES = 15_360

/** Members that one linked peer may tell of, and so the most that come or go in one roster frame. */
export const MAX_INTRODUCED = 64

/** Throws {@link PayloadTooLargeError} for a body over {@link MAX_CARRIED_BYTES}. */
export function encodeIntroduction(say: Introduction): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(128)
  if (say.kind === 'roster') {
    writer.u8(ROSTER)
    writer.varint(say.came.length)
    for (const { at, carries } of say.came) writer.text(at.peer).text(at.session).flag(carries)
    writer.varint(say.went.length)
    for (const at of say.went) writer.text(at.peer).text(at.session)
    return writer.finish()
  }
  const body = utf8(say.body)
  if (body.length > MAX_CARRIED_BYTES) throw new PayloadTooLargeError(body.length, MAX_CARRIED_BYTES)
  writer.u8(CARRY).u8(say.kind === 'hand-on' ? 0 : 1)
  return writer.text(say.address.peer).text(say.address.session).raw(body).finish()
}

/** Reads on after the type. Throws {@link MalformedBytesError}, never anything else. */
export function decodeIntroduction(type: number, reader: ByteReader): Introduction {
  if (type === ROSTER) {
    const came = readRoster(reader, readIntroduced)
    const went = readRoster(reader, readAddress)
    reader.end()
    return { kind: 'roster', came, went }
  }
  const direction = reader.u8()
  if (direction > 1) throw new MalformedBytesError('carried neither way')
  const address = readAddress(reader)
  const bytes = reader.rest()
  if (bytes.length > MAX_CARRIED_BYTES) throw new MalformedBytesError('a carried body out of bounds')
  try {
    return { kind: direction === 0 ? 'hand-on' : 'handed-on', address, body: fromUtf8(bytes) }
  } catch (error) {
    throw new MalformedBytesError('a carried body that is not UTF-8', { cause: error })
  }
}

function readRoster<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const count = reader.varint()
  if (count > MAX_INTRODUCED) throw new MalformedBytesError(`a roster of ${count}`)
  return Array.from({ length: count }, () => read(reader))
}

function readIntroduced(reader: ByteReader): Introduced {
  return { at: readAddress(reader), carries: reader.flag() }
}

/** Throws {@link MalformedBytesError}, never anything else. */
export function readAddress(reader: ByteReader): SignalAddress {
  return { peer: readName(reader, SIGNAL_BOUNDS.peer), session: readName(reader, SIGNAL_BOUNDS.session) }
}

function readName(reader: ByteReader, max: number): string {
  const name = reader.text()
  if (name.length < 1 || name.length > max) throw new MalformedBytesError('a name out of bounds')
  return name
}
