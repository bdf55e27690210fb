import { afterEach, describe, expect, it, vi } from 'vitest'
import { InsecureContextError } from '../base/errors.ts'
import { utf8 } from '../base/bytes.ts'
import {
  createKeyPair,
  createPeerIdentity,
  identityFromKeyPair,
  PEER_ID_LENGTH,
  peerIdOf,
  PUBLIC_KEY_BYTES,
  SIGNATURE_BYTES,
  verifySignature,
} from './peer-identity.ts'

describe('peer identity', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('[IDENT-1] an id is the hash of the public key, the same whoever computes it', async () => {
    const identity = await createPeerIdentity()
    expect(identity.publicKey.length).toBe(PUBLIC_KEY_BYTES)
    expect(identity.id).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(identity.id.length).toBe(PEER_ID_LENGTH)
    expect(await peerIdOf(identity.publicKey)).toBe(identity.id)
  })

  it('[IDENT-1] the id of a fixed key never changes between versions', async () => {
    expect(await peerIdOf(new Uint8Array(PUBLIC_KEY_BYTES).fill(4))).toBe('m9qVvaHvjxth9tRyI_ShGQ')
  })

  it('[IDENT-2] two identities differ, and one key pair is always the same identity', async () => {
    const [a, b] = await Promise.all([createPeerIdentity(), createPeerIdentity()])
    expect(a.id).not.toBe(b.id)
    const pair = await createKeyPair()
    expect((await identityFromKeyPair(pair)).id).toBe((await identityFromKeyPair(pair)).id)
  })

  it('[IDENT-2] the private key cannot be taken out', async () => {
    const pair = await createKeyPair()
    await expect(crypto.subtle.exportKey('pkcs8', pair.privateKey)).rejects.toThrow()
  })

  it('[IDENT-3] a signature holds for its bytes and its key alone', async () => {
    const [a, b] = await Promise.all([createPeerIdentity(), createPeerIdentity()])
    const signature = await a.sign(utf8('hello'))
    expect(signature.length).toBe(SIGNATURE_BYTES)
    expect(await verifySignature(a.publicKey, utf8('hello'), signature)).toBe(true)
    expect(await verifySignature(a.publicKey, utf8('hallo'), signature)).toBe(false)
    expect(await verifySignature(b.publicKey, utf8('hello'), signature)).toBe(false)
  })

  it('[IDENT-3] a key or signature that is none is refused, not thrown', async () => {
    const identity = await createPeerIdentity()
    const signature = await identity.sign(utf8('hello'))
    expect(await verifySignature(new Uint8Array(PUBLIC_KEY_BYTES), utf8('hello'), signature)).toBe(false)
    expect(await verifySignature(new Uint8Array(3), utf8('hello'), signature)).toBe(false)
    expect(await verifySignature(identity.publicKey, utf8('hello'), new Uint8Array(10))).toBe(false)
  })

  it('[IDENT-4] a page without WebCrypto is told so', async () => {
    vi.stubGlobal('crypto', {})
    await expect(createPeerIdentity()).rejects.toBeInstanceOf(InsecureContextError)
    await expect(createKeyPair()).rejects.toBeInstanceOf(InsecureContextError)
    await expect(verifySignature(new Uint8Array(65), utf8('x'), new Uint8Array(64))).rejects.toBeInstanceOf(
      InsecureContextError,
    )
  })
})
