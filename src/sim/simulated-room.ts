import type { PeerId } from '../seam/contract.ts'
import { SeamCore } from '../seam/seam-core.ts'
import { SimulatedPair, type PairConditions } from './simulated-pair.ts'

/** Largest payloads, bytes: reliable, in one piece, lossy. */
export interface SimulatedBudgets {
  readonly reliable: number
  readonly frame: number
  readonly lossy: number
}

/** The peers attached under one name, and the pairs between them. */
export class SimulatedRoom {
  readonly #members: Map<PeerId, SeamCore> = new Map()
  /** A closed seam's pairs stay until their goodbyes have arrived, so they are kept per seam, not per peer. */
  readonly #pairs: Map<SeamCore, Set<SimulatedPair>> = new Map()
  readonly #budgets: SimulatedBudgets
  readonly #conditions: PairConditions
  readonly #onEmpty: () => void
  #maxPeers = 0

  constructor(budgets: SimulatedBudgets, onEmpty: () => void, conditions: PairConditions) {
    this.#budgets = budgets
    this.#onEmpty = onEmpty
    this.#conditions = conditions
  }

  /** Attached peers other than `peer`. */
  others(peer: PeerId): number {
    return this.#members.size - (this.#members.has(peer) ? 1 : 0)
  }

  isFullFor(peer: PeerId): boolean {
    const others = this.others(peer)
    return others > 0 && others >= this.#maxPeers
  }

  /** A seam for `peer`, which begins to link with all who are attached. Its own older seam is superseded. */
  attach(peer: PeerId, maxPeers: number): SeamCore {
    if (this.others(peer) === 0) this.#maxPeers = maxPeers
    const ghost = this.#members.get(peer)
    const seam: SeamCore = new SeamCore({
      selfId: peer,
      maxPayloadBytes: () => this.#budgets.reliable,
      maxFrameBytes: () => Math.min(this.#budgets.frame, this.#budgets.reliable),
      maxLossyPayloadBytes: () => this.#budgets.lossy,
      onClose: () => this.#onClosed(seam),
    })
    this.#members.set(peer, seam)
    if (ghost !== undefined) this.#lose(ghost, 'remote-requested')
    this.#pairs.set(seam, new Set())
    for (const other of this.#members.values()) if (other !== seam) this.#pair(seam, other)
    return seam
  }

  crash(peer: PeerId): void {
    const seam = this.#members.get(peer)
    if (seam === undefined) return
    this.#lose(seam, 'unreachable')
    this.#detach(seam)
  }

  onCutsChanged(): void {
    for (const pair of new Set([...this.#pairs.values()].flatMap((pairs) => [...pairs]))) pair.onCutsChanged()
  }

  #pair(a: SeamCore, b: SeamCore): void {
    const pair = new SimulatedPair(a, b, this.#conditions)
    for (const end of [a, b]) {
      const pairs = this.#pairs.get(end)
      for (const old of pairs ?? []) if (old.ended) pairs?.delete(old)
      pairs?.add(pair)
    }
  }

  #onClosed(seam: SeamCore): void {
    for (const pair of this.#pairs.get(seam) ?? []) pair.closedBy(seam)
    this.#detach(seam)
  }

  #lose(seam: SeamCore, kind: 'remote-requested' | 'unreachable'): void {
    seam.tear({ kind })
    for (const pair of this.#pairs.get(seam) ?? []) pair.lostBy(seam)
    this.#pairs.delete(seam)
  }

  #detach(seam: SeamCore): void {
    this.#pairs.delete(seam)
    if (this.#members.get(seam.selfId) === seam) this.#members.delete(seam.selfId)
    if (this.#members.size === 0) this.#onEmpty()
  }
}
