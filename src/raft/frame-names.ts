import { type ByteReader, type ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import { MAX_ID_BYTES } from './id.ts'

/** The ids of one frame, in the order of first use: its head says each once, its body means them by number. */
export class FrameNames {
  readonly list: string[] = []
  readonly #numbers: Map<string, number> = new Map()

  numberOf(name: string): number {
    let number = this.#numbers.get(name)
    if (number === undefined) {
      number = this.list.length
      this.list.push(name)
      this.#numbers.set(name, number)
    }
    return number
  }
}

/** How a name is said: in full; in full with a token for later; by a token that was defined before. */
const IN_FULL = 0
const DEFINED = 1
const BY_TOKEN = 2

/** Names up to so many UTF-16 units are no longer than a token. */
const MAX_PLAIN_UNITS = 4

/** What the sender knows of the far end: the token of a name, and whether it is known there. */
export type TokenOf = (name: string) => { readonly token: number; readonly isKnown: boolean } | null

/** What a token means on the link that a frame came over. */
export type NameOf = (token: number) => string | undefined

/** What the head of a frame said about names. */
export interface HeardNames {
  /** By number; empty text where a token was not known. */
  readonly list: string[]
  readonly defined: { readonly token: number; readonly name: string }[]
  readonly unknown: number[]
}

export function writeNames(w: ByteWriter, names: readonly string[], tokenOf: TokenOf): void {
  w.varint(names.length)
  for (const name of names) {
    const known = name.length <= MAX_PLAIN_UNITS ? null : tokenOf(name)
    if (known === null) w.u8(IN_FULL).text(name)
    else if (known.isKnown) w.u8(BY_TOKEN).u32(known.token)
    else w.u8(DEFINED).u32(known.token).text(name)
  }
}

export function readNames(r: ByteReader, nameOf: NameOf): HeardNames {
  const count = r.varint()
  // A name is at least three bytes: a count that the frame cannot hold is refused before anything is made of it.
  if (count > r.remaining / 3) throw new MalformedBytesError(`${count} names in ${r.remaining} bytes`)
  const heard: HeardNames = { list: [], defined: [], unknown: [] }
  for (let i = 0; i < count; i++) heard.list.push(readName(r, nameOf, heard))
  return heard
}

function readName(r: ByteReader, nameOf: NameOf, { defined, unknown }: HeardNames): string {
  switch (r.u8()) {
    case IN_FULL:
      return readId(r)
    case DEFINED: {
      const token = r.u32()
      const name = readId(r)
      defined.push({ token, name })
      return name
    }
    case BY_TOKEN: {
      const token = r.u32()
      const name = nameOf(token)
      if (name === undefined) unknown.push(token)
      return name ?? ''
    }
    default:
      throw new MalformedBytesError('no such way to say a name')
  }
}

function readId(r: ByteReader): string {
  const before = r.remaining
  const id = r.text()
  // The longest one has a length of two bytes in front of it.
  if (id === '' || before - r.remaining > MAX_ID_BYTES + 2) throw new MalformedBytesError('an id empty or too long')
  return id
}
