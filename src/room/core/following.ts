import type { PeerId } from '../../seam/contract.ts'
import type { AwayReason } from '../contract.ts'
import type { Joining } from './joining.ts'
import type { HostAway, Membership } from './membership.ts'
import type { Here } from './message.ts'
import { adopted, isNewer, next, type RoomState, viewOf, withoutMember } from './room-state.ts'
import { heirs } from './succession.ts'

/** The half of a member that does not host: copies what its host says, watches it, and takes its place when it is gone. */
export class Following {
  readonly #m: Membership
  readonly #joining: Joining

  constructor(membership: Membership, joining: Joining) {
    this.#m = membership
    this.#joining = joining
  }

  /* ── The host's word ───────────────────────────────────────────────────────────────────────── */

  onRoster(from: PeerId, state: RoomState): void {
    const m = this.#m
    if (state.roomId !== m.room.roomId || !this.#isCredible(from, state)) return
    // Evicted, and nobody wanted it: come back as a newcomer, under the same name.
    if (!state.members.some(({ id }) => id === m.selfId)) {
      this.#joining.begin({ token: null, isOurs: true })
      return
    }
    m.state = adopted(state, m.room)
    if (from === state.host) m.hostAway = null
    if (state.host === m.selfId) this.#accede()
  }

  #isCredible(from: PeerId, state: RoomState): boolean {
    const m = this.#m
    const mine = viewOf(m.room)
    const theirs = viewOf(state)
    // Its own copy counts even where only the digest differs.
    if (from === m.room.host) return isNewer(theirs, mine) || (!isNewer(mine, theirs) && theirs.digest !== mine.digest)
    // From another only while our host is not heard: a member that took over, or that heard a later word than we.
    return m.hostAway !== null && isNewer(theirs, mine) && m.isMember(from) && m.mayHost(state.host)
  }

  onHere(from: PeerId, here: Here): void {
    const m = this.#m
    if (here.roomId !== m.room.roomId) {
      if (from === m.room.host) this.hostGone()
      return
    }
    if (here.host !== from || from === m.room.host || m.hostAway === null) return
    if (here.epoch > m.room.epoch && m.mayHost(from)) {
      this.#joining.begin({ token: m.token, towards: from, isOurs: true })
    }
  }

  onYield(to: PeerId): void {
    this.#joining.begin({ token: this.#m.token, towards: to, isSent: true, isOurs: true })
  }

  /* ── Watching the host ─────────────────────────────────────────────────────────────────────── */

  setHostAway(reason: AwayReason): void {
    this.#m.hostAway ??= this.#m.window(reason)
  }

  onSignOfLife(): void {
    this.#m.hostAway = null
  }

  tick(stalled: ReadonlySet<PeerId>): void {
    const m = this.#m
    const { host } = m.room
    m.sound(host)
    if (stalled.has(host)) this.setHostAway('back-pressure')
    else if (m.hostAway?.reason === 'back-pressure' && m.isHeard(host)) this.onSignOfLife()
    else if (m.isOverdue(host)) this.setHostAway('timeout')
    if (m.hostAway !== null && !m.withholds) this.#succeed(m.hostAway)
  }

  /** Nobody lets us back in: we are where we were, in a room without a host. */
  fallBack(): void {
    const m = this.#m
    this.#joining.end()
    m.phase = 'inside'
    if (m.room.host === m.selfId) this.#accede()
    else this.hostGone()
  }

  /** The host's process is gone for certain, and perhaps on its way back as another: who hosts is not to wait for it. */
  hostGone(): void {
    const m = this.#m
    const known = m.hostAway ?? m.window('transport-closed')
    // Said again and again: the first time is what the line waits from.
    const untilMs = Math.min(known.untilMs, m.nowMs)
    m.hostAway = { ...known, reason: 'transport-closed', untilMs, isGone: true }
    this.#succeed(m.hostAway)
  }

  /** Takes over when the window has run out, later for each better-placed member that is linked and may do it first. */
  #succeed({ untilMs, isGone = false }: HostAway): void {
    const m = this.#m
    const isHere = (id: PeerId): boolean => id === m.selfId || m.liveness.isLinked(id)
    // What the host last said of who is away counts less than who is linked: it may have said it of each of us.
    const members = m.room.members.map((member) => (isHere(member.id) ? { ...member, away: null } : member))
    const line = heirs({ ...m.room, members }).map(({ id }) => id)
    const better = line.slice(0, line.indexOf(m.selfId)).filter(isHere)
    if (m.nowMs >= untilMs + better.length * m.timing.maxTimeoutMs) this.#takeOver(isGone)
  }

  #takeOver(holdsPlace: boolean): void {
    const m = this.#m
    const { host } = m.room
    const state = holdsPlace ? m.room : withoutMember(m.room, host, 'expired')
    const members = state.members.map((member) => {
      const isHere = member.id === m.selfId || (member.id !== host && m.liveness.isLinked(member.id))
      if (isHere) return { ...member, away: null }
      return { ...member, away: member.away ?? m.window('host-changed') }
    })
    m.state = next(state, { epoch: state.epoch + 1, host: m.selfId, members })
    this.#accede()
  }

  /** We are the host from here on: our signature counts, by the title that an earlier host gave us. */
  #accede(): void {
    const m = this.#m
    const { issuers, epoch } = m.room
    const title = m.token
    m.hostAway = null
    m.liveness.forgive(m.nowMs)
    const issuer = { epoch, id: m.selfId, key: m.key }
    const mine = { ...issuer, title: title?.credential ?? '', titleIssuedAt: title?.issuedAt ?? 0 }
    m.state = next(m.room, { issuers: [...issuers.filter(({ id }) => id !== m.selfId), mine].slice(-MAX_KEPT_ISSUERS) })
    for (const peer of m.liveness.linked) m.sayHere(peer)
  }
}

/** A chain may be as long as the codec lets it. */
const MAX_KEPT_ISSUERS = 32
