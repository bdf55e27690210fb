import { getMany, keys, type UseStore } from 'idb-keyval'
import { CorruptStateError } from '../../../base/errors.ts'
import type { PeerIdentity } from '../../../seam/contract.ts'
import { createKeyPair, identityFromKeyPair } from '../../../seam/peer-identity.ts'
import { completed } from './record-database.ts'

/** Under this key: what made the database, and in which format. */
const CREATION = 'creation'
const IDENTITY = 'identity'

/** Format of the records; a database of any other is refused, never converted. */
const FORMAT = 1

/**
 * The identity kept in the database: an ECDSA P-256 key pair whose private half cannot be extracted. An empty
 * database gets one, in the same transaction as its creation record, so that neither is ever there alone. Rejects
 * with {@link CorruptStateError} where the database holds records without both, or another format.
 */
export async function storedIdentity(use: UseStore): Promise<PeerIdentity> {
  const [creation, identity] = await getMany<unknown>([CREATION, IDENTITY], use)
  if (creation === undefined) return identityFromKeyPair(await found(use))
  const { format } = (creation ?? {}) as { format?: unknown }
  if (format !== FORMAT)
    throw new CorruptStateError(CREATION, `format ${String(format)}, and this library knows ${FORMAT} only`)
  if (!isKeyPair(identity)) throw new CorruptStateError(IDENTITY, 'it is not a key pair')
  return identityFromKeyPair(identity)
}

async function found(use: UseStore): Promise<CryptoKeyPair> {
  const present = await keys(use)
  if (present.length > 0) throw new CorruptStateError(CREATION, 'it is missing, and other records are there')
  const { privateKey, publicKey } = await createKeyPair()
  const pair = { privateKey, publicKey }
  await use('readwrite', (store) => {
    store.put({ format: FORMAT }, CREATION)
    store.put(pair, IDENTITY)
    return completed(store.transaction)
  })
  return pair
}

function isKeyPair(value: unknown): value is CryptoKeyPair {
  const { privateKey, publicKey } = (value ?? {}) as { privateKey?: unknown; publicKey?: unknown }
  return isKey(privateKey, 'private') && isKey(publicKey, 'public')
}

function isKey(value: unknown, type: KeyType): boolean {
  return value instanceof CryptoKey && value.type === type && value.algorithm.name === 'ECDSA'
}
