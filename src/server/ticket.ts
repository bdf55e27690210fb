import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto'

/**
 * What a ticket grants. It is a JSON Web Token (RFC 7519) of the audience `selvage-signal`, so that a backend
 * in any language can sign one.
 */
export interface TicketClaims {
  /**
   * Until when it lets in, milliseconds since the Unix epoch; whole seconds count, and clocks that differ are forgiven
   * {@link CLOCK_LEEWAY_MS}. Who is in by then stays.
   */
  readonly expiresAtMs: number
  /** For the peer of this id alone (`sub`). Default: whoever has it. */
  readonly peer?: string | undefined
  /** For the room of this address alone, as the servers know it (`room`). Default: any. */
  readonly room?: string | undefined
}

/**
 * A shared secret of at least 32 characters (HS256); or a key of P-256 (ES256) or Ed25519 (EdDSA), as a PEM text or
 * Node's `KeyObject`: the private one signs, the public one verifies. The key alone decides on the algorithm.
 */
export type TicketKey = string | KeyObject

export type TicketVerdict =
  | { readonly ok: true; readonly claims: TicketClaims }
  /** In words for the developer of who presented it. */
  | { readonly ok: false; readonly reason: string }

/**
 * How far the clock of who signs tickets may be from this server's: `exp` and `nbf` are taken that much late or early
 * ("some small leeway", RFC 7519, sections 4.1.4 and 4.1.5).
 */
export const CLOCK_LEEWAY_MS = 60_000

const AUDIENCE = 'selvage-signal'
const MAX_TICKET_LENGTH = 4_096
const MIN_SECRET_LENGTH = 32

/** Throws a `RangeError` for a secret that is too short, a `TypeError` for a key of another kind. */
export function signTicket(claims: TicketClaims, key: TicketKey): string {
  const signer = readKey(key, 'private')
  const header = encoded({ alg: algorithmOf(signer), typ: 'JWT' })
  const body = encoded({
    aud: AUDIENCE,
    exp: Math.floor(claims.expiresAtMs / 1_000),
    sub: claims.peer,
    room: claims.room,
  })
  const signed = `${header}.${body}`
  return `${signed}.${signatureOf(signed, signer).toString('base64url')}`
}

/** Never throws on a ticket, whatever it is; on keys as {@link signTicket}. */
export function verifyTicket(ticket: string, keys: readonly TicketKey[], wallNowMs: number): TicketVerdict {
  const readable = keys.map((key) => readKey(key, 'public'))
  const [header = '', body = '', signature = '', ...rest] = ticket.split('.')
  if (ticket.length > MAX_TICKET_LENGTH || rest.length > 0) return refused('it is no signed token')
  const alg = fieldsOf(header)['alg']
  const bytes = Buffer.from(signature, 'base64url')
  // A token does not choose how it is verified: its word for it only has to agree with the key's own.
  const good = readable.some((key) => algorithmOf(key) === alg && isSigned(`${header}.${body}`, bytes, key))
  if (!good) return refused('its signature is none of the keys known here')
  return judged(fieldsOf(body), wallNowMs)
}

/** Keys read once, for {@link verifyTicket}. Throws as {@link signTicket} does, and for none at all. */
export function readTicketKeys(keys: readonly TicketKey[]): readonly TicketKey[] {
  if (keys.length === 0) throw new RangeError('no ticket can be verified without a key')
  return keys.map((key) => {
    const readable = readKey(key, 'public')
    algorithmOf(readable)
    return readable
  })
}

function judged(claims: Fields, wallNowMs: number): TicketVerdict {
  const { aud, exp, nbf, sub, room } = claims
  if (aud !== AUDIENCE) return refused(`its audience is not ${AUDIENCE}`)
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return refused('it has no expiry')
  if (wallNowMs >= exp * 1_000 + CLOCK_LEEWAY_MS) return refused('it has expired: fetch another')
  const hasBegun = typeof nbf === 'number' && wallNowMs >= nbf * 1_000 - CLOCK_LEEWAY_MS
  if (nbf !== undefined && !hasBegun) return refused('it is not valid yet: check the clock of who signed it')
  if (sub !== undefined && typeof sub !== 'string') return refused('its peer is no text')
  if (room !== undefined && typeof room !== 'string') return refused('its room is no text')
  return { ok: true, claims: { expiresAtMs: exp * 1_000, peer: sub, room } }
}

function refused(reason: string): TicketVerdict {
  return { ok: false, reason }
}

type Algorithm = 'HS256' | 'ES256' | 'EdDSA'
type VerifierKey = string | KeyObject

function readKey(key: TicketKey, side: 'private' | 'public'): VerifierKey {
  if (typeof key !== 'string') return key
  if (key.includes('-----BEGIN')) return side === 'private' ? createPrivateKey(key) : createPublicKey(key)
  if (key.length < MIN_SECRET_LENGTH) {
    throw new RangeError(`a ticket secret has at least ${MIN_SECRET_LENGTH} characters, not ${key.length}`)
  }
  return key
}

function algorithmOf(key: VerifierKey): Algorithm {
  if (typeof key === 'string' || key.type === 'secret') return 'HS256'
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA'
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  throw new TypeError('a ticket key is a secret, or a key of P-256 or Ed25519')
}

function signatureOf(signed: string, key: VerifierKey): Buffer {
  const bytes = Buffer.from(signed)
  if (typeof key === 'string' || key.type === 'secret') return createHmac('sha256', key).update(bytes).digest()
  return sign(digestOf(key), bytes, { key, dsaEncoding: 'ieee-p1363' })
}

function isSigned(signed: string, signature: Buffer, key: VerifierKey): boolean {
  if (typeof key === 'string' || key.type === 'secret') {
    const right = signatureOf(signed, key)
    return right.length === signature.length && timingSafeEqual(right, signature)
  }
  return verify(digestOf(key), Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** Ed25519 takes the message itself. */
function digestOf(key: KeyObject): string | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
}

type Fields = Readonly<Record<string, unknown>>

function encoded(fields: Fields): string {
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/** None where the text is not base64url of a JSON object. */
function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Fields) : {}
  } catch {
    return {}
  }
}
