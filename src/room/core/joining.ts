import type { PeerId } from '../../seam/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import type { EndReason, RejectCode } from '../contract.ts'
import type { Membership } from './membership.ts'
import { type Here, PROTOCOL_VERSION } from './message.ts'
import type { RoomState } from './room-state.ts'

export interface Attempt {
  /** With what we come back; `null` as a newcomer. */
  readonly token: ResumeToken | null
  /** Whom to ask before others. */
  readonly towards?: PeerId | undefined
  /** It is our last host that sent us there, or we that gave way as a host: a refusal there is final. */
  readonly isSent?: boolean | undefined
  /** Nobody waits for the answer: what can be tried otherwise, or later, is. */
  readonly isOurs?: boolean | undefined
}

/**
 * The way in, for newcomers and for those who come back: knock, hear who hosts, say hello there, be welcomed or
 * rejected. Whatever is lost on the way is said again.
 */
export class Joining {
  readonly #m: Membership
  /** `null`: nothing is asked. A refusal is the caller's to deal with. */
  #attempt: Attempt | null = null
  #asked: { readonly host: PeerId; readonly nonce: number } | null = null
  /** Who refused us without a say in it: not asked again on this attempt. */
  readonly #passedOver: Set<PeerId> = new Set()
  #nextKnockMs = 0
  #sinceMs = 0

  constructor(membership: Membership) {
    this.#m = membership
  }

  begin(attempt: Attempt): void {
    if (this.#m.phase !== 'outside') this.#sinceMs = this.#m.nowMs
    this.#m.phase = 'outside'
    this.#attempt = attempt
    this.#asked = null
    this.#passedOver.clear()
    this.#knock()
  }

  /** A member that was sent away finds no host for as long as a window is open: perhaps everybody looks for one. */
  get isStranded(): boolean {
    const { state, nowMs, timing } = this.#m
    return this.#attempt?.isOurs === true && state !== null && nowMs - this.#sinceMs >= timing.windowMs
  }

  /** Stops asking. */
  end(): void {
    this.#attempt = null
  }

  linked(peer: PeerId): void {
    if (this.#attempt !== null) this.#knockAt(peer)
  }

  unlinked(peer: PeerId): void {
    if (this.#asked?.host === peer) this.#asked = null
  }

  onHere(): void {
    const best = this.#attempt === null ? null : this.#choose(this.#attempt)
    if (best === null || this.#attempt === null) return
    const [host, { nonce, roomId }] = best
    // One host at a time, until it has had its interval to answer in.
    if (this.#asked !== null && (this.#asked.nonce === nonce || this.#asked.host !== host)) return
    this.#asked = { host, nonce }
    this.#m.do({ kind: 'hello', to: host, roomId, nonce, token: this.#attempt.token })
  }

  onWelcome(from: PeerId, token: ResumeToken, state: RoomState): void {
    if (this.#attempt === null || this.#asked?.host !== from || state.host !== from) return
    if (!state.members.some(({ id }) => id === this.#m.selfId)) return
    const by = this.#attempt.token
    if (by === null) this.#enter(token, state)
    else this.#m.do({ kind: 'trust', from, token, state, by })
  }

  /** The host of a welcome has shown that it holds the room rightly, or has not. */
  onTrusted(token: ResumeToken, state: RoomState, isRightful: boolean): void {
    if (this.#attempt === null) return
    if (isRightful) this.#enter(token, state)
    else this.#refused(this.#attempt, 'resume-token-invalid', false)
  }

  onReject(from: PeerId, code: RejectCode, retryable: boolean): void {
    const attempt = this.#attempt
    if (attempt === null || this.#asked?.host !== from) {
      this.#m.disbelieved++
      return
    }
    // A member is sent away by the host that it had, or where that one sent it; who else says that it hosts may lie.
    const hasSay = from === this.#m.state?.host || (attempt.isSent === true && from === attempt.towards)
    const isFinal = !retryable && !(attempt.token !== null && isAboutToken(code))
    if (attempt.isOurs === true && isFinal && !hasSay) {
      this.#m.disbelieved++
      this.#passedOver.add(from)
      this.#asked = null
      this.onHere()
    } else this.#refused(attempt, code, retryable)
  }

  tick(): void {
    if (this.#attempt === null || this.#m.nowMs < this.#nextKnockMs) return
    this.#asked = null
    this.#knock()
  }

  #enter(token: ResumeToken, state: RoomState): void {
    const m = this.#m
    const resumed = this.#attempt?.token != null
    this.#attempt = null
    m.phase = 'inside'
    m.state = state
    m.hostAway = null
    m.token = token
    m.liveness.forgive(m.nowMs)
    m.do({ kind: 'token', token })
    m.do({ kind: 'admitted', resumed })
    for (const peer of m.liveness.linked) m.sayHere(peer)
    m.ping(state.host)
  }

  #refused(attempt: Attempt, code: RejectCode, retryable: boolean): void {
    const { token, isOurs = false } = attempt
    const isPlaceHeld = code === 'resume-window-not-yet-open'
    // Asked again at the next knock, for as long as whoever waits for it does.
    if (retryable && (isOurs || (isPlaceHeld && this.#m.state === null))) return
    this.#attempt = null
    if (isOurs && token !== null && isAboutToken(code)) {
      this.begin({ token: null, isOurs })
    } else if (isOurs) this.#m.end(endOf(code))
    else this.#m.do({ kind: 'refused', code, retryable })
  }

  #knock(): void {
    this.#nextKnockMs = this.#m.nowMs + this.#m.timing.intervalMs
    for (const peer of this.#m.liveness.linked) this.#knockAt(peer)
  }

  #knockAt(peer: PeerId): void {
    const roomId = this.#m.state?.roomId ?? this.#attempt?.token?.roomId ?? null
    this.#m.send(peer, { kind: 'knock', version: PROTOCOL_VERSION, roomId })
  }

  /** Of those who say that they host: where we were sent, our own room, the latest epoch, the lowest id. */
  #choose({ token, towards }: Attempt): readonly [PeerId, Here] | null {
    const { state, claims } = this.#m
    const hosts = [...claims].filter(([peer, here]) => {
      if (here.host !== peer || this.#passedOver.has(peer)) return false
      // With a token the host has to show its right to the room; without one only those we know are believed.
      return state === null || (here.roomId === state.roomId && (token !== null || this.#m.mayHost(peer)))
    })
    const rank = ([peer, here]: readonly [PeerId, Here]): number =>
      (peer === towards ? 0 : 2) + (token === null || here.roomId === token.roomId ? 0 : 1)
    hosts.sort((a, b) => rank(a) - rank(b) || b[1].epoch - a[1].epoch || (a[0] < b[0] ? -1 : 1))
    return hosts[0] ?? null
  }
}

/** Who comes back with a token comes in without it. */
function isAboutToken(code: RejectCode): boolean {
  return code === 'resume-window-expired' || code === 'resume-token-invalid'
}

function endOf(code: RejectCode): EndReason {
  return code === 'kicked' || code === 'banned' ? (code as EndReason) : 'refused'
}
