import { ByteWriter, fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'

/**
 * Under what name a room is known to signalling servers: 128 bits that say nothing of the room to who
 * does not know it already.
 */
export type RoomAddress = string

const ADDRESS_BYTES = 16
const SECRET_BYTES = 16

/** Length of a room's secret in text, characters of base64url. */
export const SECRET_LENGTH = 22

/** 128 random bits. */
export function newRoomSecret(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))
}

export function isRoomSecret(text: string): boolean {
  return text.length === SECRET_LENGTH && fromBase64Url(text)?.length === SECRET_BYTES
}

/** Of a room that only who holds its secret can find (HKDF, RFC 5869). */
export async function privateRoomAddress(app: string, secret: string): Promise<RoomAddress> {
  const material = fromBase64Url(secret)
  if (material === null || material.length !== SECRET_BYTES) throw new TypeError('not the secret of a room')
  const key = await crypto.subtle.importKey('raw', material, 'HKDF', false, ['deriveBits'])
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: utf8(app), info: utf8('selvage room address') }
  return toBase64Url(new Uint8Array(await crypto.subtle.deriveBits(parameters, key, ADDRESS_BYTES * 8)))
}

/** Of a room that who knows its name may find. */
export async function publicRoomAddress(app: string, roomKey: string): Promise<RoomAddress> {
  const named = new ByteWriter().text('selvage public room').text(app).text(roomKey).finish()
  const digest = await crypto.subtle.digest('SHA-256', named)
  return toBase64Url(new Uint8Array(digest, 0, ADDRESS_BYTES))
}
