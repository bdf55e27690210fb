import { concatBytes, equalBytes, utf8 } from '../base/bytes.ts'
import type { PeerIdentity } from '../seam/contract.ts'
import { syncHash64 } from './seeded-random.ts'

/**
 * An identity for tests: its id is `name`, its key and signatures follow from the name at once and the
 * same on every run, where WebCrypto would leave the virtual clock. Proves nothing to anybody.
 */
export function testIdentity(name: string): PeerIdentity {
  if (name === '') throw new RangeError('an identity needs a name')
  const publicKey = concatBytes(Uint8Array.of(4), syncHash64(utf8(name)))
  return {
    id: name,
    publicKey,
    sign: (bytes) => Promise.resolve(testSignature(publicKey, bytes)),
  }
}

/** Whether {@link testIdentity}'s owner of `publicKey` signed `bytes`. */
export function verifyTestSignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  return equalBytes(testSignature(publicKey, bytes), signature)
}

function testSignature(publicKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  return syncHash64(concatBytes(publicKey, bytes))
}
