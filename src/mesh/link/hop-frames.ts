import { ByteReader, ByteWriter, fromBase64Url, MalformedBytesError, toBase64Url } from '../../base/bytes.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import { readAddress } from './introduction-frames.ts'
import { HOP } from './link-frames.ts'

/** What is said over a link for the sake of a sealed link between one of its ends and a third peer. */
export type HopFrame = CarriedPacket | RefusedHop

export interface CarriedPacket {
  /** `carry`: on to the member at the address. `carried`: on the way from it. */
  readonly kind: 'carry' | 'carried'
  readonly address: SignalAddress
  /** The sealed link's name: 12 bytes in base64url. */
  readonly link: string
  readonly packet: Uint8Array
}

/** What was for the member at the address is not carried. */
export interface RefusedHop {
  readonly kind: 'refused'
  readonly address: SignalAddress
  readonly link: string
}

/** Largest packet that is carried, bytes: with its head it fits the smallest message that any link takes. */
export const MAX_HOP_PACKET_BYTES = 15_360

const LINK_BYTES = 12

const KINDS: readonly HopFrame['kind'][] = ['carry', 'carried', 'refused']

export function encodeHop(frame: HopFrame): Uint8Array<ArrayBuffer> {
  const packet = frame.kind === 'refused' ? NO_PACKET : frame.packet
  if (packet.length > MAX_HOP_PACKET_BYTES) throw new RangeError(`a carried packet over ${MAX_HOP_PACKET_BYTES} bytes`)
  const { address, link } = frame
  return new ByteWriter(192 + packet.length)
    .u8(HOP)
    .u8(KINDS.indexOf(frame.kind))
    .text(address.peer)
    .text(address.session)
    .raw(fromBase64Url(link) ?? NO_PACKET)
    .raw(packet)
    .finish()
}

/** What follows the type of a frame; a packet is a view. Throws {@link MalformedBytesError}, never anything else. */
export function decodeHop(bytes: Uint8Array): HopFrame {
  const reader = new ByteReader(bytes)
  const kind = KINDS[reader.u8()]
  const address = readAddress(reader)
  const link = toBase64Url(reader.raw(LINK_BYTES))
  const packet = reader.rest()
  switch (kind) {
    case undefined:
      throw new MalformedBytesError('carried neither way')
    case 'refused':
      if (packet.length > 0) throw new MalformedBytesError('a refusal with something behind it')
      return { kind, address, link }
    default:
      if (packet.length > MAX_HOP_PACKET_BYTES) throw new MalformedBytesError('a carried packet out of bounds')
      return { kind, address, link, packet }
  }
}

const NO_PACKET = new Uint8Array()
