import { ByteReader, ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'
import { encodeRaftMessage, RAFT_WIRE_VERSION, readRaftFrame } from './codec.ts'
import type { NodeId } from './contract.ts'
import type { RaftMessage } from './core/message.ts'
import type { TokenOf } from './frame-names.ts'

/** Ids that a node has tokens for at a time: a new one retires the oldest, which is then said in full again. */
export const MAX_SPOKEN_NAMES = 256
/**
 * Tokens of one peer that a node remembers: a new one retires the oldest. More than a peer has, so that those retired
 * are of no more use to it.
 */
export const MAX_HEARD_NAMES = 1024

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

interface Link {
  /** Tokens of ours that the far end has said it knows. */
  readonly known: Set<number>
  /** What the far end's tokens mean. A token never changes its meaning. */
  readonly names: Map<number, string>
}

/**
 * The frames of one node's links, in which an id that comes often is a token of four bytes. A name is sent in full,
 * together with its token, until the far end has said that it knows the token, and only then by the token alone. So
 * frames may be lost, doubled or overtake one another, and either end may start anew: a token is understood rightly or
 * not at all, and one that is not understood costs that frame and is sent in full again.
 */
export class RaftLinks {
  readonly #random: Random
  readonly #links: Map<NodeId, Link> = new Map()
  readonly #tokens: Map<string, number> = new Map()
  readonly #spoken: Map<number, string> = new Map()

  constructor(random: Random) {
    this.#random = random
  }

  /** These are the far ends now. What was known of others is forgotten. */
  keep(peers: ReadonlySet<NodeId>): void {
    for (const peer of this.#links.keys()) if (!peers.has(peer)) this.#links.delete(peer)
    for (const peer of peers) if (!this.#links.has(peer)) this.#links.set(peer, { known: new Set(), names: new Map() })
  }

  encode(to: NodeId, message: RaftMessage): Uint8Array<ArrayBuffer> {
    const link = this.#links.get(to)
    if (link === undefined) return encodeRaftMessage(message)
    return encodeRaftMessage(message, this.#tokenOf(link.known))
  }

  /** Nothing a peer can send makes this throw. The message keeps the frame: its commands are views of it. */
  hear(from: NodeId, frame: Uint8Array): Heard {
    const link = this.#links.get(from)
    if (frame[1] === TOKENS_KNOWN || frame[1] === TOKENS_UNKNOWN) return this.#hearOfTokens(link, frame)
    const heard = readRaftFrame(frame, (token) => link?.names.get(token))
    if (heard === null) return { message: null, refusal: 'frame-malformed', answer: null }
    const { message, names } = heard
    if (names === null || link === undefined) {
      return { message, refusal: message === null ? 'frame-unknown-name' : null, answer: null }
    }
    const learned = names.defined.filter(({ token, name }) => learn(link, token, name)).map(({ token }) => token)
    if (message === null)
      return { message, refusal: 'frame-unknown-name', answer: about(TOKENS_UNKNOWN, names.unknown) }
    return { message, refusal: null, answer: learned.length === 0 ? null : about(TOKENS_KNOWN, learned) }
  }

  #tokenOf(known: ReadonlySet<number>): TokenOf {
    return (name) => {
      const token = this.#tokens.get(name) ?? this.#newToken(name)
      return { token, isKnown: known.has(token) }
    }
  }

  #newToken(name: string): number {
    const [oldest] = this.#spoken
    if (this.#spoken.size >= MAX_SPOKEN_NAMES && oldest !== undefined) this.#retire(...oldest)
    let token = 0
    do token = Math.floor(this.#random() * 2 ** 32)
    while (this.#spoken.has(token))
    this.#spoken.set(token, name)
    this.#tokens.set(name, token)
    return token
  }

  #retire(token: number, name: string): void {
    this.#spoken.delete(token)
    this.#tokens.delete(name)
    for (const { known } of this.#links.values()) known.delete(token)
  }

  #hearOfTokens(link: Link | undefined, frame: Uint8Array): Heard {
    const tokens = readTokens(frame)
    if (tokens === null) return { message: null, refusal: 'frame-malformed', answer: null }
    for (const token of tokens) {
      if (frame[1] === TOKENS_UNKNOWN) link?.known.delete(token)
      // What was never said cannot be known.
      else if (this.#spoken.has(token)) link?.known.add(token)
    }
    return { message: null, refusal: null, answer: null }
  }
}

/** Whether the token now has that meaning here. */
function learn({ names }: Link, token: number, name: string): boolean {
  const meant = names.get(token)
  if (meant !== undefined) return meant === name
  const [oldest] = names.keys()
  if (names.size >= MAX_HEARD_NAMES && oldest !== undefined) names.delete(oldest)
  names.set(token, name)
  return true
}

function about(kind: number, tokens: readonly number[]): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter(8 + 4 * tokens.length).u8(RAFT_WIRE_VERSION).u8(kind).varint(tokens.length)
  for (const token of tokens) w.u32(token)
  return w.finish()
}

function readTokens(frame: Uint8Array): number[] | null {
  try {
    const r = new ByteReader(frame)
    if (r.u8() !== RAFT_WIRE_VERSION) return null
    r.u8()
    const count = r.varint()
    if (count !== r.remaining / 4) return null
    return Array.from({ length: count }, () => r.u32())
  } catch (error) {
    if (error instanceof MalformedBytesError) return null
    throw error
  }
}
