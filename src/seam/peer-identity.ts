import { toBase64Url } from '../base/bytes.ts'
import { InsecureContextError } from '../base/errors.ts'
import type { PeerId, PeerIdentity } from './contract.ts'

/** Length of a public key on the wire: an uncompressed P-256 point (SEC 1, section 2.3.3). */
export const PUBLIC_KEY_BYTES = 65

/** Length of a signature: r then s, 32 bytes each (IEEE P1363). */
export const SIGNATURE_BYTES = 64

/** Bytes of the key's hash that make a peer id: 128 bits, 22 characters of base64url. */
const PEER_ID_BYTES = 16

/** Length of the id of a proved key, characters. */
export const PEER_ID_LENGTH = 22

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGN_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const

/**
 * A fresh identity that lives as long as the page: its private key cannot be extracted. A durable
 * one comes from storage. Rejects with {@link InsecureContextError} where the page has no WebCrypto.
 */
export async function createPeerIdentity(): Promise<PeerIdentity> {
  return identityFromKeyPair(await createKeyPair())
}

/** An ECDSA P-256 pair whose private key can be stored (structured clone) but not extracted. */
export async function createKeyPair(): Promise<CryptoKeyPair> {
  return subtle().generateKey(KEY_ALGORITHM, false, ['sign', 'verify'])
}

/** The identity of a key pair, such as one read back from IndexedDB. */
export async function identityFromKeyPair(pair: CryptoKeyPair): Promise<PeerIdentity> {
  const publicKey = new Uint8Array(await subtle().exportKey('raw', pair.publicKey))
  const id = await peerIdOf(publicKey)
  return {
    id,
    publicKey,
    sign: async (bytes) => new Uint8Array(await subtle().sign(SIGN_ALGORITHM, pair.privateKey, backed(bytes))),
  }
}

/**
 * The id that belongs to a public key: base64url of the first 16 bytes of its SHA-256. Two keys with
 * one id would take 2^64 tries to find, a second key for a given id 2^128.
 */
export async function peerIdOf(publicKey: Uint8Array): Promise<PeerId> {
  const digest = await subtle().digest('SHA-256', backed(publicKey))
  return toBase64Url(new Uint8Array(digest, 0, PEER_ID_BYTES))
}

/** Whether `signature` over `bytes` was made with the private half of `publicKey`. A key that is none: false. */
export async function verifySignature(
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const key = await imported(publicKey)
  return key !== null && verified(key, bytes, signature)
}

/** Somebody's public key, ready to verify with many times. */
export interface PublicKey {
  readonly id: PeerId
  readonly bytes: Uint8Array
  /** Whether `signature` over `bytes` was made with the private half. */
  verify(bytes: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** `null` where `publicKey` is no key. The array is kept: not to be written to again. */
export async function importPublicKey(publicKey: Uint8Array): Promise<PublicKey | null> {
  const [key, id] = await Promise.all([imported(publicKey), peerIdOf(publicKey)])
  if (key === null) return null
  return { id, bytes: publicKey, verify: (bytes, signature) => verified(key, bytes, signature) }
}

async function imported(publicKey: Uint8Array): Promise<CryptoKey | null> {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return null
  const webCrypto = subtle()
  try {
    return await webCrypto.importKey('raw', backed(publicKey), KEY_ALGORITHM, false, ['verify'])
  } catch {
    return null
  }
}

async function verified(key: CryptoKey, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (signature.length !== SIGNATURE_BYTES) return false
  return subtle().verify(SIGN_ALGORITHM, key, backed(signature), backed(bytes))
}

/** Why identities cannot be used here, or `null` where they can. */
export function lackingWebCrypto(): InsecureContextError | null {
  // Typed as always there, yet pages served over plain HTTP have none.
  if ((globalThis.crypto as Crypto | undefined)?.subtle !== undefined) return null
  return new InsecureContextError(
    'this page is no secure context (it came over plain HTTP, and not from localhost), so the browser gives it no WebCrypto and peers could not prove who they are: nothing was opened; serve the page over HTTPS, or open it from localhost',
  )
}

function subtle(): SubtleCrypto {
  const lacking = lackingWebCrypto()
  if (lacking !== null) throw lacking
  return crypto.subtle
}

/** WebCrypto refuses views on shared memory; everything of ours is on plain buffers. */
function backed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
