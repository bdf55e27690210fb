import { fullJitterMs, type Random } from '../base/random.ts'
import type { PeerId } from '../seam/contract.ts'
import type { LeftWhy, SignalAddress } from '../signal/protocol.ts'
import type { GoodbyeReason } from './link/link-frames.ts'
import type { LinkRoute, LinkStage } from './link/link-status.ts'
import {
  isGone,
  isReachable,
  keyOf,
  lostTimer,
  relayTimer,
  restartTimer,
  retryTimer,
  type ListedPeer,
  type Member,
  type MeshLink,
} from './mesh-member.ts'
import type { LinkEnd, MeshEffect, MeshInput, MeshLinkView, MeshOptions, RelayPolicy } from './mesh-steps.ts'

/**
 * Who is linked to whom, decided. A pure machine: signalling and links are its inputs, dialling,
 * listing and dropping its effects, to be carried out in order.
 *
 * Who attaches to a server dials those present, so that a pair of peers has one dialler. Where both
 * dial all the same (after a failure, both notice), the end with the lower id yields. A link that has
 * proved its key carries what goes to its peer, in place of an older one, once the end with the higher id says so;
 * the peer is listed then. A peer whose link fails is *interrupted*: it stays listed for a while, in which the link
 * is restarted, then made again, with growing pauses, while the peer is still attached.
 */
export class Mesh {
  readonly #selfId: PeerId
  readonly #random: Random
  readonly #newLinkId: () => string
  readonly #members: Map<string, Member> = new Map()
  readonly #links: Map<string, MeshLink> = new Map()
  readonly #listed: Map<PeerId, ListedPeer> = new Map()
  readonly #lostAfterMs: number
  readonly #relay: RelayPolicy
  #effects: MeshEffect[] = []

  constructor(options: MeshOptions) {
    this.#lostAfterMs = options.lostAfterMs ?? LOST_AFTER_MS
    this.#relay = options.relay ?? 'never'
    this.#selfId = options.selfId
    this.#random = options.random
    this.#newLinkId = options.newLinkId
  }

  /** Whether a link is being made, or may yet be, to anybody. */
  get hasProspects(): boolean {
    return this.#links.size > 0 || [...this.#members.values()].some((member) => isReachable(member) && !member.shunned)
  }

  get links(): readonly MeshLinkView[] {
    return [...this.#links.values()].map(({ id, member, stage, route }) => ({ id, ...member.at, stage, route }))
  }

  /** How it stands with every peer that is linked, interrupted, or being linked with. */
  get peers(): ReadonlyMap<PeerId, LinkStage> {
    const stages = new Map<PeerId, LinkStage>()
    for (const { member } of this.#links.values()) stages.set(member.at.peer, 'connecting')
    for (const [peer, { link }] of this.#listed) stages.set(peer, link?.stage ?? 'interrupted')
    return stages
  }

  /** The link that carries what goes to a peer. */
  linkOf(peer: PeerId): string | null {
    return this.#listed.get(peer)?.link?.id ?? null
  }

  step(input: MeshInput): MeshEffect[] {
    this.#effects = []
    switch (input.kind) {
      case 'attached':
        this.#onAttached(input.present)
        break
      case 'detached':
        this.#onDetached()
        break
      case 'joined':
        this.#onJoined(input.at)
        break
      case 'left':
        this.#onLeft(input.at, input.why)
        break
      case 'introduced':
        this.#onIntroduced(input.at)
        break
      case 'withdrawn':
        this.#onWithdrawn(input.at)
        break
      case 'dialled':
        this.#onDialled(input.at, input.link, input.route ?? 'direct')
        break
      case 'answered':
        this.#onAnswered(input.link)
        break
      case 'proved':
        this.#onProved(input.link)
        break
      case 'chosen':
        this.#onChosen(input.link)
        break
      case 'ended':
        this.#onEnded(input.link, input.why)
        break
      case 'path':
        this.#onPath(input.link, input.path)
        break
      case 'wake':
        this.#onWake()
        break
      case 'cut-off':
        this.#onCutOff(input.peer)
        break
      case 'due':
        this.#onDue(input.timer)
        break
    }
    return this.#effects
  }

  /* ── Signalling ────────────────────────────────────────────────────────────────────────────── */

  #onAttached(present: readonly SignalAddress[]): void {
    this.#onDetached()
    const here = present.map((at) => this.#memberAt(at)).filter((member) => member !== null)
    for (const member of here) member.presence = 'attached'
    for (const member of here) {
      const listed = this.#listed.get(member.at.peer)
      // A session beside the linked one of the same peer is its ghost: the linked one still answers.
      if (listed !== undefined && listed.member !== member && isReachable(listed.member)) continue
      if (listed?.link?.stage === 'interrupted') this.#restart(listed.link)
      this.#abandonCalls(member)
      this.#dial(member)
    }
    for (const listed of this.#listed.values()) this.#seekIfOutOfReach(listed)
  }

  #onDetached(): void {
    for (const member of this.#members.values()) {
      member.presence = 'unknown'
      this.#pauseIfUnreachable(member)
    }
  }

  #onJoined(at: SignalAddress): void {
    const member = this.#memberAt(at)
    if (member === null) return
    member.presence = 'attached'
    member.shunned = false
    this.#abandonCalls(member)
    // It dials, having come later. If nothing is heard of it, that call was lost and this end tries.
    if (this.#linkOf(member) === null) this.#arm(retryTimer(member), FALLBACK_DIAL_MS)
  }

  #onLeft(at: SignalAddress, why: LeftWhy): void {
    const member = this.#members.get(keyOf(at))
    if (member === undefined) return
    member.presence = why === 'gone' ? 'gone' : 'unknown'
    if (why === 'gone') this.#onGone(member)
    this.#onUnreachable(member)
  }

  /** If it is: there may be another way to it. */
  #onUnreachable(member: Member): void {
    const listed = this.#listed.get(member.at.peer)
    if (listed?.member === member) this.#seekIfOutOfReach(listed)
    this.#pauseIfUnreachable(member)
  }

  /** Who has left for good is given up where there is no link that says otherwise. */
  #onGone(member: Member): void {
    const listed = this.#listed.get(member.at.peer)
    const link = listed?.member === member ? listed.link : null
    // A page that was closed says no goodbye: its link looks well for seconds.
    if (link?.stage === 'connected') this.#effects.push({ kind: 'ask', link: link.id })
    if (member.introduced) return
    for (const other of this.#linksOf(member)) if (other.stage === 'connecting') this.#drop(other, null)
    if (listed?.member === member && link?.stage !== 'connected') this.#unlist(listed, null)
  }

  #onIntroduced(at: SignalAddress): void {
    const member = this.#memberAt(at)
    if (member === null || member.introduced) return
    const isNews = !isReachable(member)
    member.introduced = true
    const listed = this.#listed.get(at.peer)
    if (listed?.member === member && listed.link?.stage === 'interrupted') this.#restart(listed.link)
    if (!isNews || member.shunned || this.#linkOf(member) !== null) return
    // Both ends hear of each other at about the same time: one calls, and a session beside a linked one may be a ghost.
    const isOther = listed !== undefined && listed.member !== member
    if (this.#isPolite(at.peer) || isOther) this.#arm(retryTimer(member), FALLBACK_DIAL_MS)
    else this.#dial(member)
  }

  #onWithdrawn(at: SignalAddress): void {
    const member = this.#members.get(keyOf(at))
    if (member === undefined) return
    member.introduced = false
    if (member.presence === 'gone') this.#onGone(member)
    this.#onUnreachable(member)
  }

  #onDialled(at: SignalAddress, id: string, route: LinkRoute): void {
    const member = this.#memberAt(at)
    if (member === null || this.#links.has(id)) return
    // A direct call where none is wanted: the other end will come through the relay, if it can.
    if (this.#relay === 'always' && route === 'direct') return
    const pending = this.#linksOf(member).find((link) => link.stage === 'connecting' && link.route === route)
    if (pending !== undefined) {
      // Both dialled at once: the lower id yields, the other goes on as if nothing had come.
      if (pending.outgoing && !this.#isPolite(at.peer)) return
      this.#drop(pending, null)
    }
    if (this.#links.size >= MAX_LINKS) return
    this.#disarm(retryTimer(member))
    this.#start('accept', member, id, route)
  }

  /* ── Links ─────────────────────────────────────────────────────────────────────────────────── */

  #onAnswered(id: string): void {
    const link = this.#links.get(id)
    if (link?.stage === 'connecting') this.#disarm(restartTimer(link))
  }

  #onProved(id: string): void {
    const link = this.#links.get(id)
    if (link === undefined || link.isProved) return
    link.isProved = true
    const { member } = link
    const listed = this.#listed.get(member.at.peer)
    if (listed !== undefined && listed.member !== member) this.#unlist(listed, 'superseded')
    member.attempts = 0
    member.shunned = false
    this.#disarm(retryTimer(member))
    this.#disarm(restartTimer(link))
    this.#stopDiallingOthersOf(member)
    if (!this.#isPolite(member.at.peer)) this.#choose(link)
  }

  /** Links of one session may be proved in any order at either end: one end says which of them carries. */
  #choose(link: MeshLink): void {
    const former = this.#listed.get(link.member.at.peer)?.link
    if (former?.stage !== 'connected' || former.route === 'relayed' || link.route === 'direct') return this.#carry(link)
    this.#drop(link, null)
    // Who called for a relay may have lost a link that looks well from here.
    this.#effects.push({ kind: 'ask', link: former.id })
  }

  #onChosen(id: string): void {
    const link = this.#links.get(id)
    if (link === undefined || !link.isProved || !this.#isPolite(link.member.at.peer)) return
    if (this.#listed.get(link.member.at.peer)?.link !== link) this.#carry(link)
  }

  #carry(link: MeshLink): void {
    const { member } = link
    const { peer } = member.at
    const former = this.#listed.get(peer)?.link ?? null
    link.stage = 'connected'
    this.#disarm(lostTimer(peer))
    this.#disarm(relayTimer(member))
    this.#listed.set(peer, { member, link })
    this.#effects.push({ kind: 'carry', peer, at: member.at, link: link.id })
    if (former !== null) this.#drop(former, null)
    if (link.route === 'relayed') {
      if (this.#relay === 'fallback') this.#retryLater(member)
    } else for (const other of this.#linksOf(member)) if (other.route === 'relayed') this.#drop(other, null)
  }

  /** The key is proved by one session: calls of ours to others under the same id are calls to ghosts. */
  #stopDiallingOthersOf(current: Member): void {
    for (const member of [...this.#members.values()]) {
      if (member === current || member.at.peer !== current.at.peer) continue
      member.shunned = true
      this.#disarm(retryTimer(member))
      for (const link of this.#linksOf(member)) if (link.outgoing) this.#drop(link, null)
      this.#forgetIfIdle(member)
    }
  }

  #onEnded(id: string, why: LinkEnd): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    this.#remove(link)
    const { member } = link
    if (why !== 'failed') member.shunned = true
    const listed = this.#listed.get(member.at.peer)
    if (listed?.link === link) {
      listed.link = null
      if (why !== 'failed' || isGone(member)) this.#unlist(listed, null)
      else {
        if (link.stage === 'connected') this.#arm(lostTimer(member.at.peer), this.#lostAfterMs)
        this.#seekIfOutOfReach(listed)
      }
    }
    if (isReachable(member) && !member.shunned) {
      if (this.#relay === 'fallback') {
        if (link.route === 'direct') this.#dialRelayed(member)
        else this.#arm(relayTimer(member), link.stage === 'connecting' ? RELAY_AFTER_MS : RELAY_AGAIN_MS)
      }
      if (this.#linkOf(member, this.#preferred) === null) this.#retryLater(member)
    }
    this.#forgetIfIdle(member)
  }

  #onPath(id: string, path: 'connected' | 'interrupted'): void {
    const link = this.#links.get(id)
    if (link === undefined || link.stage === 'connecting' || link.stage === path) return
    link.stage = path
    const { peer } = link.member.at
    const listed = this.#listed.get(peer)
    if (path === 'connected') {
      this.#disarm(restartTimer(link))
      this.#disarm(lostTimer(peer))
    } else if (isGone(link.member) && listed !== undefined) this.#unlist(listed, null)
    else {
      this.#arm(lostTimer(peer), this.#lostAfterMs)
      this.#restart(link)
      if (listed !== undefined) this.#seekIfOutOfReach(listed)
    }
  }

  /** The network may be another one than before: what was waited for is tried now. */
  #onWake(): void {
    for (const { link } of this.#listed.values()) {
      if (link?.stage === 'connected') this.#effects.push({ kind: 'ask', link: link.id })
      else if (link !== null) this.#restart(link)
    }
    for (const member of this.#members.values()) {
      if (!isReachable(member) || member.shunned || this.#linkOf(member) !== null) continue
      member.attempts = 0
      this.#dial(member)
    }
  }

  #onCutOff(peer: PeerId): void {
    const listed = this.#listed.get(peer)
    if (listed === undefined) return
    listed.member.shunned = true
    this.#disarm(retryTimer(listed.member))
    this.#unlist(listed, null)
  }

  #onDue(timer: string): void {
    const space = timer.indexOf(' ')
    const [what, key] = [timer.slice(0, space), timer.slice(space + 1)]
    switch (what) {
      case 'restart': {
        // Where nothing can be signalled the old path is the one hope: it has until the peer is lost.
        const link = this.#links.get(key)
        if (link === undefined || !isReachable(link.member)) return
        this.#effects.push({ kind: 'drop', link: key, goodbye: null })
        return this.#onEnded(key, 'failed')
      }
      case 'lost': {
        const listed = this.#listed.get(key)
        if (listed !== undefined) this.#unlist(listed, null, true)
        return
      }
      case 'retry': {
        const member = this.#members.get(key)
        if (member !== undefined && isReachable(member) && !member.shunned) this.#dial(member)
        return
      }
      case 'relay': {
        const member = this.#members.get(key)
        if (member !== undefined) this.#dialRelayed(member)
      }
    }
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #dial(member: Member): void {
    const route = this.#preferred
    if (this.#linkOf(member, route) !== null) return
    if (this.#links.size >= MAX_LINKS) return this.#arm(retryTimer(member), RETRY_CAP_MS)
    this.#disarm(retryTimer(member))
    const link = this.#start('dial', member, this.#newLinkId(), route)
    if (this.#relay === 'fallback') this.#arm(relayTimer(member), RELAY_AFTER_MS)
    // Who or what was to carry the call may carry nothing: while the peer is still listed there is time for another way.
    const listed = this.#listed.get(member.at.peer)
    if (listed?.member === member && listed.link?.stage !== 'connected') this.#arm(restartTimer(link), RESTART_BOUND_MS)
  }

  /** Beside a direct link that is still being made, or made again; never beside one that works. */
  #dialRelayed(member: Member): void {
    const works = this.#listed.get(member.at.peer)?.link?.stage === 'connected'
    if (works || !isReachable(member) || member.shunned) return
    if (this.#linkOf(member, 'relayed') !== null || this.#links.size >= MAX_LINKS) return
    this.#disarm(relayTimer(member))
    this.#start('dial', member, this.#newLinkId(), 'relayed')
  }

  #retryLater(member: Member): void {
    this.#arm(retryTimer(member), fullJitterMs(this.#random, member.attempts++, RETRY_BASE_MS, RETRY_CAP_MS))
  }

  #start(kind: 'dial' | 'accept', member: Member, id: string, route: LinkRoute): MeshLink {
    const link: MeshLink = { id, member, outgoing: kind === 'dial', stage: 'connecting', isProved: false, route }
    this.#links.set(id, link)
    this.#effects.push({ kind, link: id, at: member.at, polite: this.#isPolite(member.at.peer), route })
    return link
  }

  /** What was signalled before an end came to where it is now may have reached nobody. */
  #abandonCalls(member: Member): void {
    for (const link of this.#linksOf(member)) if (link.outgoing && link.stage === 'connecting') this.#drop(link, null)
  }

  #restart(link: MeshLink): void {
    this.#effects.push({ kind: 'restart', link: link.id, at: link.member.at })
    this.#arm(restartTimer(link), RESTART_BOUND_MS)
  }

  /** A listed peer that nothing gets through to has a while to be found, wherever it is attached. */
  #seekIfOutOfReach({ member, link }: ListedPeer): void {
    if (link?.stage !== 'connected' && !isReachable(member)) this.#effects.push({ kind: 'seek' })
  }

  #drop(link: MeshLink, goodbye: GoodbyeReason | null): void {
    this.#effects.push({ kind: 'drop', link: link.id, goodbye })
    this.#remove(link)
  }

  #remove(link: MeshLink): void {
    this.#links.delete(link.id)
    this.#disarm(restartTimer(link))
  }

  /** The peer leaves, and its link with it. */
  #unlist({ member, link }: ListedPeer, goodbye: GoodbyeReason | null, lost = false): void {
    const { peer } = member.at
    this.#listed.delete(peer)
    this.#disarm(lostTimer(peer))
    if (link !== null) this.#drop(link, goodbye)
    this.#effects.push({ kind: 'unlist', peer, lost })
    this.#forgetIfIdle(member)
  }

  #memberAt(at: SignalAddress): Member | null {
    if (at.peer === this.#selfId) return null
    const key = keyOf(at)
    const known = this.#members.get(key)
    if (known !== undefined) return known
    if (this.#members.size >= MAX_MEMBERS) return null
    const member: Member = { at, key, presence: 'unknown', introduced: false, shunned: false, attempts: 0 }
    this.#members.set(key, member)
    return member
  }

  #pauseIfUnreachable(member: Member): void {
    if (!isReachable(member)) this.#disarm(retryTimer(member))
    this.#forgetIfIdle(member)
  }

  #forgetIfIdle(member: Member): void {
    const isListed = this.#listed.get(member.at.peer)?.member === member
    if (!isReachable(member) && !isListed && this.#linkOf(member) === null) this.#members.delete(member.key)
  }

  get #preferred(): LinkRoute {
    return this.#relay === 'always' ? 'relayed' : 'direct'
  }

  #linkOf(member: Member, route?: LinkRoute): MeshLink | null {
    return this.#linksOf(member).find((link) => route === undefined || link.route === route) ?? null
  }

  #linksOf(member: Member): MeshLink[] {
    return [...this.#links.values()].filter((link) => link.member === member)
  }

  #isPolite(peer: PeerId): boolean {
    return this.#selfId < peer
  }

  #arm(timer: string, ms: number): void {
    this.#effects.push({ kind: 'arm', timer, ms })
  }

  #disarm(timer: string): void {
    this.#effects.push({ kind: 'disarm', timer })
  }
}

/** Pauses before a link is made again: full jitter between nothing and the base, doubled each time, up to the cap. */
export const RETRY_BASE_MS = 250
export const RETRY_CAP_MS = 15_000

/** How long who was here first waits for a newcomer's call. */
export const FALLBACK_DIAL_MS = 5_000

/** How long a direct link may take before a relayed one is made beside it. */
export const RELAY_AFTER_MS = 3_000

/** How long after the end of a relayed link that worked another one is made: whatever carried it may be gone, and there may be another. */
export const RELAY_AGAIN_MS = 250

/**
 * How long a restart may take to find a path, and a call to a peer that is still listed to be answered, before
 * the link is given up and made again.
 */
export const RESTART_BOUND_MS = 5_000

/** How long a peer without a working link stays listed, unless told otherwise. */
export const LOST_AFTER_MS = 15_000

/** Links at one time, those in the making included. */
export const MAX_LINKS = 256

/** Attachments known at one time. Signalling names more: they are passed over. */
export const MAX_MEMBERS = 1_024
