import type { PeerId } from '../seam/contract.ts'
import type { Seat } from './contract.ts'
import { firstFreeSeat, seatOf } from './seat-table.ts'

/**
 * Who is let to the table, decided: a pure state machine that runs in every session and acts while its
 * node leads, so that admission goes on when the founder is gone. One step at a time, each one a change
 * that all replicas agree on:
 *
 *     joiner announces itself → learner → caught up → voter → seat entry
 *
 * Nothing is remembered between steps but what failed and when. The log holds the rest, so a new leader
 * finds a half-admitted joiner and carries on from there. A joiner that goes away or does not answer is
 * dropped while it is a learner; it never becomes a voter, whose silence would stop the table.
 *
 * Only who has a seat may give one. A voter that was elected before it got its own is seated by the
 * others: for that, sessions act while they follow, too.
 */
export class Admission {
  #view: AdmissionView = { part: 'none', voters: new Set(), learners: new Set(), seats: [], candidates: [] }
  #underWay: UnderWay | null = null
  /** Joiners that failed: how often, and until when they are passed over. */
  readonly #setbacks = new Map<PeerId, { times: number; untilMs: number }>()
  /** After a failed step nothing is tried before this moment. */
  #restUntilMs = 0

  step(input: AdmissionInput, nowMs: number): AdmissionEffect[] {
    if (input.kind === 'view') this.#look(input.view)
    if (input.kind === 'settled') this.#settle(input.ok, nowMs)
    return this.#underWay === null ? this.#next(nowMs) : this.#watch(this.#underWay, nowMs)
  }

  #look(view: AdmissionView): void {
    this.#view = view
    for (const peer of this.#setbacks.keys()) {
      if (view.part !== 'lead' || !view.candidates.includes(peer)) this.#setbacks.delete(peer)
    }
  }

  #settle(ok: boolean, nowMs: number): void {
    const act = this.#underWay?.act
    this.#underWay = null
    if (act === undefined) return
    if (ok) {
      if (act.kind === 'seat') this.#setbacks.delete(act.peer)
      return
    }
    this.#restUntilMs = nowMs + RETRY_MS
    const isJoiner = this.#view.part === 'lead' && this.#view.candidates.includes(act.peer)
    if (isJoiner && (act.kind === 'learn' || act.kind === 'promote')) {
      const times = (this.#setbacks.get(act.peer)?.times ?? 0) + 1
      const restMs = Math.min(SETBACK_CAP_MS, SETBACK_MS * 2 ** Math.min(times - 1, 10))
      this.#setbacks.set(act.peer, { times, untilMs: nowMs + restMs })
    }
  }

  /** A step is given up when its joiner leaves, when our part in it ends, or when it takes too long. */
  #watch(underWay: UnderWay, nowMs: number): AdmissionEffect[] {
    if (underWay.abandoned) return []
    const { act, deadlineMs } = underWay
    const needsPeer = act.kind === 'learn' || act.kind === 'promote'
    const peerGone = needsPeer && !this.#view.candidates.includes(act.peer)
    if (!this.#hasPart(act) || peerGone || nowMs >= deadlineMs) {
      underWay.abandoned = true
      return [{ kind: 'abandon' }]
    }
    return [{ kind: 'wake', atMs: deadlineMs }]
  }

  #next(nowMs: number): AdmissionEffect[] {
    if (this.#view.part === 'none' || this.#view.seats.length === 0) return []
    const act = this.#choose(nowMs)
    if (act !== null && nowMs < this.#restUntilMs) return [{ kind: 'wake', atMs: this.#restUntilMs }]
    if (act !== null) {
      this.#underWay = { act, deadlineMs: nowMs + STEP_TIMEOUT_MS, abandoned: false }
      return [act, { kind: 'wake', atMs: this.#underWay.deadlineMs }]
    }
    const later = this.#view.candidates
      .flatMap((peer) => this.#setbacks.get(peer)?.untilMs ?? [])
      .filter((at) => at > nowMs)
    return later.length === 0 || this.#isComplete() ? [] : [{ kind: 'wake', atMs: Math.min(...later) }]
  }

  #hasPart(act: AdmissionAct): boolean {
    return this.#view.part === 'lead' || (this.#view.part === 'assist' && act.kind === 'seat')
  }

  #choose(nowMs: number): AdmissionAct | null {
    const { voters, learners, seats, candidates } = this.#view
    const seat = firstFreeSeat(seats)
    const unseated = [...voters].find((peer) => seatOf(seats, peer) === null)
    if (unseated !== undefined && seat !== null) return { kind: 'seat', peer: unseated, seat }
    if (this.#view.part !== 'lead') return null
    const ready = this.#isComplete()
      ? []
      : candidates.filter((peer) => (this.#setbacks.get(peer)?.untilMs ?? 0) <= nowMs)
    const stale = [...learners].find((peer) => !voters.has(peer) && !ready.includes(peer))
    if (stale !== undefined) return { kind: 'drop', peer: stale }
    const learner = ready.find((peer) => learners.has(peer) && !voters.has(peer))
    if (learner !== undefined) return { kind: 'promote', peer: learner }
    const joiner = ready.find((peer) => !voters.has(peer))
    return joiner === undefined ? null : { kind: 'learn', peer: joiner }
  }

  /** As many voters as seats: nobody else comes in. */
  #isComplete(): boolean {
    return this.#view.voters.size >= this.#view.seats.length
  }
}

interface UnderWay {
  readonly act: AdmissionAct
  readonly deadlineMs: number
  abandoned: boolean
}

/** What the driver sees at the moment. */
export interface AdmissionView {
  /**
   * `lead`: this node leads and has a seat. `assist`: it has a seat, and the leader has none yet. Otherwise
   * `none`.
   */
  readonly part: 'lead' | 'assist' | 'none'
  /** Of the configuration in force. */
  readonly voters: ReadonlySet<PeerId>
  readonly learners: ReadonlySet<PeerId>
  /** As committed; empty until the founding entry is known. */
  readonly seats: readonly Seat[]
  /** Connected peers that announced themselves as joiners of this game, in the order they did. */
  readonly candidates: readonly PeerId[]
}

export type AdmissionInput =
  | { readonly kind: 'view'; readonly view: AdmissionView }
  /** The act under way has ended, given up or not. */
  | { readonly kind: 'settled'; readonly ok: boolean }
  | { readonly kind: 'time' }

export type AdmissionAct =
  | { readonly kind: 'learn' | 'promote' | 'drop'; readonly peer: PeerId }
  | { readonly kind: 'seat'; readonly peer: PeerId; readonly seat: number }

export type AdmissionEffect =
  | AdmissionAct
  /** Stop waiting for the act under way; `settled` follows. */
  | { readonly kind: 'abandon' }
  /** Step with `time` at that moment; replaces an earlier wake. */
  | { readonly kind: 'wake'; readonly atMs: number }

/** Longest an act of admission may take, milliseconds. */
export const STEP_TIMEOUT_MS = 5_000
/** Rest after an act that failed, milliseconds. */
export const RETRY_MS = 200
/** How long a joiner that failed is passed over, milliseconds; doubles with each failure up to the cap. */
export const SETBACK_MS = 500
export const SETBACK_CAP_MS = 10_000
