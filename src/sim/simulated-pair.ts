import type { Clock } from '../base/clock.ts'
import type { Delivery, PeerId } from '../seam/contract.ts'
import type { SeamLink } from '../seam/lane.ts'
import type { SeamCore } from '../seam/seam-core.ts'
import { SimulatedWire, type WireConditions } from './simulated-wire.ts'

/** What a pair asks of its network. */
export interface PairConditions extends Omit<WireConditions, 'isCut'> {
  readonly isCut: (from: PeerId, to: PeerId) => boolean
  /** How long a link that is cut is kept before both ends give their peer up. */
  readonly peerLossMs: number
}

/**
 * Two seams of one room and the link between them: formed by a handshake of one round trip, kept through
 * short cuts, given up by both ends after long ones, and formed afresh when the cut is over.
 */
export class SimulatedPair {
  readonly #ends: readonly [SeamCore, SeamCore]
  readonly #wires: readonly [SimulatedWire, SimulatedWire]
  readonly #links: (SeamLink | null)[] = [null, null]
  readonly #conditions: PairConditions
  readonly #clock: Clock
  #open = false
  #ended = false
  #lost = false
  #handshake: unknown = undefined
  #loss: unknown = undefined

  constructor(a: SeamCore, b: SeamCore, conditions: PairConditions) {
    this.#ends = [a, b]
    this.#conditions = conditions
    this.#clock = conditions.clock
    const wire = (from: SeamCore, to: SeamCore): SimulatedWire =>
      new SimulatedWire({ ...conditions, isCut: () => conditions.isCut(from.selfId, to.selfId) })
    this.#wires = [wire(a, b), wire(b, a)]
    this.#startHandshake()
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The network cut or healed something: look whether it was this. */
  onCutsChanged(): void {
    if (this.#ended || this.#lost) return
    if (this.#isCut()) {
      if (this.#open) this.#loss ??= this.#clock.setTimeout(() => this.#giveUp(), this.#conditions.peerLossMs)
      return
    }
    this.#clock.clearTimeout(this.#loss)
    this.#loss = undefined
    if (!this.#open) this.#startHandshake()
    for (const wire of this.#wires) wire.resume()
  }

  /** `seam` closed: its goodbye follows its last frames. */
  closedBy(seam: SeamCore): void {
    if (!this.#open) {
      this.end()
      return
    }
    const from = this.#ends[0] === seam ? 0 : 1
    this.#wires[from].sendReliable(() => this.end())
  }

  /** `seam` fell silent: nothing of it is under way, and the other end finds out after a while. */
  lostBy(seam: SeamCore): void {
    this.#lost = true
    this.#wires[this.#ends[0] === seam ? 0 : 1].clear()
    if (this.#open) this.#loss ??= this.#clock.setTimeout(() => this.end(), this.#conditions.peerLossMs)
    else this.end()
  }

  /** For good. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#clock.clearTimeout(this.#handshake)
    this.#giveUp()
  }

  #startHandshake(): void {
    if (this.#handshake !== undefined) return
    const roundTripMs = 2 * this.#conditions.faults().latencyMs
    this.#handshake = this.#clock.setTimeout(() => {
      this.#handshake = undefined
      if (!this.#open && !this.#isCut()) this.#form()
    }, roundTripMs)
  }

  #form(): void {
    const [a, b] = this.#ends
    if (a.torn || b.torn) return
    this.#open = true
    const ways = [this.#way(0, a, b), this.#way(1, b, a)] as const
    this.#links.splice(0, 2, ...ways)
    a.link(b.selfId, ways[0])
    b.link(a.selfId, ways[1])
  }

  /** Both ends unlist each other, unless a newer link between the same peers has taken the place. */
  #giveUp(): void {
    this.#clock.clearTimeout(this.#loss)
    this.#loss = undefined
    this.#open = false
    for (const wire of this.#wires) wire.clear()
    const [a, b] = this.#ends
    if (a.torn || b.torn) this.#ended = true
    if (a.linkOf(b.selfId) === this.#links[0]) a.unlink(b.selfId)
    if (b.linkOf(a.selfId) === this.#links[1]) b.unlink(a.selfId)
  }

  #way(index: 0 | 1, from: SeamCore, to: SeamCore): SeamLink {
    const wire = this.#wires[index]
    /** Only what came over the link that the receiver still has is its. */
    const current = (): boolean => to.linkOf(from.selfId) === this.#links[1 - index]
    const receive = (frame: Uint8Array, delivery: Delivery, isPart: boolean) => (): void => {
      if (current()) to.received(from.selfId, frame, delivery, isPart)
    }
    return {
      send: (frame, delivery, _signal, isPart) => {
        if (delivery === 'lossy') wire.sendLossy(receive(frame, delivery, isPart))
        else wire.sendReliable(receive(frame, delivery, isPart))
      },
      grant: (bytes) =>
        wire.sendReliable(() => {
          if (current()) to.granted(from.selfId, bytes)
        }),
    }
  }

  #isCut(): boolean {
    const [a, b] = this.#ends
    return this.#conditions.isCut(a.selfId, b.selfId) || this.#conditions.isCut(b.selfId, a.selfId)
  }
}
