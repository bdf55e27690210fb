import type { Membership } from './membership.ts'
import { withWindowsMoved } from './room-state.ts'

/** What this peer knows of itself: that its page slept, that its seam tore, that it is the one who is cut off. */
export class OwnFabric {
  readonly #m: Membership
  #lastTickMs: number
  #tornMs: number | null = null
  /** We have said that we go away: until we are back we ask nobody for signs of life, and judge nobody. */
  #isAsleep = false

  constructor(membership: Membership) {
    this.#m = membership
    this.#lastTickMs = membership.nowMs
  }

  get isAsleep(): boolean {
    return this.#isAsleep
  }

  /** The seam has been gone for as long as anybody would have waited. */
  get isOver(): boolean {
    return this.#tornMs !== null && this.#m.nowMs - this.#tornMs >= this.#m.timing.windowMs
  }

  sleep(isAsleep: boolean): void {
    this.#isAsleep = isAsleep
    if (!isAsleep) this.#m.liveness.forgive(this.#m.nowMs)
  }

  torn(): void {
    this.#tornMs ??= this.#m.nowMs
    this.#m.seamUp = false
  }

  reattached(): void {
    this.#tornMs = null
    this.#m.seamUp = true
    this.#m.liveness.forgive(this.#m.nowMs)
  }

  tick(): void {
    const m = this.#m
    const sinceMs = m.nowMs - this.#lastTickMs
    this.#lastTickMs = m.nowMs
    // The page slept: silence in that time says nothing, and nobody could come back in it, we neither.
    const slept = this.#isAsleep || sinceMs > 2 * m.timing.intervalMs
    if (slept && this.#tornMs !== null) this.#tornMs += sinceMs
    if (slept) m.liveness.forgive(m.nowMs)
    const isHeld = !this.#isAsleep && this.#check()
    if (isHeld || slept) this.#moveWindows(sinceMs)
  }

  /** Nobody at all is heard: with two or more others it is more likely we who are cut off. Whether windows stand still. */
  #check(): boolean {
    const m = this.#m
    if (m.state === null) return false
    const quietMs = m.nowMs - m.liveness.lastHeardMs
    const others = m.state.members.length - 1
    const timeouts = m.state.members.map(({ id }) => (m.liveness.isLinked(id) ? m.liveness.timeoutMs(id) : 0))
    const isLost = !m.seamUp || (others >= 2 && quietMs >= Math.max(m.timing.minTimeoutMs, ...timeouts))
    const state = isLost ? 'lost' : 'up'
    const wasHeld = m.withholds
    if (state !== m.localFabric) {
      m.localFabric = state
      m.lostSinceMs = m.nowMs
      m.tell({ kind: 'local-fabric', state })
    }
    return wasHeld && isLost
  }

  #moveWindows(byMs: number): void {
    const m = this.#m
    if (m.state !== null) m.state = withWindowsMoved(m.state, byMs)
    if (m.hostAway !== null) m.hostAway = { ...m.hostAway, untilMs: m.hostAway.untilMs + byMs }
  }
}
