import { ByteReader, ByteWriter, wellFormed } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'
import { RAFT_WIRE_VERSION, readRaftFrame, type SaidFrame, sayRaftMessage } from './codec.ts'
import type { NodeId } from './contract.ts'
import type { RaftMessage } from './core/message.ts'
import { isPlain, type LinkNames } from './frame-names.ts'

/** Ids that a node has tokens for at a time: a new one retires the oldest, which is then said in full again. */
export const MAX_SPOKEN_NAMES = 256
/**
 * Tokens of one peer that a node remembers: a new one retires the oldest. More than a peer has, so that those retired
 * are of no more use to it.
 */
export const MAX_HEARD_NAMES = 1024

/** Tokens of a node's own are below: engines keep whole numbers that small without making an object of each. */
const TOKENS = 2 ** 30

/** Frames about tokens; kinds of messages lie below. */
const TOKENS_KNOWN = 126
const TOKENS_UNKNOWN = 127

export type Refusal = 'frame-malformed' | 'frame-unknown-name'

/** What a frame came to: a message, or the gate that refused it, or neither where it was about tokens. */
export interface Heard {
  readonly message: RaftMessage | null
  readonly refusal: Refusal | null
  /** A frame that the peer is owed, best effort; `null` for none. */
  readonly answer: Uint8Array<ArrayBuffer> | null
}

/** This node's own tokens, the same on each of its links. */
class SpokenNames {
  readonly #random: Random
  readonly #retired: (token: number) => void
  readonly #tokens: Map<string, number> = new Map()
  readonly #names: Map<number, string> = new Map()

  constructor(random: Random, retired: (token: number) => void) {
    this.#random = random
    this.#retired = retired
  }

  has(token: number): boolean {
    return this.#names.has(token)
  }

  find(name: string): number | undefined {
    return this.#tokens.get(name)
  }

  tokenOf(name: string): number {
    return this.find(name) ?? this.#newToken(name)
  }

  #newToken(name: string): number {
    const [oldest] = this.#names
    if (this.#names.size >= MAX_SPOKEN_NAMES && oldest !== undefined) {
      this.#names.delete(oldest[0])
      this.#tokens.delete(oldest[1])
      this.#retired(oldest[0])
    }
    let token = 0
    do token = Math.floor(this.#random() * TOKENS)
    while (this.#names.has(token))
    this.#names.set(token, name)
    this.#tokens.set(name, token)
    return token
  }
}

class Link implements LinkNames {
  readonly #spoken: SpokenNames
  readonly #known: Set<number> = new Set()
  readonly #heard: Map<number, string> = new Map()

  constructor(spoken: SpokenNames) {
    this.#spoken = spoken
  }

  tokenOf(name: string): number {
    return this.#spoken.tokenOf(name)
  }

  isKnown(token: number): boolean {
    return this.#known.has(token)
  }

  /** Whether the far end understands a frame in which each of `names` is said as briefly as can be. */
  knowsAll(names: readonly string[]): boolean {
    return names.every((name) => isPlain(name) || this.#known.has(this.#spoken.find(name) ?? -1))
  }

  nameOf(token: number): string | undefined {
    return this.#heard.get(token)
  }

  /** The far end's word about a token of ours. What was never said cannot be known. */
  setKnown(token: number, isKnown: boolean): void {
    if (isKnown && this.#spoken.has(token)) this.#known.add(token)
    else this.#known.delete(token)
  }

  /** Whether the token of the far end's now has that meaning here: while it is kept, it never changes. */
  learn(token: number, name: string): boolean {
    const meant = this.#heard.get(token)
    if (meant !== undefined) return meant === name
    const [oldest] = this.#heard.keys()
    if (this.#heard.size >= MAX_HEARD_NAMES && oldest !== undefined) this.#heard.delete(oldest)
    this.#heard.set(token, name)
    return true
  }
}

/**
 * The frames of one node's links, in which an id that comes often is a token of four bytes. A name is sent in full,
 * together with its token, until the far end has said that it knows the token, and only then by the token alone. So
 * frames may be lost, doubled or overtake one another, and either end may start anew: a token is understood rightly or
 * not at all, and one that is not understood costs that frame and is sent in full again.
 */
export class RaftLinks {
  readonly #links: Map<NodeId, Link> = new Map()
  readonly #spoken: SpokenNames
  /** The last frame that any far end understands which knows its names. */
  #last: { readonly message: RaftMessage; readonly said: SaidFrame } | null = null

  constructor(random: Random) {
    this.#spoken = new SpokenNames(random, (token) => {
      for (const link of this.#links.values()) link.setKnown(token, false)
    })
  }

  /** These are the far ends now. What was known of others is forgotten. */
  keep(peers: ReadonlySet<NodeId>): void {
    for (const peer of this.#links.keys()) if (!peers.has(peer)) this.#links.delete(peer)
    for (const peer of peers) if (!this.#links.has(peer)) this.#links.set(peer, new Link(this.#spoken))
  }

  /** A message that goes to several far ends is encoded once, where they know its names: its frame is nobody's to change. */
  encode(to: NodeId, message: RaftMessage): Uint8Array<ArrayBuffer> {
    const link = this.#links.get(to) ?? null
    const last = this.#last?.message === message ? this.#last.said : null
    if (last !== null && link?.knowsAll(last.names) === true) return last.frame
    const said = sayRaftMessage(message, link)
    this.#last = link?.knowsAll(said.names) === true ? { message, said } : null
    return said.frame
  }

  /** Nothing a peer can send makes this throw. The message keeps the frame: its commands are views of it. */
  hear(from: NodeId, frame: Uint8Array): Heard {
    const link = this.#links.get(from) ?? null
    if (frame[1] === TOKENS_KNOWN || frame[1] === TOKENS_UNKNOWN) return hearOfTokens(link, frame)
    const heard = readRaftFrame(frame, link)
    if (heard === null) return { message: null, refusal: 'frame-malformed', answer: null }
    const { message, names } = heard
    if (message === null) {
      const answer = link === null ? null : about(TOKENS_UNKNOWN, names?.unknown ?? [])
      return { message, refusal: 'frame-unknown-name', answer }
    }
    const learned = link === null || names === null || names.defined === null ? [] : learn(link, names.defined)
    return { message, refusal: null, answer: learned.length === 0 ? null : about(TOKENS_KNOWN, learned) }
  }
}

/** The tokens that from now on mean what the frame says. */
function learn(link: Link, defined: readonly { readonly token: number; readonly name: string }[]): number[] {
  return defined.filter(({ token, name }) => link.learn(token, name)).map(({ token }) => token)
}

function hearOfTokens(link: Link | null, frame: Uint8Array): Heard {
  const tokens = readTokens(frame)
  if (tokens === null) return { message: null, refusal: 'frame-malformed', answer: null }
  for (const token of tokens) link?.setKnown(token, frame[1] === TOKENS_KNOWN)
  return { message: null, refusal: null, answer: null }
}

function about(kind: number, tokens: readonly number[]): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter(8 + 4 * tokens.length).u8(RAFT_WIRE_VERSION).u8(kind).varint(tokens.length)
  for (const token of tokens) w.u32(token)
  return w.finish()
}

function readTokens(frame: Uint8Array): number[] | null {
  return wellFormed(() => {
    const r = new ByteReader(frame)
    if (r.u8() !== RAFT_WIRE_VERSION) return null
    r.u8()
    const count = r.varint()
    if (count !== r.remaining / 4) return null
    return Array.from({ length: count }, () => r.u32())
  })
}
