import type { PeerId } from '../../seam/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import type { AdmissionPolicy, LocalFabric } from '../contract.ts'
import type { Vetting } from './admission.ts'
import { Following } from './following.ts'
import { Hosting } from './hosting.ts'
import { Joining } from './joining.ts'
import { Membership, type CoreOptions, type RoomEffect } from './membership.ts'
import { type Hello, type Here, PROTOCOL_VERSION, type RoomMessage } from './message.ts'
import { OwnFabric } from './own-fabric.ts'
import { eventsBetween, type RosterView, viewMembers } from './roster-view.ts'
import { Pace } from './pace.ts'
import { type Away, isNewer, memberOf, type RoomState, type StateView } from './room-state.ts'
import { TwoHosts } from './two-hosts.ts'

export type RoomInput =
  /** Time has come; `stalled`: peers whose link takes no frames. Due every quarter of an interval. */
  | { readonly kind: 'tick'; readonly stalled: ReadonlySet<PeerId> }
  /** Who is linked, ourselves not included. */
  | { readonly kind: 'links'; readonly peers: ReadonlySet<PeerId> }
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: RoomMessage }
  /** A frame of a channel. */
  | { readonly kind: 'heard'; readonly from: PeerId }
  | { readonly kind: 'vetted'; readonly from: PeerId; readonly hello: Hello; readonly vetting: Vetting }
  | { readonly kind: 'issued'; readonly to: PeerId; readonly token: ResumeToken }
  | { readonly kind: 'trusted'; readonly token: ResumeToken; readonly state: RoomState; readonly isRightful: boolean }
  | { readonly kind: 'torn' }
  | { readonly kind: 'reattached'; readonly selfId: PeerId }
  | { readonly kind: 'join'; readonly token: ResumeToken | null }
  | { readonly kind: 'found'; readonly state: RoomState; readonly token: ResumeToken }
  | { readonly kind: 'announce'; readonly presence: 'here' | 'hidden' | 'away' }
  | { readonly kind: 'policy'; readonly change: Partial<AdmissionPolicy> }
  | { readonly kind: 'kick'; readonly peer: PeerId; readonly ban: boolean }
  | { readonly kind: 'leave' }

/**
 * One member's half of a room, as a machine: `step` takes what happened and when, and returns what is to be done
 * about it, in order. It knows no promise, no timer and no seam.
 */
export class RoomCore {
  readonly #m: Membership
  readonly #joining: Joining
  readonly #following: Following
  readonly #hosting: Hosting
  readonly #twoHosts: TwoHosts
  readonly #own: OwnFabric
  readonly #evictionToldMs: Map<PeerId, number> = new Map()
  #view: RosterView | null = null
  #viewOf: { readonly state: RoomState | null; readonly hostAway: Away | null } = { state: null, hostAway: null }
  readonly #pace: Pace
  #sentVersion = 0
  constructor(options: CoreOptions, nowMs: number) {
    this.#m = new Membership(options, nowMs)
    this.#pace = new Pace(ROSTERS_AN_INTERVAL, options.timing.intervalMs)
    this.#joining = new Joining(this.#m)
    this.#following = new Following(this.#m, this.#joining)
    this.#hosting = new Hosting(this.#m)
    this.#own = new OwnFabric(this.#m)
    this.#twoHosts = new TwoHosts(this.#m, this.#joining)
  }

  get selfId(): PeerId {
    return this.#m.selfId
  }

  get phase(): Membership['phase'] {
    return this.#m.phase
  }

  get hosts(): boolean {
    return this.#m.hosts
  }

  get state(): RoomState | null {
    return this.#m.state
  }

  /** The members as this peer shows them, the same object until something of it changes; `null` in no room. */
  get view(): RosterView | null {
    return this.#view
  }

  /** Refusals that were dropped, since their sender has no say. */
  get disbelieved(): number {
    return this.#m.disbelieved
  }

  get localFabric(): LocalFabric {
    return this.#m.localFabric
  }

  step(input: RoomInput, nowMs: number): readonly RoomEffect[] {
    const m = this.#m
    m.nowMs = nowMs
    m.effects = []
    if (m.phase !== 'ended') this.#take(input)
    this.#publish()
    return m.effects
  }

  #take(input: RoomInput): void {
    const m = this.#m
    switch (input.kind) {
      case 'tick':
        return this.#tick(input.stalled)
      case 'links':
        return this.#onLinks(input.peers)
      case 'message':
        m.liveness.heard(input.from, m.nowMs)
        return this.#onMessage(input.from, input.message)
      case 'heard':
        m.liveness.heard(input.from, m.nowMs)
        return this.#onSignOfLife(input.from)
      case 'vetted':
        return this.#hosting.onVetted(input.from, input.hello, input.vetting)
      case 'issued':
        return this.#hosting.onIssued(input.to, input.token)
      case 'trusted':
        return this.#joining.onTrusted(input.token, input.state, input.isRightful)
      case 'torn':
        return this.#own.torn()
      case 'reattached':
        return this.#onReattached(input.selfId)
      case 'join':
        return this.#joining.begin({ token: input.token })
      case 'found':
        m.phase = 'inside'
        m.state = input.state
        m.token = input.token
        for (const peer of m.liveness.linked) m.sayHere(peer)
        return
      case 'announce':
        return this.#announce(input.presence)
      case 'policy':
        if (m.hosts) this.#hosting.setPolicy(input.change)
        return
      case 'kick':
        return this.#kick(input.peer, input.ban)
      case 'leave':
        return this.#leave()
    }
  }

  /* ── Links and time ────────────────────────────────────────────────────────────────────────── */

  #onLinks(peers: ReadonlySet<PeerId>): void {
    const m = this.#m
    for (const peer of m.liveness.linked) if (!peers.has(peer)) this.#onUnlinked(peer)
    for (const peer of peers) if (!m.liveness.isLinked(peer)) this.#onLinked(peer)
  }

  #onLinked(peer: PeerId): void {
    const m = this.#m
    m.liveness.link(peer, m.nowMs)
    if (m.phase === 'outside') {
      this.#joining.linked(peer)
      return
    }
    m.sayHere(peer)
    // The sign of life that an open window waits for, and what was missed meanwhile.
    if (m.hosts && m.isMember(peer)) m.send(peer, { kind: 'roster', state: m.room })
    else if (peer === m.room.host) m.ping(peer)
  }

  #onUnlinked(peer: PeerId): void {
    const m = this.#m
    m.liveness.unlink(peer)
    m.claims.delete(peer)
    m.nonces.delete(peer)
    this.#evictionToldMs.delete(peer)
    if (m.phase === 'outside') this.#joining.unlinked(peer)
    else if (m.hosts) this.#hosting.onUnlinked(peer)
    else if (peer === m.room.host) this.#following.setHostAway('transport-closed')
    if (!m.isMember(peer)) m.liveness.forget(peer)
  }

  #tick(stalled: ReadonlySet<PeerId>): void {
    const m = this.#m
    this.#own.tick()
    if (this.#own.isAsleep) return
    if (this.#own.isOver) m.end('unreachable')
    else if (m.phase === 'outside') this.#tickOutside()
    else if (m.hosts) this.#hosting.tick(stalled)
    else this.#following.tick(stalled)
  }

  #tickOutside(): void {
    if (this.#joining.isStranded && !this.#m.withholds && this.#m.isMember(this.#m.selfId)) this.#following.fallBack()
    else this.#joining.tick()
  }

  #onReattached(selfId: PeerId): void {
    const m = this.#m
    const goesOn = m.phase === 'inside' && selfId === m.selfId && m.room.host === selfId
    m.selfId = selfId
    this.#own.reattached()
    if (!goesOn) this.#joining.begin({ token: m.token, isOurs: true })
  }

  /* ── Messages ──────────────────────────────────────────────────────────────────────────────── */

  #onMessage(from: PeerId, message: RoomMessage): void {
    const m = this.#m
    if (message.kind === 'here') this.#onHere(from, message)
    else if (m.phase === 'outside') this.#onMessageOutside(from, message)
    else if (message.kind === 'knock') this.#onKnock(from)
    else if (message.kind === 'hello') {
      if (m.hosts) this.#hosting.onHello(from, message)
    } else if (message.kind === 'merge') {
      if (m.hosts) this.#twoHosts.onMerge(from)
    } else if (!m.isMember(from)) this.#tellEvicted(from, message)
    else this.#onMemberMessage(from, message)
  }

  #onMessageOutside(from: PeerId, message: RoomMessage): void {
    if (message.kind === 'welcome') this.#joining.onWelcome(from, message.token, message.state)
    else if (message.kind === 'reject') this.#joining.onReject(from, message.code, message.retryable)
  }

  #onMemberMessage(from: PeerId, message: RoomMessage): void {
    const m = this.#m
    const isFromHost = from === m.room.host
    switch (message.kind) {
      case 'ping':
        m.send(from, { kind: 'pong', id: message.id, view: m.view })
        this.#compare(from, message.view)
        break
      case 'pong':
        m.liveness.ponged(from, message.id, m.nowMs)
        this.#compare(from, message.view)
        break
      case 'probe':
        this.#onProbe(from, message.target)
        break
      case 'alive':
        if (m.isMember(message.target)) m.liveness.vouched(message.target, m.nowMs)
        this.#onSignOfLife(message.target, { unlessAnnounced: true })
        break
      case 'roster':
        if (!m.hosts) this.#following.onRoster(from, message.state)
        break
      case 'token':
        if (isFromHost) this.#renewed(message.token)
        break
      case 'presence':
        this.#onPresence(from, message.presence)
        return
      case 'goodbye':
        if (m.hosts) this.#hosting.remove(from, 'left')
        return
      case 'evicted':
        if (isFromHost) this.#onEvicted(message.reason)
        return
      case 'reject':
        m.disbelieved++
        break
      case 'yield':
        if (isFromHost) this.#following.onYield(message.to)
        return
      default:
    }
    // An answer may still come from a page that has said it is going.
    if (message.kind !== 'pong' && message.kind !== 'alive') this.#onSignOfLife(from)
    else this.#onSignOfLife(from, { unlessAnnounced: true })
  }

  #onSignOfLife(from: PeerId, options: { unlessAnnounced?: boolean } = {}): void {
    const m = this.#m
    if (m.phase !== 'inside') return
    const isHost = from === m.room.host
    const away = isHost ? m.hostAway : memberOf(m.room, from)?.away
    if (away == null || away.reason === 'back-pressure') return
    if (away.reason === 'announced' && options.unlessAnnounced === true) return
    if (m.hosts) this.#hosting.onSignOfLife(from)
    else if (isHost) this.#following.onSignOfLife()
  }

  /** One of two that compare copies has the older one, and is given the newer. */
  #compare(from: PeerId, theirs: StateView): void {
    const m = this.#m
    // What was handed on reached others before us, or never: they wait for more than they have.
    if (m.hosts && theirs.epoch === m.room.epoch) this.#hosting.catchUp(theirs.version)
    const mine = m.view
    const isStale = isNewer(mine, theirs) || (m.hosts && !isNewer(theirs, mine) && theirs.digest !== mine.digest)
    if (isStale) m.send(from, { kind: 'roster', state: m.room })
  }

  #onProbe(from: PeerId, target: PeerId): void {
    const m = this.#m
    const isAlive = target === m.selfId || m.liveness.mayVouchFor(target, m.nowMs)
    if (isAlive) m.send(from, { kind: 'alive', target })
    if (target !== m.selfId && m.liveness.silenceMs(target, m.nowMs) >= m.timing.intervalMs) m.ping(target)
  }

  #onKnock(from: PeerId): void {
    const m = this.#m
    m.sayHere(from)
    // Who knocks is in no room: the process that was has gone, or has been sent away.
    if (m.hosts) this.#hosting.setAway(from, 'transport-closed')
    else if (from === m.room.host) this.#following.hostGone()
  }

  #onHere(from: PeerId, here: Here): void {
    const m = this.#m
    if (here.version !== PROTOCOL_VERSION) return
    m.claims.set(from, here)
    if (m.phase === 'outside') this.#joining.onHere()
    else if (!m.hosts) this.#following.onHere(from, here)
    else if (here.host === from && here.roomId === m.room.roomId) this.#twoHosts.onHere(from, here)
  }

  #onPresence(from: PeerId, presence: 'here' | 'hidden' | 'away'): void {
    const m = this.#m
    if (presence !== 'away') this.#onSignOfLife(from)
    if (m.hosts) {
      this.#hosting.setHidden(from, presence !== 'here')
      if (presence === 'away') this.#hosting.setAway(from, 'announced')
    } else if (from === m.room.host && presence === 'away') this.#following.setHostAway('announced')
  }

  #renewed(token: ResumeToken): void {
    const m = this.#m
    if (token.peerId !== m.selfId || token.roomId !== m.room.roomId) return
    m.token = token
    m.do({ kind: 'token', token })
  }

  /* ── Departures ────────────────────────────────────────────────────────────────────────────── */

  /** Who takes itself for a member, and is none, hears of it; now and then. */
  #tellEvicted(from: PeerId, message: RoomMessage): void {
    const m = this.#m
    if (!m.hosts || (message.kind !== 'ping' && message.kind !== 'presence')) return
    const toldMs = this.#evictionToldMs.get(from)
    if (toldMs !== undefined && m.nowMs - toldMs < m.timing.intervalMs) return
    this.#evictionToldMs.set(from, m.nowMs)
    const reason = m.room.departed.find(({ id }) => id === from)?.reason ?? 'expired'
    m.send(from, { kind: 'evicted', reason: reason === 'left' ? 'expired' : reason })
  }

  #onEvicted(reason: 'expired' | 'kicked' | 'banned'): void {
    // Nobody wanted us gone: come back as a newcomer, under the same name.
    if (reason === 'expired') this.#joining.begin({ token: null, isOurs: true })
    else this.#m.end(reason)
  }

  #kick(peer: PeerId, ban: boolean): void {
    const m = this.#m
    if (!m.hosts) return
    if (ban) this.#hosting.deny(peer)
    this.#hosting.remove(peer, ban ? 'banned' : 'kicked')
  }

  #announce(presence: 'here' | 'hidden' | 'away'): void {
    const m = this.#m
    this.#own.sleep(presence === 'away')
    if (m.phase !== 'inside') return
    if (m.hosts) this.#hosting.setHidden(m.selfId, presence !== 'here')
    m.sendToMembers({ kind: 'presence', presence })
  }

  #leave(): void {
    const m = this.#m
    if (m.phase === 'inside' && m.hosts) {
      const state = this.#hosting.handedOver()
      if (state !== null) m.sendToMembers({ kind: 'roster', state })
    } else if (m.phase === 'inside') m.sendToMembers({ kind: 'goodbye' })
    m.end('left')
  }

  /* ── Out ───────────────────────────────────────────────────────────────────────────────────── */

  /** What the others are to know of the step, and the reader of events. */
  #publish(): void {
    const m = this.#m
    const { state, hostAway } = m
    if (m.phase === 'ended') {
      this.#view = null
      return
    }
    if (m.hosts && state !== null && this.#sentVersion !== state.version && this.#pace.take(m.nowMs)) {
      this.#sentVersion = state.version
      m.sendToMembers({ kind: 'roster', state })
    }
    if (state === null || (state === this.#viewOf.state && hostAway === this.#viewOf.hostAway)) return
    const view = viewMembers(state, hostAway)
    for (const event of eventsBetween(this.#view, view, m.selfId, m.localFabric)) m.tell(event)
    this.#view = view
    this.#viewOf = { state, hostAway }
  }
}

/** What changes more often is said together, so that nobody has everybody told as often as it likes. */
const ROSTERS_AN_INTERVAL = 8
