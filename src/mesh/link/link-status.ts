import { observable, type ReadableAtom } from '../../base/observable.ts'
import type { PeerId } from '../../seam/contract.ts'

/** How it stands with the link to one peer. */
export interface LinkStatus {
  /**
   * `interrupted`: nothing gets through for now, what is sent waits, and the peer is still listed. `lost`:
   * that took too long, and it left the roster; it may yet come back.
   */
  readonly state: LinkStage | 'lost'
  /** How its bytes travel; `null` while there is no link. */
  readonly route: LinkRoute | null
  /** The third peer that passes its bytes on and cannot read them; `null`: none does, so that a server does where it is relayed. */
  readonly via: PeerId | null
  /** There and back, smoothed, and how much it varies, milliseconds; `null` until measured. */
  readonly roundTripMs: number | null
  readonly jitterMs: number | null
  /** Why it is not connected, a sentence for people; `null` where nothing is known to be wrong. */
  readonly why: string | null
}

export type LinkRoute = 'direct' | 'relayed'

export type LinkStage = 'connecting' | 'connected' | 'interrupted'

/** What a link at work knows of itself. */
export interface LinkMeasure {
  readonly route: LinkRoute
  readonly via: PeerId | null
  readonly roundTripMs: number | null
  readonly jitterMs: number | null
}

/** The links of one weave, as others may watch them. */
export class LinkStatuses {
  readonly #status = observable<ReadonlyMap<PeerId, LinkStatus>>(new Map())
  readonly #whys: Map<PeerId, string> = new Map()
  readonly #lost: Set<PeerId> = new Set()

  get status(): ReadableAtom<ReadonlyMap<PeerId, LinkStatus>> {
    return this.#status
  }

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#status.lc > 0
  }

  /** Why the last attempt at a link with `peer` failed. */
  failed(peer: PeerId, why: string): void {
    remember(this.#whys, peer, why)
  }

  lost(peer: PeerId): void {
    this.#lost.add(peer)
    if (!this.#whys.has(peer)) this.failed(peer, 'no network path to it was found in time')
  }

  publish(
    stages: ReadonlyMap<PeerId, LinkStage>,
    measureOf: (peer: PeerId) => LinkMeasure | null,
    isSignalling: boolean,
  ): void {
    const status = new Map<PeerId, LinkStatus>()
    for (const [peer, state] of stages) {
      this.#lost.delete(peer)
      if (state === 'connected') this.#whys.delete(peer)
      const measure = state === 'connecting' ? null : measureOf(peer)
      status.set(peer, {
        state,
        route: measure?.route ?? null,
        via: measure?.via ?? null,
        roundTripMs: rounded(measure?.roundTripMs),
        jitterMs: rounded(measure?.jitterMs),
        why: state === 'connected' ? null : this.#whyOf(peer, state, isSignalling),
      })
    }
    for (const peer of [...this.#lost]) {
      const why = this.#whys.get(peer)
      if (why === undefined) this.#lost.delete(peer)
      else status.set(peer, { state: 'lost', route: null, via: null, roundTripMs: null, jitterMs: null, why })
    }
    if (!sameStatus(status, this.#status.get())) this.#status.set(status)
  }

  clear(): void {
    this.#lost.clear()
    this.#status.set(new Map())
  }

  #whyOf(peer: PeerId, state: LinkStage, isSignalling: boolean): string | null {
    const why = this.#whys.get(peer) ?? (state === 'interrupted' ? 'nothing gets through for now' : null)
    if (isSignalling || why === null) return why
    return `${why}; no signalling server is attached either`
  }
}

/** Peers whose last failure is kept for who asks. */
const MAX_WHYS = 64

function remember(whys: Map<PeerId, string>, peer: PeerId, why: string): void {
  whys.delete(peer)
  whys.set(peer, why)
  for (const oldest of whys.keys()) {
    if (whys.size <= MAX_WHYS) return
    whys.delete(oldest)
  }
}

/** Tenths are as much as is worth telling. */
function rounded(ms: number | null | undefined): number | null {
  return ms == null ? null : Math.round(ms * 10) / 10
}

function sameStatus(a: ReadonlyMap<PeerId, LinkStatus>, b: ReadonlyMap<PeerId, LinkStatus>): boolean {
  if (a.size !== b.size) return false
  for (const [peer, status] of a) {
    const other = b.get(peer)
    if (other === undefined) return false
    for (const key of Object.keys(status) as (keyof LinkStatus)[]) if (status[key] !== other[key]) return false
  }
  return true
}
