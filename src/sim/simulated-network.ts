import type { Random } from '../base/random.ts'
import { DEFAULT_MAX_PAYLOAD_BYTES, type PeerId, type PeerIdentity } from '../seam/contract.ts'
import type { SeamCore } from '../seam/seam-core.ts'
import { checkFaults, NO_FAULTS, type NetworkFaults } from './fault-model.ts'
import { seededRandom } from './seeded-random.ts'
import { SimulatedLoom } from './simulated-loom.ts'
import { SimulatedRoom, type SimulatedBudgets } from './simulated-room.ts'
import { testIdentity } from './test-identity.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SimulatedNetworkOptions extends Partial<NetworkFaults> {
  readonly clock: VirtualClock
  /** The same seed, faults and program give the same run. */
  readonly seed: number
  /** How long a link that is cut is kept before both ends drop their peer, milliseconds. Default 5000. */
  readonly peerLossMs?: number
  /** Largest reliable payload, bytes. Default 64 MiB, as over WebRTC. */
  readonly maxPayloadBytes?: number
  /** Largest payload that goes in one piece, bytes. Default 256 KiB, as over WebRTC. */
  readonly maxFrameBytes?: number
  /** Largest lossy payload, bytes. Default 16 KiB. */
  readonly maxLossyPayloadBytes?: number
}

/**
 * Any number of looms, and the rooms their seams meet in, under seeded faults and virtual time. A room is
 * named by `roomKey`, else by `sessionName`, of pattern and tag alike; every pair of its peers has a link
 * of its own. Reliable frames keep order and arrive once for as long as the link lives: faults only make
 * them late. Lossy frames are lost, doubled and overtaken in truth.
 */
export class SimulatedNetwork {
  readonly clock: VirtualClock
  readonly #random: Random
  readonly #peerLossMs: number
  readonly #budgets: SimulatedBudgets
  readonly #rooms: Map<string, SimulatedRoom> = new Map()
  readonly #cuts: Map<PeerId, Set<PeerId>> = new Map()
  #faults: NetworkFaults
  #named = 0

  constructor(options: SimulatedNetworkOptions) {
    const { clock, seed, peerLossMs = 5000, maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES } = options
    const { maxFrameBytes = 262_144, maxLossyPayloadBytes = 16_384 } = options
    this.clock = clock
    this.#random = seededRandom(seed)
    this.#peerLossMs = peerLossMs
    this.#budgets = { reliable: maxPayloadBytes, frame: maxFrameBytes, lossy: maxLossyPayloadBytes }
    const { latencyMs, jitterMs, loss, duplicate, reorder } = { ...NO_FAULTS, ...definedOf(options) }
    this.#faults = checkFaults({ latencyMs, jitterMs, loss, duplicate, reorder })
  }

  /** The faults in force. */
  get faults(): NetworkFaults {
    return this.#faults
  }

  /** Changes some faults from now on; frames under way keep what was drawn for them. */
  setFaults(faults: Partial<NetworkFaults>): void {
    this.#faults = checkFaults({ ...this.#faults, ...definedOf(faults) })
  }

  /** A loom of one peer: `peerIdentity`, or a test identity named `peer-1`, `peer-2`… */
  loom(options: { peerIdentity?: PeerIdentity | undefined } = {}): SimulatedLoom {
    return new SimulatedLoom(this, options.peerIdentity ?? testIdentity(`peer-${++this.#named}`))
  }

  /**
   * Nothing gets through between two peers (`oneWay`: from `a` to `b`). Frames wait; after `peerLossMs`
   * both ends drop each other from `peers`.
   */
  cut(a: PeerId, b: PeerId, options: { oneWay?: boolean } = {}): void {
    if (a === b) throw new RangeError(`a cut is between two peers, not ${a} and itself`)
    this.#cutFrom(a).add(b)
    if (options.oneWay !== true) this.#cutFrom(b).add(a)
    this.#cutsChanged()
  }

  /** Ends the cut between two peers, all of one peer, or all: kept links go on, dropped pairs link afresh. */
  heal(a?: PeerId, b?: PeerId): void {
    if (a === undefined) this.#cuts.clear()
    else if (b === undefined) {
      this.#cuts.delete(a)
      for (const targets of this.#cuts.values()) targets.delete(a)
    } else {
      this.#cutFrom(a).delete(b)
      this.#cutFrom(b).delete(a)
    }
    this.#cutsChanged()
  }

  /**
   * Ends every seam of a peer the way a killed process does: no goodbye, what it had under way is lost,
   * and the others find out after `peerLossMs`.
   */
  crash(peer: PeerId): void {
    for (const room of this.#rooms.values()) room.crash(peer)
  }

  isCut(from: PeerId, to: PeerId): boolean {
    return this.#cuts.get(from)?.has(to) === true
  }

  /** The room of that name, while a peer is attached. */
  findRoom(key: string): SimulatedRoom | undefined {
    return this.#rooms.get(key)
  }

  /** Attaches a peer to a room, which begins with its first. */
  attach(key: string, peer: PeerId, maxPeers: number): SeamCore {
    let room = this.#rooms.get(key)
    if (room === undefined) {
      room = new SimulatedRoom(this.#budgets, () => this.#rooms.delete(key), {
        clock: this.clock,
        random: this.#random,
        faults: () => this.#faults,
        isCut: (from, to) => this.isCut(from, to),
        peerLossMs: this.#peerLossMs,
      })
      this.#rooms.set(key, room)
    }
    return room.attach(peer, maxPeers)
  }

  #cutFrom(peer: PeerId): Set<PeerId> {
    let targets = this.#cuts.get(peer)
    if (targets === undefined) this.#cuts.set(peer, (targets = new Set()))
    return targets
  }

  #cutsChanged(): void {
    for (const room of this.#rooms.values()) room.onCutsChanged()
  }
}

/** Without the properties that are undefined, so that they do not hide a default. */
function definedOf<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
