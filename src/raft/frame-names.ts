import { type ByteReader, type ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import { MAX_ID_BYTES } from './id.ts'

/** The ids of one frame, in the order of first use: its head says each once, its body means them by number. */
export class FrameNames {
  readonly list: string[] = []
  /** Built only where there are many to look through. */
  #numbers: Map<string, number> | null = null

  clear(): this {
    this.list.length = 0
    this.#numbers = null
    return this
  }

  numberOf(name: string): number {
    const { list } = this
    if (list.length > MAX_SEARCHED_NAMES) this.#numbers ??= new Map(list.map((each, number) => [each, number]))
    const number = this.#numbers === null ? list.indexOf(name) : (this.#numbers.get(name) ?? -1)
    if (number !== -1) return number
    this.#numbers?.set(name, list.length)
    return list.push(name) - 1
  }
}

const MAX_SEARCHED_NAMES = 8

/** How a name is said: in full; in full with a token for later; by a token that was defined before. */
const IN_FULL = 0
const DEFINED = 1
const BY_TOKEN = 2

/** Whether a name is no longer than a token: then it is always said in full. */
export function isPlain(name: string): boolean {
  return name.length <= 4
}

/** What the two ends of a link have agreed on about names. */
export interface LinkNames {
  /** Stands for the name in what is sent. */
  tokenOf(name: string): number
  /** Whether the far end has said that it knows it. */
  isKnown(token: number): boolean
  /** What a token stands for in what is received. */
  nameOf(token: number): string | undefined
}

/** What the head of a frame said about names. */
export interface HeardNames {
  /** By number; empty text where a token was not known. */
  readonly list: string[]
  /** Names with a token, and their tokens; `null` for none. */
  defined: { readonly token: number; readonly name: string }[] | null
  unknown: number[] | null
}

/** Without `link` every name is said in full. */
export function writeNames(w: ByteWriter, names: readonly string[], link: LinkNames | null): void {
  w.varint(names.length)
  for (const name of names) {
    if (link === null || isPlain(name)) {
      w.u8(IN_FULL).text(name)
      continue
    }
    const token = link.tokenOf(name)
    if (link.isKnown(token)) w.u8(BY_TOKEN).u32(token)
    else w.u8(DEFINED).u32(token).text(name)
  }
}

export function readNames(r: ByteReader, link: LinkNames | null): HeardNames {
  const count = r.varint()
  // A name is at least three bytes: a count that the frame cannot hold is refused before anything is made of it.
  if (count > r.remaining / 3) throw new MalformedBytesError(`${count} names in ${r.remaining} bytes`)
  const heard: HeardNames = { list: [], defined: null, unknown: null }
  for (let i = 0; i < count; i++) heard.list.push(readName(r, link, heard))
  return heard
}

function readName(r: ByteReader, link: LinkNames | null, heard: HeardNames): string {
  switch (r.u8()) {
    case IN_FULL:
      return readId(r)
    case DEFINED: {
      const token = r.u32()
      const name = readId(r)
      heard.defined ??= []
      heard.defined.push({ token, name })
      return name
    }
    case BY_TOKEN: {
      const token = r.u32()
      const name = link?.nameOf(token)
      if (name !== undefined) return name
      heard.unknown ??= []
      heard.unknown.push(token)
      return ''
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
