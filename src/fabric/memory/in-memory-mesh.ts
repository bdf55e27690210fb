import { RoomFullError, RoomNotFoundError, RoomTakenError } from '../../base/errors.ts'
import { DEFAULT_MAX_PEERS, type PeerId, type PeerIdentity, type Seam } from '../../seam/contract.ts'
import { SeamCore } from '../../seam/seam-core.ts'

/** Largest payload, bytes. Memory needs none; a published number puts the laws of budgets to work. */
export const IN_MEMORY_MAX_PAYLOAD_BYTES = 16_777_216

/** Largest payload that goes in one piece, bytes: as over WebRTC. */
export const IN_MEMORY_MAX_FRAME_BYTES = 262_144

/** Who is in one in-memory session, and who hosts it. */
export class InMemoryMesh {
  readonly #members: Map<PeerId, SeamCore> = new Map()
  #host: SeamCore | null = null
  #maxPeers = DEFAULT_MAX_PEERS
  #named = 0

  host(maxPeers: number = DEFAULT_MAX_PEERS, identity?: PeerIdentity): Seam {
    if (!Number.isInteger(maxPeers) || maxPeers < 1) throw new RangeError(`maxPeers is a count from 1, not ${maxPeers}`)
    if (this.#host !== null && this.#host.selfId !== identity?.id) {
      throw new RoomTakenError(`${this.#host.selfId} hosts this session: join it, or use another InMemoryLoom`)
    }
    const seam = this.#admit(maxPeers, identity)
    this.#maxPeers = maxPeers
    this.#host = seam
    return seam
  }

  join(identity?: PeerIdentity): Seam {
    if (this.#members.size === 0) throw new RoomNotFoundError('nobody is in this session: host it first')
    return this.#admit(this.#maxPeers, identity)
  }

  #admit(maxPeers: number, identity: PeerIdentity | undefined): SeamCore {
    const ghost = identity === undefined ? undefined : this.#members.get(identity.id)
    if (ghost === undefined && this.#members.size >= maxPeers) {
      throw new RoomFullError(`this session holds ${maxPeers} peers, and all are in`)
    }
    void ghost?.close({ kind: 'remote-requested' })
    const seam: SeamCore = new SeamCore({
      selfId: identity?.id ?? this.#nextName(),
      maxPayloadBytes: () => IN_MEMORY_MAX_PAYLOAD_BYTES,
      maxFrameBytes: () => IN_MEMORY_MAX_FRAME_BYTES,
      onClose: () => this.#leave(seam),
    })
    const others = [...this.#members.values()]
    this.#members.set(seam.selfId, seam)
    for (const other of others) {
      // A listener that hears of the newcomer may close its seam, or the newcomer, on the spot.
      if (other.torn || !connect(seam, other)) continue
      connect(other, seam)
    }
    return seam
  }

  #leave(seam: SeamCore): void {
    if (this.#host === seam) this.#host = null
    this.#members.delete(seam.selfId)
    for (const other of this.#members.values()) other.unlink(seam.selfId)
  }

  #nextName(): PeerId {
    let name: PeerId
    do name = `peer-${++this.#named}`
    while (this.#members.has(name))
    return name
  }
}

/** The way from one peer to another. */
function connect(from: SeamCore, to: SeamCore): boolean {
  return from.link(to.selfId, {
    send: (frame, delivery, _signal, isPart) => {
      to.received(from.selfId, frame, delivery, isPart)
    },
    grant: (bytes) => to.granted(from.selfId, bytes),
  })
}
