import { ByteReader, ByteWriter, wellFormed } from '../base/bytes.ts'
import { SIGNAL_BOUNDS, type SignalAddress } from './protocol.ts'

/**
 * Bytes on their way through a signalling server, from one attachment of a room to another: a WebSocket
 * binary frame. What a client sends names the addressee, what it is sent names the sender, as the server
 * knows it. The server looks no further than this header.
 */
export interface RelayFrame {
  readonly address: SignalAddress
  /** A view on the frame. */
  readonly payload: Uint8Array
}

/** What a header may add to a payload, bytes: three for each UTF-16 unit of the two names, and their lengths. */
export const MAX_RELAY_HEADER_BYTES: number = 1 + 2 * 2 + 3 * (SIGNAL_BOUNDS.peer + SIGNAL_BOUNDS.session)

const RELAY = 1

export function encodeRelayFrame({ peer, session }: SignalAddress, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter(payload.length + 64).u8(RELAY).text(peer).text(session).raw(payload).finish()
}

/** `null` where `bytes` are none. */
export function decodeRelayFrame(bytes: Uint8Array): RelayFrame | null {
  return wellFormed(() => {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== RELAY) return null
    const address = { peer: reader.text(), session: reader.text() }
    if (!isName(address.peer, SIGNAL_BOUNDS.peer) || !isName(address.session, SIGNAL_BOUNDS.session)) return null
    return { address, payload: reader.rest() }
  })
}

function isName(text: string, max: number): boolean {
  return text.length > 0 && text.length <= max
}
