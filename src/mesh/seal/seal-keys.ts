import { ByteWriter } from '../../base/bytes.ts'
import type { Fingerprints } from '../link/link-handshake.ts'

/**
 * The cryptography of a sealed link: ECDH over P-256 between two keys drawn for it alone, HKDF-SHA-256
 * (RFC 5869), and AES-256-GCM (NIST SP 800-38D) with a key for each direction and a counter as nonce, which
 * is not sent: whatever is not the next packet does not open.
 */
export interface Seal {
  /** Encrypts the next packet. Calls count in their order; results may come in any. */
  close(plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** Decrypts what must be the next packet; rejects where it is not. */
  open(sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
}

export interface SealKey {
  readonly privateKey: CryptoKey
  /** Uncompressed point, 65 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>
}

/** What sealing adds to a packet, bytes. */
export const SEAL_TAG_BYTES = 16

const CURVE = { name: 'ECDH', namedCurve: 'P-256' } as const

export async function newSealKey(): Promise<SealKey> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(CURVE, false, ['deriveBits'])
  return { privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)) }
}

/** Rejects where `theirs` is no point of the curve. */
export async function openSeal(
  own: SealKey,
  theirs: Uint8Array<ArrayBuffer>,
  initiator: boolean,
): Promise<{ readonly seal: Seal; readonly fingerprints: Fingerprints }> {
  const { subtle } = crypto
  const theirKey = await subtle.importKey('raw', theirs, CURVE, false, [])
  const shared = await subtle.deriveBits({ name: 'ECDH', public: theirKey }, own.privateKey, 256)
  const material = await subtle.importKey('raw', shared, 'HKDF', false, ['deriveKey'])
  const keys = initiator ? [own.publicKey, theirs] : [theirs, own.publicKey]
  const derive = (from: 'initiator' | 'acceptor', use: KeyUsage): Promise<CryptoKey> => {
    const info = new ByteWriter(192).text('selvage sealed link').text(from)
    for (const key of keys) info.block(key)
    const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: info.finish() }
    return subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, [use])
  }
  const [sending, receiving, local, remote] = await Promise.all([
    derive(initiator ? 'initiator' : 'acceptor', 'encrypt'),
    derive(initiator ? 'acceptor' : 'initiator', 'decrypt'),
    fingerprintOf(own.publicKey),
    fingerprintOf(theirs),
  ])
  return { seal: new CountedSeal(sending, receiving), fingerprints: { local: [local], remote: [remote] } }
}

class CountedSeal implements Seal {
  readonly #sending: CryptoKey
  readonly #receiving: CryptoKey
  #sent = 0
  #received = 0

  constructor(sending: CryptoKey, receiving: CryptoKey) {
    this.#sending = sending
    this.#receiving = receiving
  }

  async close(plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.encrypt(sealParameters(this.#sent++), this.#sending, plain))
  }

  async open(sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.decrypt(sealParameters(this.#received++), this.#receiving, sealed))
  }
}

function sealParameters(count: number): AesGcmParams {
  const iv = new Uint8Array(12)
  new DataView(iv.buffer).setBigUint64(4, BigInt(count))
  return { name: 'AES-GCM', iv }
}

/** In a form that no certificate's fingerprint has. */
async function fingerprintOf(publicKey: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', publicKey))
  return `sealed-link-sha-256 ${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')}`
}
