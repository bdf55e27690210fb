import { MAX_LISTED, type BeaconWords, type RoomMember } from './beacon-words.ts'

/**
 * The list of who is in a room, as the member that is its beacon keeps it. Pure: what is heard goes in, what to
 * answer comes out.
 */
export class RoomBeacon {
  readonly #session: string
  readonly #heardMs: Map<string, { readonly member: RoomMember; atMs: number }> = new Map()
  #maxPeers: number

  /** `session` is that of the member it is; `known` are those that the beacon before it listed. */
  constructor(options: {
    readonly session: string
    readonly maxPeers: number
    readonly known: readonly RoomMember[]
    readonly nowMs: number
  }) {
    this.#session = options.session
    this.#maxPeers = options.maxPeers
    for (const member of options.known) this.#heardMs.set(member.id, { member, atMs: options.nowMs })
  }

  /** Anything that `src` said. */
  hear(src: string, words: BeaconWords, nowMs: number): BeaconReply[] {
    if (words.kind === 'bye') return this.#heardMs.delete(src) ? this.#tellAll() : []
    if (words.kind !== 'hello') return []
    const known = this.#heardMs.get(src)
    if (known !== undefined) {
      known.atMs = nowMs
      return this.#expire(nowMs) ? this.#tellAll() : [{ to: src, words: this.#here() }]
    }
    this.#expire(nowMs)
    const { peer, session } = words.at
    const others = new Set([...this.#heardMs.values()].map(({ member }) => member.peer))
    others.delete(peer)
    if (others.size >= this.#maxPeers || this.#heardMs.size >= MAX_LISTED) return [{ to: src, words: { kind: 'full' } }]
    // One that attached anew is listed once.
    for (const { member } of this.#heardMs.values()) if (member.session === session) this.#heardMs.delete(member.id)
    this.#heardMs.set(src, { member: { peer, session, id: src }, atMs: nowMs })
    return this.#tellAll()
  }

  /** The member that is the beacon leaves. */
  leave(): BeaconReply[] {
    return [...this.#heardMs.keys()].map((to) => ({ to, words: { kind: 'gone' } }))
  }

  /** Newcomers hear of it last: who was there knows them before they call. */
  #tellAll(): BeaconReply[] {
    const words = this.#here()
    return [...this.#heardMs.keys()].map((to) => ({ to, words }))
  }

  #here(): BeaconWords {
    const members = [...this.#heardMs.values()].map(({ member }) => member)
    return { kind: 'here', beacon: this.#session, maxPeers: this.#maxPeers, members }
  }

  #expire(nowMs: number): boolean {
    let expired = false
    for (const [id, { member, atMs }] of this.#heardMs) {
      if (nowMs - atMs <= FORGET_MS || member.session === this.#session) continue
      this.#heardMs.delete(id)
      expired = true
    }
    return expired
  }
}

export interface BeaconReply {
  readonly to: string
  readonly words: BeaconWords
}

/** Members say that they are there once in so long; a hidden tab's timers ring no oftener. */
export const HELLO_MS = 1_000

/** One that has said nothing for so long is listed no more. */
export const FORGET_MS = 4_000
