import { fromBase64Url, utf8 } from '../../base/bytes.ts'

/**
 * Whom a room's signalling is closed to. `secret`: to all who do not hold the invite, the servers included.
 * `first-use`: to nobody who knows the room's name, the servers included. Who proved a key is still who
 * it says, but whether that is the friend who was meant is known by first use alone.
 */
export type RoomTrust = 'secret' | 'first-use'

/**
 * The key that seals the signalling of a room: AES-256-GCM, derived by HKDF-SHA-256 (RFC 5869) from the
 * room's secret, apart from its address, or from the name of a public room.
 */
export async function sealKeyOf(app: string, tag: RoomNames): Promise<CryptoKey> {
  const secret = tag.secret === undefined ? null : fromBase64Url(tag.secret)
  const info = secret === null ? 'selvage public signal seal' : 'selvage signal seal'
  const material = await crypto.subtle.importKey('raw', secret ?? utf8(tag.room), 'HKDF', false, ['deriveKey'])
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: utf8(app), info: utf8(info) }
  return crypto.subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

/** A tag will do. */
export interface RoomNames {
  readonly room: string
  readonly secret: string | undefined
}
