import { throwIfAborted } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import type {
  Availability,
  Loom,
  Pattern,
  PeerIdentity,
  Rendezvous,
  Seam,
  TransportCapability,
  WaitOptions,
} from '../../seam/contract.ts'
import { InMemoryMesh } from './in-memory-mesh.ts'
import { InMemoryTag } from './in-memory-tag.ts'

export interface InMemoryLoomOptions {
  /** Accepted like every loom's. Nothing here waits for time to pass. */
  readonly clock?: Clock | undefined
  /**
   * Who hosts and joins through this loom. Left out, each seam is a new peer: `peer-1`, `peer-2`… With
   * one, each seam supersedes the loom's last: for several peers use {@link InMemoryLoom.as}.
   */
  readonly peerIdentity?: PeerIdentity | undefined
}

/**
 * The reference fabric: one instance is one session inside one program. Frames arrive in the same turn
 * they are sent in, and arrays are handed over as they are.
 *
 * The session goes on for as long as somebody is in it: when the host leaves, the others keep each other,
 * and a next host comes in among them.
 */
export class InMemoryLoom implements Loom<InMemoryTag> {
  #mesh: InMemoryMesh = new InMemoryMesh()
  readonly #identity: PeerIdentity | undefined

  constructor(options: InMemoryLoomOptions = {}) {
    this.#identity = options.peerIdentity
  }

  weave(rendezvous: Rendezvous<InMemoryTag>, options?: WaitOptions): Promise<Seam> {
    return rendezvous.kind === 'new' ? this.host(rendezvous.pattern, options) : this.join(rendezvous.tag, options)
  }

  /** Rejects with `RoomTakenError` while another host is in, and `RangeError` where `maxPeers` is no count. */
  async host(pattern: Pattern, options: WaitOptions = {}): Promise<Seam> {
    await turn(options)
    return this.#mesh.host(pattern.maxPeers, this.#identity)
  }

  /** Rejects with `RoomNotFoundError` while nobody is in, `RoomFullError`, and `TypeError` for another fabric's tag. */
  async join(tag: InMemoryTag, options: WaitOptions = {}): Promise<Seam> {
    if (!(tag instanceof InMemoryTag)) throw new TypeError('an InMemoryLoom joins by InMemoryTag')
    await turn(options)
    return this.#mesh.join(this.#identity)
  }

  /** The same session, for another identity: `loom.as(one).host(…)`, `loom.as(other).join(…)`. */
  as(peerIdentity: PeerIdentity): InMemoryLoom {
    const loom = new InMemoryLoom({ peerIdentity })
    loom.#mesh = this.#mesh
    return loom
  }

  capability(): TransportCapability {
    return { roles: new Set(['data']), availability: this.availability() }
  }

  availability(): Availability {
    return { kind: 'available' }
  }
}

/** A caller may abort in the turn it called in, as with every fabric. */
async function turn({ signal }: WaitOptions): Promise<void> {
  throwIfAborted(signal)
  await null
  throwIfAborted(signal)
}
