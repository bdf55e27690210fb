import { sleep, throwIfAborted, withinMs } from '../base/abort.ts'
import { RoomFullError, RoomNotFoundError, RoomTakenError } from '../base/errors.ts'
import { until } from '../base/observable.ts'
import {
  DEFAULT_MAX_PEERS,
  type Availability,
  type Loom,
  type Pattern,
  type PeerIdentity,
  type Rendezvous,
  type Seam,
  type Tag,
  type TransportCapability,
  type WaitOptions,
} from '../seam/contract.ts'
import type { SeamCore } from '../seam/seam-core.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

/** Longest wait of a join for its first link, milliseconds. */
export const SIMULATED_JOIN_TIMEOUT_MS = 30_000

/** One peer's way into the rooms of a {@link SimulatedNetwork}. Any tag will do: it is the names that count. */
export class SimulatedLoom implements Loom {
  readonly peerIdentity: PeerIdentity
  readonly #network: SimulatedNetwork

  constructor(network: SimulatedNetwork, peerIdentity: PeerIdentity) {
    this.#network = network
    this.peerIdentity = peerIdentity
  }

  weave(rendezvous: Rendezvous, options?: WaitOptions): Promise<Seam> {
    return rendezvous.kind === 'new' ? this.host(rendezvous.pattern, options) : this.join(rendezvous.tag, options)
  }

  /** Resolves when attached. Rejects with `RoomTakenError` while another peer is in the room. */
  async host(pattern: Pattern, options: WaitOptions = {}): Promise<Seam> {
    const key = keyOf(pattern)
    const maxPeers = maxPeersOf(pattern)
    await this.#roundTrip(options)
    if (this.#othersIn(key) > 0) {
      throw new RoomTakenError(`somebody is in room ${key}: join it, or host under another name`)
    }
    return this.#network.attach(key, this.peerIdentity.id, maxPeers)
  }

  /**
   * Resolves at the first link. Rejects with `RoomNotFoundError` when nobody else is in the room, or none
   * of them can be reached within {@link SIMULATED_JOIN_TIMEOUT_MS}, and with `RoomFullError`.
   */
  async join(tag: Tag, options: WaitOptions = {}): Promise<Seam> {
    const key = keyOf(tag)
    await this.#roundTrip(options)
    if (this.#othersIn(key) === 0) throw new RoomNotFoundError(`nobody is in room ${key}: host it first`)
    this.#checkPlace(key)
    const seam = this.#network.attach(key, this.peerIdentity.id, DEFAULT_MAX_PEERS)
    try {
      await this.#firstLink(seam, options.signal)
      return seam
    } catch (error) {
      await seam.close()
      throw error
    }
  }

  /** Comes back as a member who may be the first to: the room is made again when nobody is in it. Resolves when attached. */
  async reopen(name: Tag | Pattern, options: WaitOptions = {}): Promise<Seam> {
    const key = keyOf(name)
    const maxPeers = maxPeersOf(name)
    await this.#roundTrip(options)
    this.#checkPlace(key)
    return this.#network.attach(key, this.peerIdentity.id, maxPeers)
  }

  capability(): TransportCapability {
    return { roles: new Set(['data']), availability: this.availability() }
  }

  availability(): Availability {
    return { kind: 'available' }
  }

  #othersIn(key: string): number {
    return this.#network.findRoom(key)?.others(this.peerIdentity.id) ?? 0
  }

  #checkPlace(key: string): void {
    if (this.#network.findRoom(key)?.isFullFor(this.peerIdentity.id) === true) {
      throw new RoomFullError(`room ${key} holds as many peers as it may`)
    }
  }

  #roundTrip({ signal }: WaitOptions): Promise<void> {
    return sleep(this.#network.clock, 2 * this.#network.faults.latencyMs, signal)
  }

  async #firstLink(seam: SeamCore, signal: AbortSignal | undefined): Promise<void> {
    const bound = new AbortController()
    const stop = (): void => bound.abort()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const linked = until(seam.peers, (peers) => peers.size > 1, { signal: bound.signal })
      await withinMs(this.#network.clock, SIMULATED_JOIN_TIMEOUT_MS, linked, () => {
        return new RoomNotFoundError(
          `nobody in the room could be reached in ${SIMULATED_JOIN_TIMEOUT_MS} ms: try again`,
        )
      })
    } catch (error) {
      throwIfAborted(signal)
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
      bound.abort()
    }
  }
}

function keyOf(name: { readonly sessionName: string; readonly roomKey?: string | undefined }): string {
  return name.roomKey ?? name.sessionName
}

function maxPeersOf(name: Tag | Pattern): number {
  const maxPeers = ('maxPeers' in name ? name.maxPeers : undefined) ?? DEFAULT_MAX_PEERS
  if (!Number.isInteger(maxPeers) || maxPeers < 1) throw new RangeError(`maxPeers is a count from 1, not ${maxPeers}`)
  return maxPeers
}
