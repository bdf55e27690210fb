import { fullJitterMs, type Random } from '../base/random.ts'
import type { PeerId } from '../seam/contract.ts'
import type { SignalAddress } from '../signal/protocol.ts'
import type { GoodbyeReason } from './link-frames.ts'

/**
 * Who is linked to whom, decided. A pure machine: signalling and links are its inputs, dialling,
 * listing and dropping its effects, to be carried out in order.
 *
 * Who attaches to a server dials those present, so that a pair of peers has one dialler. Where both
 * dial all the same (after a failure, both notice), the end with the lower id yields. A link counts
 * once it has proved its key: it is then listed, in place of an older one of the same peer. A link
 * that ends is made again, with growing pauses, while the peer is still attached.
 */
export class Mesh {
  readonly #selfId: PeerId
  readonly #random: Random
  readonly #newLinkId: () => string
  readonly #members: Map<string, Member> = new Map()
  readonly #links: Map<string, MeshLink> = new Map()
  readonly #listed: Map<PeerId, MeshLink> = new Map()
  #effects: MeshEffect[] = []

  constructor(options: { readonly selfId: PeerId; readonly random: Random; readonly newLinkId: () => string }) {
    this.#selfId = options.selfId
    this.#random = options.random
    this.#newLinkId = options.newLinkId
  }

  /** Whether a link is being made, or may yet be, to anybody. */
  get hasProspects(): boolean {
    return (
      this.#links.size > 0 ||
      [...this.#members.values()].some((member) => member.presence === 'attached' && !member.shunned)
    )
  }

  /** Every link, for who shows them. */
  get links(): readonly MeshLinkView[] {
    return [...this.#links.values()].map(({ id, member, stage }) => ({ id, ...member.at, stage }))
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
        this.#onLeft(input.at)
        break
      case 'dialled':
        this.#onDialled(input.at, input.link)
        break
      case 'proved':
        this.#onProved(input.link)
        break
      case 'ended':
        this.#onEnded(input.link, input.why)
        break
      case 'path':
        this.#onPath(input.link, input.path)
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
      if (listed !== undefined && listed.member !== member && listed.member.presence === 'attached') continue
      this.#dial(member)
    }
  }

  #onDetached(): void {
    for (const member of this.#members.values()) {
      member.presence = 'unknown'
      this.#disarm(retryTimer(member))
      this.#forgetIfIdle(member)
    }
  }

  #onJoined(at: SignalAddress): void {
    const member = this.#memberAt(at)
    if (member === null) return
    member.presence = 'attached'
    member.shunned = false
    // It dials, having come later. If nothing is heard of it, that call was lost and this end tries.
    if (this.#linkOf(member) === null) this.#arm(retryTimer(member), FALLBACK_DIAL_MS)
  }

  #onLeft(at: SignalAddress): void {
    const member = this.#members.get(keyOf(at))
    if (member === undefined) return
    member.presence = 'left'
    this.#disarm(retryTimer(member))
    for (const link of this.#linksOf(member)) {
      if (link.stage !== 'connected') this.#drop(link, null)
    }
    this.#forgetIfIdle(member)
  }

  #onDialled(at: SignalAddress, id: string): void {
    const member = this.#memberAt(at)
    if (member === null || this.#links.has(id)) return
    member.presence = 'attached'
    const pending = this.#linksOf(member).find((link) => link.stage === 'connecting')
    if (pending !== undefined) {
      // Both dialled at once: the lower id yields, the other goes on as if nothing had come.
      if (pending.outgoing && !this.#isPolite(at.peer)) return
      this.#drop(pending, null)
    }
    if (this.#links.size >= MAX_LINKS) return
    this.#disarm(retryTimer(member))
    this.#start('accept', member, id)
  }

  /* ── Links ─────────────────────────────────────────────────────────────────────────────────── */

  #onProved(id: string): void {
    const link = this.#links.get(id)
    if (link === undefined || link.stage !== 'connecting') return
    const { peer } = link.member.at
    const old = this.#listed.get(peer)
    if (old !== undefined) this.#drop(old, old.member === link.member ? null : 'superseded')
    link.stage = 'connected'
    link.member.attempts = 0
    link.member.shunned = false
    this.#disarm(retryTimer(link.member))
    this.#listed.set(peer, link)
    this.#effects.push({ kind: 'list', peer, link: id })
    this.#stopDiallingOthersOf(link.member)
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
    if (member.presence === 'attached' && !member.shunned && this.#linkOf(member) === null) {
      this.#arm(retryTimer(member), fullJitterMs(this.#random, member.attempts++, RETRY_BASE_MS, RETRY_CAP_MS))
    }
    this.#forgetIfIdle(member)
  }

  #onPath(id: string, path: 'connected' | 'interrupted'): void {
    const link = this.#links.get(id)
    if (link === undefined || link.stage === 'connecting' || link.stage === path) return
    link.stage = path
    if (path === 'connected') this.#disarm(graceTimer(link))
    else if (link.member.presence === 'left') this.#drop(link, null)
    else {
      this.#arm(graceTimer(link), INTERRUPTED_GRACE_MS)
      // One end is enough to look for another path.
      if (!this.#isPolite(link.member.at.peer)) this.#effects.push({ kind: 'restart', link: id })
    }
  }

  #onDue(timer: string): void {
    const [what, ...key] = timer.split(' ')
    if (what === 'grace') {
      const link = this.#links.get(key.join(' '))
      if (link === undefined) return
      this.#effects.push({ kind: 'drop', link: link.id, goodbye: null })
      this.#onEnded(link.id, 'failed')
    } else {
      const member = this.#members.get(key.join(' '))
      if (member !== undefined && member.presence === 'attached' && !member.shunned) this.#dial(member)
    }
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #dial(member: Member): void {
    if (this.#linkOf(member) !== null || this.#links.size >= MAX_LINKS) return
    this.#disarm(retryTimer(member))
    this.#start('dial', member, this.#newLinkId())
  }

  #start(kind: 'dial' | 'accept', member: Member, id: string): void {
    this.#links.set(id, { id, member, outgoing: kind === 'dial', stage: 'connecting' })
    this.#effects.push({ kind, link: id, at: member.at, polite: this.#isPolite(member.at.peer) })
  }

  #drop(link: MeshLink, goodbye: GoodbyeReason | null): void {
    this.#effects.push({ kind: 'drop', link: link.id, goodbye })
    this.#remove(link)
  }

  #remove(link: MeshLink): void {
    this.#links.delete(link.id)
    this.#disarm(graceTimer(link))
    const { peer } = link.member.at
    if (this.#listed.get(peer) !== link) return
    this.#listed.delete(peer)
    this.#effects.push({ kind: 'unlist', peer })
  }

  #memberAt(at: SignalAddress): Member | null {
    if (at.peer === this.#selfId) return null
    const key = keyOf(at)
    const known = this.#members.get(key)
    if (known !== undefined) return known
    if (this.#members.size >= MAX_MEMBERS) return null
    const member: Member = { at, key, presence: 'unknown', shunned: false, attempts: 0 }
    this.#members.set(key, member)
    return member
  }

  #forgetIfIdle(member: Member): void {
    if (member.presence !== 'attached' && this.#linkOf(member) === null) this.#members.delete(member.key)
  }

  #linkOf(member: Member): MeshLink | null {
    return this.#linksOf(member)[0] ?? null
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

/** How long a link may be without a path before it is given up. */
export const INTERRUPTED_GRACE_MS = 10_000

/** Links at one time, those in the making included. */
export const MAX_LINKS = 256

/** Attachments known at one time. Signalling names more: they are passed over. */
export const MAX_MEMBERS = 1_024

export type MeshInput =
  /** This peer attached to a server; `present` is who else is. */
  | { readonly kind: 'attached'; readonly present: readonly SignalAddress[] }
  | { readonly kind: 'detached' }
  | { readonly kind: 'joined' | 'left'; readonly at: SignalAddress }
  /** Another peer makes a link to this one. */
  | { readonly kind: 'dialled'; readonly at: SignalAddress; readonly link: string }
  | { readonly kind: 'proved'; readonly link: string }
  | { readonly kind: 'ended'; readonly link: string; readonly why: LinkEnd }
  | { readonly kind: 'path'; readonly link: string; readonly path: 'connected' | 'interrupted' }
  | { readonly kind: 'due'; readonly timer: string }

/** `failed`: worth another try. `goodbye`: the other end left. `refused`: it is not whom it claims to be, or is no match. */
export type LinkEnd = 'failed' | 'goodbye' | 'refused'

export type MeshEffect =
  | { readonly kind: 'dial' | 'accept'; readonly link: string; readonly at: SignalAddress; readonly polite: boolean }
  /** Close the link, with a goodbye where there is a reason to give. It sends no `ended`. */
  | { readonly kind: 'drop'; readonly link: string; readonly goodbye: GoodbyeReason | null }
  | { readonly kind: 'list'; readonly peer: PeerId; readonly link: string }
  | { readonly kind: 'unlist'; readonly peer: PeerId }
  | { readonly kind: 'restart'; readonly link: string }
  /** Starts a timer, in place of one of the same name. */
  | { readonly kind: 'arm'; readonly timer: string; readonly ms: number }
  | { readonly kind: 'disarm'; readonly timer: string }

export interface MeshLinkView {
  readonly id: string
  readonly peer: PeerId
  readonly session: string
  readonly stage: LinkStage
}

export type LinkStage = 'connecting' | 'connected' | 'interrupted'

/** One weave of one peer, as signalling or a link tells of it. */
interface Member {
  readonly at: SignalAddress
  readonly key: string
  /** `left`: a server said so. `unknown`: no server that this peer is attached to says anything. */
  presence: 'attached' | 'left' | 'unknown'
  /** Not to be dialled: it left, proved nothing, or is the ghost of a session that did. It may dial. */
  shunned: boolean
  attempts: number
}

interface MeshLink {
  readonly id: string
  readonly member: Member
  readonly outgoing: boolean
  stage: LinkStage
}

function keyOf(at: SignalAddress): string {
  return JSON.stringify([at.peer, at.session])
}

function retryTimer(member: Member): string {
  return `retry ${member.key}`
}

function graceTimer(link: MeshLink): string {
  return `grace ${link.id}`
}
