import type { PeerId } from '../../seam/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import { type AdmissionPolicy, type AwayReason, type DepartureReason, MAX_LISTED_PEERS } from '../contract.ts'
import { gate, judge, type Vetting } from './admission.ts'
import type { Membership } from './membership.ts'
import type { Hello } from './message.ts'
import {
  memberOf,
  type MemberRecord,
  next,
  type RoomState,
  withMember,
  withNewMember,
  withoutMember,
} from './room-state.ts'
import { heirs } from './succession.ts'

/** The host's half: lets in, watches, opens and closes windows, hands over. Works on nobody else's behalf. */
export class Hosting {
  readonly #m: Membership
  readonly #vetting: Set<PeerId> = new Set()
  /** Members whose welcome waits for its token. */
  readonly #welcomes: Set<PeerId> = new Set()
  readonly #issuedMs: Map<PeerId, number> = new Map()

  constructor(membership: Membership) {
    this.#m = membership
  }

  /* ── Admission and resume ──────────────────────────────────────────────────────────────────── */

  onHello(from: PeerId, hello: Hello): void {
    const m = this.#m
    if (hello.nonce !== m.nonces.get(from) || this.#vetting.has(from)) return
    const refusal = gate(m.room, from, hello)
    if (refusal !== null) {
      m.send(from, { kind: 'reject', ...refusal })
      return
    }
    m.nonces.delete(from)
    this.#vet(from, hello)
  }

  #vet(from: PeerId, hello: Hello): void {
    this.#vetting.add(from)
    this.#m.do({ kind: 'vet', from, hello })
  }

  onUnlinked(peer: PeerId): void {
    this.#vetting.delete(peer)
    this.#welcomes.delete(peer)
    this.setAway(peer, 'transport-closed')
  }

  onVetted(from: PeerId, hello: Hello, vetting: Vetting): void {
    const m = this.#m
    this.#vetting.delete(from)
    if (!m.hosts || !m.liveness.isLinked(from)) return
    const verdict = judge(m.room, from, hello, vetting, (peer) => m.isHeard(peer))
    if (verdict.kind === 'vet again') {
      this.#vet(from, hello)
      return
    }
    if (verdict.kind === 'refuse') {
      m.send(from, { kind: 'reject', ...verdict.refusal })
      return
    }
    if (verdict.kind === 'admit') {
      const { key, profile } = hello
      m.state = withNewMember(m.room, { ...profile, id: from, key, hidden: false, resumes: 0, was: null, away: null })
    } else this.#takeBack(from, verdict.record, verdict.kind === 'resume', hello)
    // Who knows of a later host than us has us count on from there, so that its copy makes way for ours.
    const isAhead = hello.epoch >= m.room.epoch && hello.epoch - m.room.epoch < MAX_EPOCH_LEAP
    if (isAhead) m.state = next(m.room, { epoch: hello.epoch + 1 })
    this.#welcomes.add(from)
    this.issue(from)
  }

  /** A member came back, perhaps as another peer; its name and place stay. */
  #takeBack(from: PeerId, record: MemberRecord, resumed: boolean, { key, profile }: Hello): void {
    const { name, deviceId, metadata } = profile
    const told = { name: name === from ? record.name : name, deviceId, metadata }
    this.#m.state = withMember(this.#m.room, record.id, {
      ...told,
      id: from,
      was: from === record.id ? record.was : record.id,
      key: resumed ? record.key : key,
      resumes: record.resumes + (resumed ? 1 : 0),
      hidden: false,
      away: null,
    })
  }

  issue(to: PeerId): void {
    const record = memberOf(this.#m.room, to)
    if (record === undefined) return
    this.#issuedMs.set(to, this.#m.nowMs)
    this.#m.do({ kind: 'issue', to, key: record.key })
  }

  onIssued(to: PeerId, token: ResumeToken): void {
    const m = this.#m
    const isNew = this.#welcomes.delete(to)
    if (!m.hosts || !m.isMember(to)) return
    m.send(to, isNew ? { kind: 'welcome', token, state: m.room } : { kind: 'token', token })
  }

  /* ── Presence ──────────────────────────────────────────────────────────────────────────────── */

  /** A frame that only a live process of this member sends. */
  onSignOfLife(from: PeerId): void {
    if (memberOf(this.#m.room, from)?.away != null) this.#m.state = withMember(this.#m.room, from, { away: null })
  }

  setAway(peer: PeerId, reason: AwayReason): void {
    const record = memberOf(this.#m.room, peer)
    if (record === undefined || record.away !== null || peer === this.#m.selfId) return
    this.#m.state = withMember(this.#m.room, peer, { away: this.#m.window(reason) })
  }

  setHidden(peer: PeerId, hidden: boolean): void {
    if (memberOf(this.#m.room, peer)?.hidden === !hidden) this.#m.state = withMember(this.#m.room, peer, { hidden })
  }

  tick(stalled: ReadonlySet<PeerId>): void {
    const m = this.#m
    for (const { id, away } of m.room.members) {
      if (id === m.selfId) continue
      m.sound(id)
      if (stalled.has(id)) this.setAway(id, 'back-pressure')
      else if (away?.reason === 'back-pressure' && m.isHeard(id)) this.onSignOfLife(id)
      else if (away === null && m.isOverdue(id)) this.setAway(id, 'timeout')
      else if (away !== null && m.nowMs >= away.untilMs && !m.withholds) this.remove(id, 'expired')
      else this.#renew(id)
    }
  }

  #renew(peer: PeerId): void {
    const issuedMs = this.#issuedMs.get(peer)
    const isFresh = issuedMs !== undefined && this.#m.nowMs - issuedMs < this.#m.timing.tokenLifeMs / 2
    if (!isFresh && this.#m.isHeard(peer)) this.issue(peer)
  }

  /* ── Departure ─────────────────────────────────────────────────────────────────────────────── */

  remove(peer: PeerId, reason: DepartureReason): void {
    const m = this.#m
    if (!m.isMember(peer) || peer === m.selfId) return
    m.state = withoutMember(m.room, peer, reason)
    this.#issuedMs.delete(peer)
    if (reason !== 'left') m.send(peer, { kind: 'evicted', reason })
    m.liveness.forget(peer)
  }

  setPolicy(change: Partial<AdmissionPolicy>): void {
    this.#m.state = next(this.#m.room, { policy: { ...this.#m.room.policy, ...change } })
  }

  /** Of more than a list may hold the oldest go. */
  deny(peer: PeerId): void {
    this.setPolicy({ deny: new Set([...this.#m.room.policy.deny, peer].slice(-MAX_LISTED_PEERS)) })
  }

  /** A member's copy of our own office is ahead of ours: the next state is ahead of it. */
  catchUp(version: number): void {
    const { room } = this.#m
    const isAhead = version > room.version && version - room.version < MAX_VERSION_LEAP
    if (isAhead) this.#m.state = { ...room, version: version + 1 }
  }

  /** The state that names the next host and not us; `null` where nobody is left to host. */
  handedOver(): RoomState | null {
    const m = this.#m
    const heir = heirs(m.room).find(({ id, away }) => away === null && m.isHeard(id))
    if (heir === undefined) return null
    return next(withoutMember(m.room, m.selfId, 'left'), { epoch: m.room.epoch + 1, host: heir.id })
  }
}

/** How far a copy of what was handed on may be ahead of its heir's. */
const MAX_VERSION_LEAP = 1024

/** Hosts that another half of the room may have had meanwhile. A hello that claims more is not counted on from. */
const MAX_EPOCH_LEAP = 1024
