import type { Delivery, PeerId } from '../../seam/contract.ts'
import type { SeamCore } from '../../seam/seam-core.ts'
import { Bond, type Carrier } from './bond.ts'
import type { Resume } from './link-frames.ts'

/**
 * The bonds of one weave: what a seam sends goes to bonds, and each of them has the link that carries it
 * at the moment. A peer is listed when its bond has begun, leaves when it ends, and does both where it
 * begins anew. Every frame is told with the link that it came over: those of another link than the one
 * that carries the bond now are passed over.
 */
export class MeshBonds {
  readonly #core: SeamCore
  readonly #bonds: Map<PeerId, Bond> = new Map()
  #lossyDropped = 0

  constructor(core: SeamCore) {
    this.#core = core
  }

  get lossyDropped(): number {
    let dropped = this.#lossyDropped
    for (const bond of this.#bonds.values()) dropped += bond.lossyDropped
    return dropped
  }

  /** The link, called `name` by both ends, carries what goes to `peer` from now on. */
  carry(peer: PeerId, carrier: Carrier, name: string): void {
    let bond = this.#bonds.get(peer)
    if (bond === undefined) this.#bonds.set(peer, (bond = new Bond(name, () => this.#core.writable(peer))))
    bond.attach(carrier, name)
  }

  /** The link is about to be closed in order: what waits for it goes first. */
  flush(peer: PeerId, carrier: Carrier): void {
    this.#of(peer, carrier)?.flush()
  }

  detach(peer: PeerId, carrier: Carrier): void {
    this.#of(peer, carrier)?.detach(carrier)
  }

  /** The peer leaves. */
  end(peer: PeerId): void {
    this.#lossyDropped += this.#bonds.get(peer)?.lossyDropped ?? 0
    this.#bonds.delete(peer)
    this.#core.unlink(peer)
  }

  writable(peer: PeerId, carrier: Carrier): void {
    this.#of(peer, carrier)?.writable()
  }

  /** False, here as below: the other end said what it may not say. */
  resumed(peer: PeerId, carrier: Carrier, said: Resume): boolean {
    const bond = this.#of(peer, carrier)
    if (bond === undefined) return true
    const outcome = bond.resume(said)
    if (outcome === 'impossible') return false
    if (outcome === 'renewed' || !this.#core.peers.get().has(peer)) this.#core.link(peer, bond)
    else this.#core.writable(peer)
    return true
  }

  acknowledged(peer: PeerId, carrier: Carrier, received: number): boolean {
    return this.#of(peer, carrier)?.acknowledge(received) ?? true
  }

  received(peer: PeerId, carrier: Carrier, payload: Uint8Array, delivery: Delivery, isPart: boolean): boolean {
    const bond = this.#of(peer, carrier)
    if (bond === undefined) return true
    if (delivery === 'reliable' && !bond.arrived(payload.length)) return false
    // One that has a way of its own may come before the other end has resumed.
    if (delivery === 'lossy' && !bond.isResumed) {
      this.#lossyDropped++
      return true
    }
    this.#core.received(peer, payload, delivery, isPart)
    return true
  }

  granted(peer: PeerId, carrier: Carrier, bytes: number): boolean {
    const bond = this.#of(peer, carrier)
    if (bond === undefined) return true
    if (!bond.arrived(GRANT_BYTES)) return false
    this.#core.granted(peer, bytes)
    return true
  }

  #of(peer: PeerId, carrier: Carrier): Bond | undefined {
    const bond = this.#bonds.get(peer)
    return bond?.carriedBy(carrier) === true ? bond : undefined
  }
}

/** What a grant counts for acknowledgements; only roughly the same at both ends, and no more is needed. */
const GRANT_BYTES = 4
