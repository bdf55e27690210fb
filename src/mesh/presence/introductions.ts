import { SIGNAL_BOUNDS, type SignalAddress } from '../../signal/protocol.ts'
import { TokenBucket } from '../../signal/token-bucket.ts'
import { MAX_INTRODUCED, type Introduced, type Introduction } from '../link/introduction-frames.ts'

/**
 * Through whom each member of the room can be reached: the server, while both are attached there, or a linked
 * peer that is linked with it too. A pure machine: what servers and links say are its inputs; whom the mesh
 * may dial, and by which way words for them go, its effects, to be carried out in order.
 *
 * Each end of a link tells the other whom it is linked with, first all, then what changes, and hands on words
 * between peers that are linked with it, one hop. So members that sit on different servers, or on none, are
 * still of one room: to reach one is to reach all. A carrier can be silent or lie as a server can, and no more:
 * links prove who is at their end.
 */
export class Introductions {
  readonly #selfId: string
  readonly #atServer: Set<string> = new Set()
  /** Heard through the server, which has not said that they are there. */
  readonly #callers: Set<string> = new Set()
  readonly #links: Map<string, LinkedPeer> = new Map()
  /** Whom linked peers told of, as the mesh knows them. */
  #introduced: ReadonlyMap<string, SignalAddress> = new Map()
  /** The way of the last words to or from a member: {@link SERVER}, or a link's name. */
  readonly #routes: Map<string, string> = new Map()
  readonly #refused: Map<IntroductionGate, number> = new Map()
  #effects: IntroductionEffect[] = []

  constructor(selfId: string) {
    this.#selfId = selfId
  }

  /** What was not taken or not handed on, by cause. */
  get refused(): ReadonlyMap<IntroductionGate, number> {
    return new Map(this.#refused)
  }

  /** Whether a linked peer is linked with this member. */
  knows(at: SignalAddress): boolean {
    return this.#introduced.has(keyOf(at))
  }

  /** The links over which others carry to this member, by what they say. */
  carriersOf(at: SignalAddress): { readonly link: string; readonly peer: string }[] {
    const key = keyOf(at)
    return [...this.#links]
      .filter(([, { open, carries, heard }]) => open && carries && heard.get(key)?.carries === true)
      .map(([link, { at: carrier }]) => ({ link, peer: carrier.peer }))
  }

  /** Whether bytes of others may go over the link now. */
  isCarrying(link: string): boolean {
    const known = this.#links.get(link)
    return known?.open === true && known.carries
  }

  /** How what came over the link `from` gets on to a member, under which address; or why it does not. */
  wayOn(
    from: string,
    to: SignalAddress,
  ): { readonly link: string; readonly sender: SignalAddress } | 'not-linked' | 'not-direct' {
    const sender = this.#links.get(from)
    const link = this.#openLinkTo(keyOf(to))
    if (sender === undefined || link === null || link === from) return 'not-linked'
    return this.isCarrying(from) && this.isCarrying(link) ? { link, sender: sender.at } : 'not-direct'
  }

  step(input: IntroductionInput): IntroductionEffect[] {
    this.#effects = []
    switch (input.kind) {
      case 'attached':
        this.#atServer.clear()
        this.#callers.clear()
        for (const at of input.present) this.#onPresent(at)
        this.#forgetRoutes()
        break
      case 'detached':
        this.#atServer.clear()
        this.#callers.clear()
        this.#forgetRoutes()
        break
      case 'joined':
        this.#onPresent(input.at)
        break
      case 'left':
        this.#atServer.delete(keyOf(input.at))
        this.#callers.delete(keyOf(input.at))
        this.#forgetRoutes([keyOf(input.at)])
        break
      case 'linked':
        this.#onLinked(input)
        break
      case 'path':
        this.#onPath(input.link, input.open)
        break
      case 'unlinked':
        if (this.#links.delete(input.link)) this.#publish()
        break
      case 'heard':
        this.#onHeard(input.link, input.said, input.nowMs)
        break
      case 'served':
        this.#deliver(SERVER, input.from, input.body)
        break
      case 'send':
        this.#send(input.to, input.body)
        break
      case 'attempt':
        this.#onAttempt(input.to)
        break
      case 'unsaid':
        this.#refuse('congested')
        break
    }
    return this.#effects
  }

  #onPresent(at: SignalAddress): void {
    if (this.#atServer.size < SIGNAL_BOUNDS.peers) this.#atServer.add(keyOf(at))
  }

  /** Apart from those who are listed, so that made-up callers take nobody's place but one another's. */
  #onCaller(key: string): void {
    this.#callers.add(key)
    const [oldest] = this.#callers
    if (oldest !== undefined && this.#callers.size > MAX_CALLERS) this.#callers.delete(oldest)
  }

  /* ── Links ─────────────────────────────────────────────────────────────────────────────────── */

  #onLinked({ link, at, carries, nowMs }: IntroductionInput & { kind: 'linked' }): void {
    this.#links.set(link, {
      at,
      key: keyOf(at),
      carries,
      open: true,
      told: new Map(),
      heard: new Map(),
      news: new TokenBucket(NEWS_PER_SECOND, NEWS_BURST, nowMs),
      wordsForOthers: new TokenBucket(CARRIED_PER_SECOND, CARRIED_BURST, nowMs),
      wordsOfOthers: new TokenBucket(CARRIED_PER_SECOND, CARRIED_BURST, nowMs),
    })
    this.#publish()
  }

  #onPath(id: string, open: boolean): void {
    const link = this.#links.get(id)
    if (link === undefined || link.open === open) return
    link.open = open
    this.#publish()
  }

  #onHeard(id: string, said: Introduction, nowMs: number): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    switch (said.kind) {
      case 'roster':
        return this.#onRoster(link, said, nowMs)
      case 'hand-on':
        return this.#handOn(id, link, said.address, said.body, nowMs)
      case 'handed-on':
        // Who hands on said before that it is linked with the sender.
        if (!link.wordsOfOthers.take(nowMs)) this.#refuse('too-fast')
        else if (link.heard.has(keyOf(said.address))) this.#deliver(id, said.address, said.body)
        else this.#refuse('unannounced')
    }
  }

  #onRoster(link: LinkedPeer, { came, went }: Introduction & { kind: 'roster' }, nowMs: number): void {
    for (const at of went) link.heard.delete(keyOf(at))
    for (const told of came) {
      const { at } = told
      const key = keyOf(at)
      if (at.peer === this.#selfId || key === link.key) continue
      if (!link.news.take(nowMs)) this.#refuse('too-fast')
      else if (link.heard.size < MAX_INTRODUCED || link.heard.has(key)) link.heard.set(key, told)
      else this.#refuse('too-many-introduced')
    }
    this.#publish()
  }

  #handOn(from: string, sender: LinkedPeer, to: SignalAddress, body: string, nowMs: number): void {
    const target = this.#openLinkTo(keyOf(to))
    if (!sender.wordsForOthers.take(nowMs)) this.#refuse('too-fast')
    else if (target === null || target === from) this.#refuse('not-linked')
    else this.#effects.push({ kind: 'say', link: target, say: { kind: 'handed-on', address: sender.at, body } })
  }

  #openLinkTo(key: string): string | null {
    for (const [id, link] of this.#links) if (link.open && link.key === key) return id
    return null
  }

  /** Tells linked peers and the mesh what has changed for them. A link without a path is told when it has one again. */
  #publish(): void {
    const linked = new Map<string, Introduced>()
    const introduced = new Map<string, SignalAddress>()
    for (const { open, key, at, carries, heard } of this.#links.values()) {
      if (!open) continue
      linked.set(key, { at, carries })
      for (const [told, { at: address }] of heard) introduced.set(told, address)
    }
    for (const [id, link] of this.#links) {
      if (!link.open) continue
      const rest = new Map([...linked].filter(([key]) => key !== link.key).slice(0, MAX_INTRODUCED))
      const came = [...rest].filter(([key, { carries }]) => link.told.get(key)?.carries !== carries)
      const went = missing(link.told, rest)
      link.told = rest
      if (came.length > 0 || went.length > 0)
        this.#effects.push({
          kind: 'say',
          link: id,
          say: { kind: 'roster', came: came.map(([, told]) => told), went: went.map(({ at }) => at) },
        })
    }
    const before = this.#introduced
    this.#introduced = introduced
    for (const at of missing(introduced, before)) this.#effects.push({ kind: 'introduced', at })
    for (const at of missing(before, introduced)) this.#effects.push({ kind: 'withdrawn', at })
    this.#forgetRoutes()
  }

  /** The last way to whom no way leads any more is of no use. */
  #forgetRoutes(keys: Iterable<string> = this.#routes.keys()): void {
    for (const key of keys) if (this.#waysTo(key).length === 0) this.#routes.delete(key)
  }

  /* ── Words for others ──────────────────────────────────────────────────────────────────────── */

  #deliver(route: string, from: SignalAddress, body: string): void {
    const key = keyOf(from)
    if (route === SERVER && !this.#atServer.has(key)) this.#onCaller(key)
    // What came this way shows that this way is open: the answer takes it too.
    if (this.#waysTo(key).includes(route)) this.#routes.set(key, route)
    this.#effects.push({ kind: 'deliver', from, body })
  }

  #send(to: SignalAddress, body: string): void {
    const key = keyOf(to)
    const ways = this.#waysTo(key)
    const last = this.#routes.get(key)
    const way = last !== undefined && ways.includes(last) ? last : ways[0]
    if (way === undefined) {
      this.#refuse('no-way')
      return
    }
    // Words of one attempt keep to one way, so that none overtakes another.
    this.#routes.set(key, way)
    if (way === SERVER) this.#effects.push({ kind: 'serve', to, body })
    else this.#effects.push({ kind: 'say', link: way, say: { kind: 'hand-on', address: to, body } })
  }

  /** The last attempt's way may be the reason that it failed: the next one takes another where there is one. */
  #onAttempt(to: SignalAddress): void {
    const key = keyOf(to)
    const ways = this.#waysTo(key)
    const next = ways[(ways.indexOf(this.#routes.get(key) ?? '') + 1) % ways.length]
    if (next !== undefined) this.#routes.set(key, next)
  }

  #waysTo(key: string): string[] {
    const ways = this.#atServer.has(key) || this.#callers.has(key) ? [SERVER] : []
    for (const [id, { open, heard }] of this.#links) if (open && heard.has(key)) ways.push(id)
    return ways
  }

  #refuse(gate: IntroductionGate): void {
    this.#refused.set(gate, (this.#refused.get(gate) ?? 0) + 1)
  }
}

/** Words that are handed on for one linked peer, and those that it hands on: a second, sustained, and at once after a pause. */
export const CARRIED_PER_SECOND = 50
export const CARRIED_BURST = 500

/** Members that one linked peer may newly tell of: a second, sustained, and at once. Each may cost an attempt to link. */
export const NEWS_PER_SECOND = 4
export const NEWS_BURST = 128

/** Who is heard through the server and not listed by it, and is answered all the same. */
const MAX_CALLERS = 64

export type IntroductionInput =
  /** As signalling says; see {@link PresenceHandlers}. */
  | { readonly kind: 'attached'; readonly present: readonly SignalAddress[] }
  | { readonly kind: 'detached' }
  | { readonly kind: 'joined' | 'left'; readonly at: SignalAddress }
  /** Words that came through the server. */
  | { readonly kind: 'served'; readonly from: SignalAddress; readonly body: string }
  /** A link whose other end is proved, under a name that no other has. */
  | {
      readonly kind: 'linked'
      readonly link: string
      readonly at: SignalAddress
      /** Whether bytes of others may go over it. */
      readonly carries: boolean
      readonly nowMs: number
    }
  /** Whether anything gets through for now. */
  | { readonly kind: 'path'; readonly link: string; readonly open: boolean }
  | { readonly kind: 'unlinked'; readonly link: string }
  /** What the other end of a link said. */
  | { readonly kind: 'heard'; readonly link: string; readonly said: Introduction; readonly nowMs: number }
  | { readonly kind: 'send'; readonly to: SignalAddress; readonly body: string }
  /** Another attempt to reach a member begins. */
  | { readonly kind: 'attempt'; readonly to: SignalAddress }
  /** Words were not said, for the link had no room for them. */
  | { readonly kind: 'unsaid' }

export type IntroductionEffect =
  | { readonly kind: 'say'; readonly link: string; readonly say: Introduction }
  /** Hand `body` to the server. */
  | { readonly kind: 'serve'; readonly to: SignalAddress; readonly body: string }
  | { readonly kind: 'deliver'; readonly from: SignalAddress; readonly body: string }
  /** A linked peer is linked with this member; `withdrawn`: none is any longer. */
  | { readonly kind: 'introduced' | 'withdrawn'; readonly at: SignalAddress }

/**
 * `too-many-introduced`: over {@link MAX_INTRODUCED}. `too-fast`: over {@link CARRIED_PER_SECOND} or {@link NEWS_PER_SECOND}. `not-linked`: for
 * somebody whom this peer has no link with. `unannounced`: from somebody whom the carrier had not told of.
 * `congested`: the link on had no room. `no-way`: own words for somebody whom nobody reaches.
 */
export type IntroductionGate =
  | 'too-many-introduced'
  | 'too-fast'
  | 'not-linked'
  | 'unannounced'
  | 'congested'
  | 'no-way'

interface LinkedPeer {
  readonly at: SignalAddress
  readonly key: string
  readonly carries: boolean
  open: boolean
  /** What the other end knows from this one, and this one from it. */
  told: ReadonlyMap<string, Introduced>
  readonly heard: Map<string, Introduced>
  readonly news: TokenBucket
  readonly wordsForOthers: TokenBucket
  readonly wordsOfOthers: TokenBucket
}

/** No link is called so: their names are longer. */
const SERVER = 'server'

function keyOf({ peer, session }: SignalAddress): string {
  return JSON.stringify([peer, session])
}

function missing<T>(of: ReadonlyMap<string, T>, from: ReadonlyMap<string, T>): T[] {
  return [...of].filter(([key]) => !from.has(key)).map(([, value]) => value)
}
