import { fromBase64Url, toBase64Url } from '../../base/bytes.ts'

/**
 * What one peer hands to a signalling server for another: which link it is about, whether it opens
 * that link, and the link driver's own words. `o` or `m`, sixteen characters of link id, then the body.
 */
export interface LinkEnvelope {
  /** True of the first one that a dialler sends. */
  readonly opens: boolean
  readonly link: string
  readonly body: string
}

const LINK_ID_BYTES = 12
const LINK_ID_LENGTH = 16

/** A name for a link that nobody can guess and none had before. */
export function newLinkId(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(LINK_ID_BYTES)))
}

export function encodeEnvelope({ opens, link, body }: LinkEnvelope): string {
  return `${opens ? 'o' : 'm'}${link}${body}`
}

/** `null` where `text` is none. */
export function decodeEnvelope(text: string): LinkEnvelope | null {
  const link = text.slice(1, 1 + LINK_ID_LENGTH)
  if ((text[0] !== 'o' && text[0] !== 'm') || fromBase64Url(link)?.length !== LINK_ID_BYTES) return null
  return { opens: text[0] === 'o', link, body: text.slice(1 + LINK_ID_LENGTH) }
}
