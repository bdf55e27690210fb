import { CorruptStateError } from '../../../base/errors.ts'
import type { Random } from '../../../base/random.ts'
import type { Seam } from '../../../seam/contract.ts'
import { SimulatedDisk, type SimulatedNetwork, testIdentity } from '../../../sim/index.ts'
import type { ClusterConfig, Committed, NodeId, RaftNode } from '../../contract.ts'
import { raftNode } from '../../raft-node.ts'
import type { RaftTraceEvent } from '../../trace-event.ts'
import { seamTransport } from '../../seam-transport.ts'
import { KvStore } from './kv-store.ts'
import { LocalClock } from './local-clock.ts'
import { Page } from './page.ts'

/** What all machines of one simulation share. */
export interface Surroundings {
  readonly network: SimulatedNetwork
  readonly random: Random
  readonly seed: number
  readonly torn: boolean
  /** Longest time a write takes to become durable, milliseconds. */
  readonly diskMs: number
  /** A node has applied this to its store, after whatever came before it. */
  readonly onCommitted: (id: NodeId, item: Committed, store: KvStore) => void
  readonly onLeader: (id: NodeId, term: number) => void
  /** `null`: nobody reads the nodes' traces. */
  readonly onEvent: ((id: NodeId, event: RaftTraceEvent) => void) | null
  readonly onFault: (error: unknown) => void
}

const ROOM = { sessionName: 'raft', roomKey: 'raft', peerKey: 'raft', maxPeers: 16 }

/** One machine with a whole node: its own clock and disk, a seam of the simulated network, and a program on top. */
export class NodeMachine {
  readonly id: NodeId
  readonly local: LocalClock
  node: RaftNode | null = null
  disk: SimulatedDisk | null = null
  store: KvStore = new KvStore()
  /** What its node runs in, another one after each start. */
  page: Page = new Page()
  /** Its disk was torn and refused: it never comes up again. */
  isLost = false
  readonly #cluster: ClusterConfig
  readonly #around: Surroundings
  #seam: Seam | null = null
  #frozenAtMs = 0
  /** Counts starts: what belongs to an earlier one is let go. */
  #life = 0
  #isStarting = false

  constructor(id: NodeId, cluster: ClusterConfig, around: Surroundings) {
    this.id = id
    this.#cluster = cluster
    this.#around = around
    this.local = new LocalClock(around.random() * 1e6)
  }

  /** Whether it runs, or is about to. A node that lost its disk does not, and has to be started anew. */
  get isUp(): boolean {
    return this.#seam !== null && this.node?.failure.get() == null
  }

  /** Resolves when its node runs, or cannot. */
  async start(): Promise<void> {
    // Of two starts at once the slower one would take the other's link and disk away.
    if (this.isUp || this.isLost || this.#isStarting) return
    if (this.node !== null) this.crash()
    this.#isStarting = true
    try {
      await this.#begin(++this.#life)
    } finally {
      this.#isStarting = false
    }
  }

  async #begin(life: number): Promise<void> {
    const { network, random, seed, torn, diskMs: jitterMs } = this.#around
    const identity = testIdentity(this.id)
    const page = new Page()
    this.page = page
    const seam = await network.loom({ peerIdentity: identity }).reopen(ROOM)
    if (life !== this.#life) return
    this.#seam = seam
    const { clock } = network
    this.disk =
      this.disk?.reopen() ??
      (await SimulatedDisk.create({ clock, seed: `${seed} ${this.id}`, peerIdentity: identity, jitterMs }))
    this.disk.setFaults({ fail: 0, torn: torn ? 1 : 0 })
    if (life !== this.#life) return
    try {
      const node = await raftNode({
        id: this.id,
        cluster: this.#cluster,
        transport: page.transport(seamTransport(seam)),
        storage: page.storage(this.disk),
        config: { expectVirtualTime: true },
        identity: { kind: 'durable', clientId: `client ${this.id}` },
        clock: page.clock(clock, this.local),
        random,
      })
      if (life !== this.#life) {
        await node.close()
        return
      }
      this.node = node
      this.store = new KvStore()
      this.#watch(node, this.store)
    } catch (error) {
      if (life !== this.#life) return
      this.crash()
      if (!(error instanceof CorruptStateError)) return
      this.isLost = true
      if (!torn) this.#around.onFault(error)
    }
  }

  /** No goodbye: what was not durable is lost, and nobody is told. */
  crash(): void {
    this.#life++
    this.disk?.crash()
    this.#around.network.crash(this.id)
    void this.node?.close()
    this.node = null
    this.#seam = null
    // A start that waits for a frozen page gives up.
    this.page.thaw()
    this.page = new Page()
  }

  /** The page does not run, and what comes to it waits. */
  freeze(): void {
    if (this.page.isFrozen) return
    this.#frozenAtMs = this.#around.network.clock.now()
    this.page.freeze()
  }

  /** It runs again. `sleptToo`: so did its clock. */
  thaw(sleptToo: boolean): void {
    if (!this.page.isFrozen) return
    if (sleptToo) this.local.oversleep(this.#around.network.clock.now() - this.#frozenAtMs)
    this.page.thaw()
  }

  describe(): string {
    if (this.node === null) return this.isLost ? 'lost' : this.isUp ? 'starting' : 'down'
    const { role, leader, commitIndex, membership } = this.node
    const { voters, learners } = membership.get()
    const log = `commit ${commitIndex.get()} applied ${this.store.applied} disk ${this.disk?.pendingWrites} behind`
    return `${role.get()} of ${leader.get()}, ${log}, voters ${[...voters].join()} learners ${[...learners].join()}`
  }

  #watch(node: RaftNode, store: KvStore): void {
    const { onCommitted, onLeader, onEvent, onFault } = this.#around
    node.role.subscribe((role) => {
      if (role === 'leader') onLeader(this.id, node.metrics().term)
    })
    const read = async (): Promise<void> => {
      for await (const item of node.committedFrom(1)) {
        if (item.kind === 'entry') store.apply({ ...item.entry, kind: 'command' })
        else if (item.kind === 'install') store.restore(item.snapshot.state)
        else store.skip({ index: item.index, term: 0 })
        onCommitted(this.id, item, store)
      }
    }
    read().catch(onFault)
    if (onEvent === null) return
    const listen = async (): Promise<void> => {
      for await (const event of node.trace) onEvent(this.id, event)
    }
    listen().catch(onFault)
  }
}
