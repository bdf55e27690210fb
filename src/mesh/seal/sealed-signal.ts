import { ByteReader, ByteWriter, wellFormed } from '../../base/bytes.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../seam/peer-identity.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import type { RoomAddress } from './room-address.ts'

/**
 * What a sealed signal says once it is open: who wrote it, for whom, which one of its sender's it is, and
 * the bodies it carries. Its sender's id is the hash of the key, and so is not said.
 */
export interface SealedSignal {
  readonly publicKey: Uint8Array
  readonly session: string
  readonly to: SignalAddress
  /** From 1; grows with every signal that the sender's session seals, whomever for. */
  readonly counter: number
  readonly bodies: readonly string[]
}

export const SEAL_VERSION = 1

/** Bodies of one signal at the most. */
export const MAX_BATCH_BODIES = 64

/** Separates these signatures from anything else the same key ever signs. */
const SEAL_DOMAIN = 'selvage sealed signal'

/** Authenticated beside what is sealed, and signed before it: nothing of one room is anything in another. */
export function sealContext(room: RoomAddress): Uint8Array<ArrayBuffer> {
  return new ByteWriter().text(SEAL_DOMAIN).u8(SEAL_VERSION).text(room).finish()
}

export function encodeSealedSignal(signal: SealedSignal): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(1024).raw(signal.publicKey).text(signal.session)
  writer.text(signal.to.peer).text(signal.to.session).varint(signal.counter)
  for (const body of signal.bodies) writer.text(body)
  return writer.finish()
}

/** `bytes`: a signature, then what it is over. `null` where they are none. */
export function decodeSealedSignal(bytes: Uint8Array): OpenedSignal | null {
  return wellFormed(() => {
    const reader = new ByteReader(bytes)
    const signature = reader.raw(SIGNATURE_BYTES)
    const signed = bytes.subarray(SIGNATURE_BYTES)
    const publicKey = reader.raw(PUBLIC_KEY_BYTES)
    const session = reader.text()
    const to = { peer: reader.text(), session: reader.text() }
    const counter = reader.varint()
    const bodies: string[] = []
    while (reader.remaining > 0 && bodies.length <= MAX_BATCH_BODIES) bodies.push(reader.text())
    return counter === 0 || bodies.length > MAX_BATCH_BODIES
      ? null
      : { publicKey, session, to, counter, bodies, signature, signed }
  })
}

export interface OpenedSignal extends SealedSignal {
  readonly signature: Uint8Array
  readonly signed: Uint8Array
}
