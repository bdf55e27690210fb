import type { LinkStatus } from 'selvage/webrtc'

/** How it stands with the link to one other, as a page shows it. */
export interface Link {
  /** `none`: nothing is known of one. */
  readonly state: LinkStatus['state'] | 'none'
  readonly route: LinkStatus['route']
  /** The id of a third peer that carries it; `null` where none does. */
  readonly via: LinkStatus['via']
  readonly roundTripMs: number | null
  readonly jitterMs: number | null
  /** Why it is not connected, as far as that is known. */
  readonly why: string | null
  /** While it is interrupted, whole seconds: since when, and for how long the other is still listed. */
  readonly interruption: { readonly forS: number; readonly keptForS: number } | null
}

export const noLink: Link = {
  state: 'none',
  route: null,
  via: null,
  roundTripMs: null,
  jitterMs: null,
  why: null,
  interruption: null,
}

/** The links of a weave as the loom tells them, and since when they are interrupted, which it does not. */
export class LinkWatch {
  readonly #interruptedAtMs: Map<string, number> = new Map()
  readonly #keptMs: number

  /** `keptMs`: how long a peer stays listed whose link is interrupted. */
  constructor(keptMs: number) {
    this.#keptMs = keptMs
  }

  /** To be asked at every change, and as time passes. */
  of(statuses: ReadonlyMap<string, LinkStatus>, nowMs: number): ReadonlyMap<string, Link> {
    for (const peer of this.#interruptedAtMs.keys()) {
      if (statuses.get(peer)?.state !== 'interrupted') this.#interruptedAtMs.delete(peer)
    }
    return new Map([...statuses].map(([peer, status]) => [peer, this.#linkOf(peer, status, nowMs)]))
  }

  #linkOf(peer: string, status: LinkStatus, nowMs: number): Link {
    const link = { ...status, interruption: null }
    if (status.state !== 'interrupted') return link
    const sinceMs = this.#interruptedAtMs.get(peer) ?? nowMs
    this.#interruptedAtMs.set(peer, sinceMs)
    const leftMs = Math.max(0, sinceMs + this.#keptMs - nowMs)
    const interruption = { forS: Math.floor((nowMs - sinceMs) / 1000), keptForS: Math.ceil(leftMs / 1000) }
    return { ...link, interruption }
  }
}
