import { ByteReader, ByteWriter, MalformedBytesError, utf8 } from '../../base/bytes.ts'
import { CARRY, decodeIntroduction, ROSTER, type Introduction } from './introduction-frames.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../seam/peer-identity.ts'
import type { FrameHeaders } from '../../seam/seam-core.ts'

/**
 * What two ends of a link say to each other over its data channel: one frame a message, the first
 * byte says which. Batches of several (7) are link-batch.ts's. Numbers not listed are free, and a frame
 * that starts with one is malformed.
 */
export type LinkFrame =
  | ({ readonly kind: 'hello' } & Hello)
  | { readonly kind: 'proof'; readonly signature: Uint8Array }
  | { readonly kind: 'data'; readonly payload: Uint8Array }
  | { readonly kind: 'part'; readonly payload: Uint8Array }
  | { readonly kind: 'lossy'; readonly payload: Uint8Array }
  | { readonly kind: 'credit'; readonly bytes: number }
  | { readonly kind: 'goodbye'; readonly reason: GoodbyeReason }
  | { readonly kind: 'introduction'; readonly said: Introduction }
  | { readonly kind: 'ack'; readonly received: number }
  | ({ readonly kind: 'resume' } & Resume)
  | { readonly kind: 'ping' | 'pong'; readonly serial: number }
  /** `hop-frames.ts` reads on: what follows the type. */
  | { readonly kind: 'hop'; readonly bytes: Uint8Array }

export interface Hello {
  readonly version: number
  /** The weave that speaks, as it is named in signalling. */
  readonly session: string
  readonly publicKey: Uint8Array
  readonly nonce: Uint8Array
}

/** What an end knows when a link begins: the name of the bond, and the reliable frames of it that have arrived. */
export interface Resume {
  readonly bond: string
  readonly received: number
}

/** `superseded`: another link proved the same key. */
export type GoodbyeReason = 'closed' | 'superseded'

/** Both ends must speak the same; read before anything else of a hello. */
export const LINK_VERSION = 1

export const NONCE_BYTES = 32

/** Longest session name, bytes of UTF-8. */
export const MAX_SESSION_BYTES = 64

/** What a data frame adds to its payload. */
export const DATA_HEADER_BYTES = 1

const HELLO = 1
const PROOF = 2
const DATA = 3
const LOSSY = 4
const CREDIT = 5
const GOODBYE = 6
const PART = 8
const ACK = 9
const RESUME = 10
/** Packets that one end carries for the other. */
export const HOP = 13

const PING = 14
const PONG = 15

/** What stands before the payloads that a link carries. */
export const DATA_HEADERS: FrameHeaders = {
  whole: Uint8Array.of(DATA),
  part: Uint8Array.of(PART),
  lossy: Uint8Array.of(LOSSY),
}

const GOODBYE_REASONS: readonly GoodbyeReason[] = ['closed', 'superseded']

/** The frame in `bytes`, its arrays being views on them. Throws {@link MalformedBytesError}, never anything else. */
export function decodeLinkFrame(bytes: Uint8Array): LinkFrame {
  switch (bytes[0]) {
    case DATA:
      return { kind: 'data', payload: bytes.subarray(1) }
    case PART:
      return { kind: 'part', payload: bytes.subarray(1) }
    case LOSSY:
      return { kind: 'lossy', payload: bytes.subarray(1) }
    default:
      return decodeControl(new ByteReader(bytes))
  }
}

export function isLossyFrame(bytes: Uint8Array): boolean {
  return bytes[0] === LOSSY
}

function decodeControl(reader: ByteReader): LinkFrame {
  const type = reader.u8()
  switch (type) {
    case HELLO:
      return decodeHello(reader)
    case PROOF: {
      const signature = reader.raw(SIGNATURE_BYTES)
      reader.end()
      return { kind: 'proof', signature }
    }
    case CREDIT: {
      const granted = reader.varint()
      reader.end()
      return { kind: 'credit', bytes: granted }
    }
    case GOODBYE: {
      // What may follow the reason in later versions is passed over: the link ends either way.
      return { kind: 'goodbye', reason: GOODBYE_REASONS[reader.u8()] ?? 'closed' }
    }
    case ACK: {
      const received = reader.varint()
      reader.end()
      return { kind: 'ack', received }
    }
    case RESUME: {
      const bond = reader.text()
      const received = reader.varint()
      reader.end()
      return { kind: 'resume', bond, received }
    }
    case ROSTER:
    case CARRY:
      return { kind: 'introduction', said: decodeIntroduction(type, reader) }
    case HOP:
      return { kind: 'hop', bytes: reader.rest() }
    case PING:
    case PONG: {
      const serial = reader.varint()
      reader.end()
      return { kind: type === PING ? 'ping' : 'pong', serial }
    }
    default:
      throw new MalformedBytesError(`link frame of unknown type ${type}`)
  }
}

function decodeHello(reader: ByteReader): LinkFrame {
  const version = reader.u8()
  // The rest of another version's hello is its own business: the version alone is what gets reported.
  if (version !== LINK_VERSION) {
    return { kind: 'hello', version, session: '', publicKey: new Uint8Array(), nonce: new Uint8Array() }
  }
  const session = reader.text()
  if (session.length === 0 || utf8(session).length > MAX_SESSION_BYTES)
    throw new MalformedBytesError('session name out of bounds')
  const publicKey = reader.raw(PUBLIC_KEY_BYTES)
  const nonce = reader.raw(NONCE_BYTES)
  reader.end()
  return { kind: 'hello', version, session, publicKey, nonce }
}

export function encodeHello(hello: Hello): Uint8Array<ArrayBuffer> {
  if (utf8(hello.session).length > MAX_SESSION_BYTES)
    throw new RangeError(`a session name over ${MAX_SESSION_BYTES} bytes`)
  return new ByteWriter(192)
    .u8(HELLO)
    .u8(hello.version)
    .text(hello.session)
    .raw(hello.publicKey)
    .raw(hello.nonce)
    .finish()
}

export function encodeProof(signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter(1 + SIGNATURE_BYTES).u8(PROOF).raw(signature).finish()
}

/** `bytes`: how much more the other end may send, added to what it has left. */
export function encodeCredit(bytes: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(9).u8(CREDIT).varint(bytes).finish()
}

export function encodeGoodbye(reason: GoodbyeReason): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(GOODBYE, GOODBYE_REASONS.indexOf(reason))
}

/** `received`: reliable frames of the bond that have arrived, in all. */
export function encodeAck(received: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(9).u8(ACK).varint(received).finish()
}

/** A pong repeats the serial of the ping that it answers. */
export function encodePulse(kind: 'ping' | 'pong', serial: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(9)
    .u8(kind === 'ping' ? PING : PONG)
    .varint(serial)
    .finish()
}

export function encodeResume({ bond, received }: Resume): Uint8Array<ArrayBuffer> {
  return new ByteWriter(32).u8(RESUME).text(bond).varint(received).finish()
}
