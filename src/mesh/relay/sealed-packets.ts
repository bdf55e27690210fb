import { ByteReader, ByteWriter, MalformedBytesError } from '../../base/bytes.ts'

/** What is inside a sealed packet: a piece of a message, or a word about the link itself. */
export type SealedPacket =
  | { readonly kind: 'fragment'; readonly bytes: Uint8Array; readonly last: boolean }
  /** So much of what was sent has come, beyond what was said before. */
  | { readonly kind: 'ack'; readonly bytes: number }
  /** Nothing follows. */
  | { readonly kind: 'over' }

export const FRAGMENT_HEADER_BYTES = 1

const MORE = 0
const LAST = 1
const ACK = 2
const OVER = 3

/** A fragment's array is a view. Throws {@link MalformedBytesError}, never anything else. */
export function decodePacket(bytes: Uint8Array): SealedPacket {
  const reader = new ByteReader(bytes)
  const kind = reader.u8()
  switch (kind) {
    case MORE:
    case LAST:
      return { kind: 'fragment', bytes: reader.rest(), last: kind === LAST }
    case ACK: {
      const acknowledged = reader.varint()
      reader.end()
      return { kind: 'ack', bytes: acknowledged }
    }
    case OVER:
      return { kind: 'over' }
    default:
      throw new MalformedBytesError(`sealed packet of unknown kind ${kind}`)
  }
}

export function encodeFragment(bytes: Uint8Array, last: boolean): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(FRAGMENT_HEADER_BYTES + bytes.length)
  packet[0] = last ? LAST : MORE
  packet.set(bytes, FRAGMENT_HEADER_BYTES)
  return packet
}

export function encodeAck(bytes: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(9).u8(ACK).varint(bytes).finish()
}

export function encodeOver(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(OVER)
}
