import type { Random } from '../../base/random.ts'
import type { PeerId } from '../../seam/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import type { AwayReason, EndReason, LocalFabric, MembershipEvent, RejectCode, RoomId } from '../contract.ts'
import { Liveness, type LivenessTiming } from './liveness.ts'
import { type Hello, type Here, PROTOCOL_VERSION, type RoomMessage } from './message.ts'
import { type Away, memberOf, NO_VIEW, type RoomState, type StateView, viewOf } from './room-state.ts'

export interface CoreTiming extends LivenessTiming {
  readonly windowMs: number
  readonly tokenLifeMs: number
}

export interface CoreOptions {
  readonly selfId: PeerId
  readonly key: Uint8Array
  readonly timing: CoreTiming
  readonly random: Random
}

/** What the driver is to do. */
export type RoomEffect =
  | { readonly kind: 'send'; readonly to: PeerId; readonly message: RoomMessage }
  /** Sign and send a hello to the host that said `nonce`. */
  | {
      readonly kind: 'hello'
      readonly to: PeerId
      readonly roomId: RoomId
      readonly nonce: number
      readonly token: ResumeToken | null
    }
  /** Check a hello's token, proof and password, and ask the application where it is a newcomer's: then input `vetted`. */
  | { readonly kind: 'vet'; readonly from: PeerId; readonly hello: Hello }
  /** Sign a token for a member: then input `issued`. */
  | { readonly kind: 'issue'; readonly to: PeerId; readonly key: Uint8Array }
  /** Check that a host which lets us back in holds the room rightly: then input `trusted`. */
  | {
      readonly kind: 'trust'
      readonly from: PeerId
      readonly token: ResumeToken
      readonly state: RoomState
      readonly by: ResumeToken
    }
  | { readonly kind: 'event'; readonly event: MembershipEvent }
  /** We are in, or our token is renewed. */
  | { readonly kind: 'token'; readonly token: ResumeToken }
  | { readonly kind: 'admitted'; readonly resumed: boolean }
  | { readonly kind: 'refused'; readonly code: RejectCode; readonly retryable: boolean }
  | { readonly kind: 'ended'; readonly reason: EndReason }

/** `outside`: no host has us in its roster, as far as we know. */
export type Phase = 'outside' | 'inside' | 'ended'

/** The window of the host, as one member finds it. */
export interface HostAway extends Away {
  /** Its process is gone for certain: it is succeeded now, and its place held for its return. */
  readonly isGone?: boolean
}

/** All that one peer knows of its room, and what it is about to do: the parts of the core share it. */
export class Membership {
  readonly key: Uint8Array
  readonly timing: CoreTiming
  readonly random: Random
  readonly liveness: Liveness
  selfId: PeerId
  nowMs: number
  phase: Phase = 'outside'
  state: RoomState | null = null
  token: ResumeToken | null = null
  /** How we find our host, where we are not the host. */
  hostAway: HostAway | null = null
  localFabric: LocalFabric = 'up'
  lostSinceMs = 0
  /** The seam is woven. */
  seamUp = true
  effects: RoomEffect[] = []
  /** What each peer is to sign with a token. */
  readonly nonces: Map<PeerId, number> = new Map()
  /** What each linked peer said last of the room it is in. */
  readonly claims: Map<PeerId, Here> = new Map()
  /** Refusals that were dropped: who sent them has no say in whether we stay. */
  disbelieved = 0

  constructor(options: CoreOptions, nowMs: number) {
    this.selfId = options.selfId
    this.key = options.key
    this.timing = options.timing
    this.random = options.random
    this.nowMs = nowMs
    this.liveness = new Liveness(options.timing, nowMs)
  }

  get hosts(): boolean {
    return this.phase === 'inside' && this.state?.host === this.selfId
  }

  /** The state, for who is inside. */
  get room(): RoomState {
    if (this.state === null) throw new TypeError('this peer is in no room')
    return this.state
  }

  get view(): StateView {
    return this.state === null ? NO_VIEW : viewOf(this.state)
  }

  do(effect: RoomEffect): void {
    this.effects.push(effect)
  }

  tell(event: MembershipEvent): void {
    this.do({ kind: 'event', event })
  }

  send(to: PeerId, message: RoomMessage): void {
    if (this.liveness.isLinked(to)) this.do({ kind: 'send', to, message })
  }

  /** To each linked member. */
  sendToMembers(message: RoomMessage): void {
    for (const { id } of this.room.members) if (id !== this.selfId) this.send(id, message)
  }

  /** Says what room this is; who wants in signs the nonce. */
  sayHere(to: PeerId): void {
    const { roomId, epoch, host } = this.room
    const nonce = Math.floor(this.random() * 2 ** 48)
    this.nonces.set(to, nonce)
    this.send(to, { kind: 'here', version: PROTOCOL_VERSION, roomId, epoch, host, connected: this.connected, nonce })
  }

  ping(peer: PeerId): void {
    this.send(peer, { kind: 'ping', id: this.liveness.ping(peer, this.nowMs), view: this.view })
  }

  /** Members that are here, as far as we know; ourselves included. */
  get connected(): number {
    const away = this.hostAway === null ? 0 : 1
    return this.room.members.filter((member) => member.away === null).length - away
  }

  isMember(peer: PeerId): boolean {
    return memberOf(this.state, peer) !== undefined
  }

  /**
   * Whether `peer` may be believed to host this room: it is or was a member in good standing, or one such says so.
   * Strangers can say what they like.
   */
  mayHost(peer: PeerId): boolean {
    if (this.#isKnown(peer)) return true
    return [...this.claims].some(([witness, here]) => {
      return here.host === peer && here.roomId === this.room.roomId && this.#isKnown(witness)
    })
  }

  #isKnown(peer: PeerId): boolean {
    if (this.hasSentAway(peer)) return false
    const { issuers, departed } = this.room
    return this.isMember(peer) || [...departed, ...issuers].some(({ id }) => id === peer)
  }

  /** Whether this room has kicked or banned `peer`. */
  hasSentAway(peer: PeerId): boolean {
    const reason = this.room.departed.find(({ id }) => id === peer)?.reason
    return reason === 'kicked' || reason === 'banned'
  }

  /** Nobody is heard, and for a window that is taken for our own fault: nobody loses a place by it. */
  get withholds(): boolean {
    return this.localFabric === 'lost' && this.nowMs - this.lostSinceMs < this.timing.windowMs
  }

  /** Linked, and heard within what its silence may last. */
  isHeard(peer: PeerId): boolean {
    return this.liveness.isLinked(peer) && !this.isOverdue(peer)
  }

  isOverdue(peer: PeerId): boolean {
    return this.liveness.silenceMs(peer, this.nowMs) >= this.liveness.timeoutMs(peer)
  }

  /** A window that opens now. */
  window(reason: AwayReason): Away {
    return { reason, sinceMs: this.nowMs, untilMs: this.nowMs + this.timing.windowMs }
  }

  /**
   * Asks for signs of life of a silent peer: of itself, and past half of what its silence may last of up to three
   * others, each of whom shows on the way that we are heard ourselves.
   */
  sound(peer: PeerId): void {
    this.#pingIfDue(peer)
    const isSuspect =
      !this.isHeard(peer) || this.liveness.silenceMs(peer, this.nowMs) * 2 >= this.liveness.timeoutMs(peer)
    if (!isSuspect || !this.liveness.dueProbe(peer, this.nowMs)) return
    const others = this.room.members.filter(({ id }) => id !== peer && this.liveness.isLinked(id))
    const first = Math.floor(this.random() * others.length)
    const proxies = [...others.slice(first), ...others.slice(0, first)].slice(0, MAX_PROXIES)
    for (const { id } of proxies) {
      this.#pingIfDue(id)
      this.send(id, { kind: 'probe', target: peer })
    }
  }

  #pingIfDue(peer: PeerId): void {
    const id = this.liveness.duePing(peer, this.nowMs)
    if (id !== null) this.send(peer, { kind: 'ping', id, view: this.view })
  }

  end(reason: EndReason): void {
    if (this.phase === 'ended') return
    this.phase = 'ended'
    this.tell({ kind: 'ended', reason })
    this.do({ kind: 'ended', reason })
  }
}

/** Third peers asked about a silent one. */
const MAX_PROXIES = 3
