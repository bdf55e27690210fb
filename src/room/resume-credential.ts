import { ByteReader, ByteWriter, equalBytes, fromBase64Url, toBase64Url, wellFormed } from '../base/bytes.ts'
import type { PeerId, PeerIdentity } from '../seam/contract.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import type { RoomId, RoomOptions } from './contract.ts'
import type { Hello } from './core/message.ts'
import type { RoomState } from './core/room-state.ts'

export type Verify = NonNullable<RoomOptions['verify']>

/** What a credential holds beside the token's own fields: base64url of version, expiry, two keys and a signature. */
interface Credential {
  readonly expiresAt: number
  readonly ownerKey: Uint8Array
  readonly issuerKey: Uint8Array
  readonly signature: Uint8Array
}

const VERSION = 1

/** A token for `peerId`, good for whoever signs with the private half of `ownerKey`. */
export async function issueToken(
  issuer: PeerIdentity,
  what: { roomId: RoomId; peerId: PeerId; ownerKey: Uint8Array; issuedAt: number; expiresAt: number },
): Promise<ResumeToken> {
  const signature = await issuer.sign(signedBytes(what, issuer.publicKey))
  const bytes = new ByteWriter(256).u8(VERSION).varint(what.expiresAt)
  const credential = bytes.block(what.ownerKey).block(issuer.publicKey).block(signature).finish()
  const { peerId, roomId, issuedAt, expiresAt } = what
  return { peerId, roomId, issuedAt, expiresAt, credential: toBase64Url(credential) }
}

/** What the owner signs to use its token, good for one exchange of two peers. */
export function proofBytes(what: { roomId: RoomId; nonce: number; from: PeerId; to: PeerId }): Uint8Array {
  return new ByteWriter()
    .text('selvage resume proof')
    .u8(VERSION)
    .text(what.roomId)
    .varint(what.nonce)
    .text(what.from)
    .text(what.to)
    .finish()
}

/** Whether the token of a hello was issued by a host of this room and is used by its owner. */
export async function vetToken(
  verify: Verify,
  state: RoomState,
  hello: Hello,
  exchange: { from: PeerId; to: PeerId; wallNowMs: number },
): Promise<'good' | 'expired' | 'invalid'> {
  const { token } = hello
  const credential = token === null ? null : readCredential(token)
  if (token === null || credential === null || token.roomId !== state.roomId) return 'invalid'
  if (!state.issuers.some(({ key }) => equalBytes(key, credential.issuerKey))) return 'invalid'
  const record = state.members.find(
    ({ id, was }) => id === token.peerId || (id === exchange.from && was === token.peerId),
  )
  if (record !== undefined && !equalBytes(record.key, credential.ownerKey)) return 'invalid'
  if (!(await isSigned(verify, token, credential))) return 'invalid'
  const proof = proofBytes({ roomId: state.roomId, nonce: hello.nonce, from: exchange.from, to: exchange.to })
  if (!(await verify(credential.ownerKey, proof, hello.proof))) return 'invalid'
  return exchange.wallNowMs < credential.expiresAt ? 'good' : 'expired'
}

/**
 * Whether `host` holds the room by right, as far as the owner of `mine` can know: from the host that issued `mine` a
 * chain of titles leads to it, each of them a token issued by one before.
 */
export async function holdsByRight(
  verify: Verify,
  state: RoomState,
  host: PeerId,
  mine: ResumeToken,
): Promise<boolean> {
  const anchor = readCredential(mine)?.issuerKey
  const { issuers, roomId } = state
  const trusted: Uint8Array[] = []
  for (const { id, key, title, titleIssuedAt } of issuers) {
    if (anchor !== undefined && equalBytes(key, anchor)) trusted.push(key)
    else if (trusted.length > 0) {
      const token: ResumeToken = { peerId: id, roomId, issuedAt: titleIssuedAt, credential: title }
      const credential = readCredential(token)
      if (credential === null || !equalBytes(credential.ownerKey, key)) return false
      if (!trusted.some((known) => equalBytes(known, credential.issuerKey))) return false
      if (!(await isSigned(verify, token, credential))) return false
      trusted.push(key)
    }
  }
  return trusted.length > 0 && issuers.at(-1)?.id === host && state.host === host && mine.roomId === roomId
}

function isSigned(verify: Verify, token: ResumeToken, credential: Credential): Promise<boolean> {
  const { expiresAt, ownerKey, issuerKey, signature } = credential
  return verify(issuerKey, signedBytes({ ...token, expiresAt, ownerKey }, issuerKey), signature)
}

function signedBytes(
  what: { roomId: RoomId; peerId: PeerId; ownerKey: Uint8Array; issuedAt: number; expiresAt: number },
  issuerKey: Uint8Array,
): Uint8Array {
  const writer = new ByteWriter(256).text('selvage resume token').u8(VERSION).text(what.roomId).text(what.peerId)
  return writer.varint(what.issuedAt).varint(what.expiresAt).block(what.ownerKey).block(issuerKey).finish()
}

/** `null` for anything that this library did not make. A token is an application's to keep, so all of it is checked. */
function readCredential({ peerId, roomId, issuedAt, credential }: ResumeToken): Credential | null {
  if (typeof peerId !== 'string' || typeof roomId !== 'string' || typeof credential !== 'string') return null
  if (!Number.isSafeInteger(issuedAt) || issuedAt < 0) return null
  const bytes = fromBase64Url(credential)
  if (bytes === null) return null
  return wellFormed(() => {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== VERSION) return null
    const read = {
      expiresAt: reader.varint(),
      ownerKey: reader.block(),
      issuerKey: reader.block(),
      signature: reader.block(),
    }
    reader.end()
    return read
  })
}
