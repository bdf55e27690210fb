import type { Random } from '../../base/random.ts'
import type { Loom, Seam } from '../../seam/contract.ts'
import { SimulatedNetwork, seededRandom, testIdentity, VirtualClock } from '../../sim/index.ts'
import type { ClientIdentity, ClusterConfig, Committed, NodeId, RaftConfig, RaftNode } from '../contract.ts'
import { raftNode } from '../raft-node.ts'
import { seamTransport } from '../seam-transport.ts'
import { InMemoryRaftStorage } from '../storage/in-memory-raft-storage.ts'

/** Real nodes on a simulated network: seams, codec, storage and all, under virtual time. */
export class Cluster {
  readonly clock: VirtualClock = new VirtualClock()
  readonly network: SimulatedNetwork
  readonly nodes: Map<NodeId, RaftNode> = new Map()
  readonly seams: Map<NodeId, Seam> = new Map()
  readonly storages: Map<NodeId, InMemoryRaftStorage> = new Map()
  readonly #random: Random

  constructor(options: { seed: number; latencyMs?: number; jitterMs?: number; loss?: number } = { seed: 1 }) {
    this.network = new SimulatedNetwork({ clock: this.clock, ...options })
    this.#random = seededRandom(options.seed)
  }

  async attach(id: NodeId): Promise<Seam> {
    const loom: Loom = this.network.loom({ peerIdentity: testIdentity(id) })
    const pattern = { sessionName: 'raft', roomKey: 'raft', maxPeers: 16 }
    const seam = await this.clock.run(
      this.seams.size > 0 ? loom.join({ sessionName: 'raft', peerKey: 'raft', roomKey: 'raft' }) : loom.host(pattern),
    )
    this.seams.set(id, seam)
    return seam
  }

  async start(
    id: NodeId,
    cluster: ClusterConfig,
    config: RaftConfig = {},
    identity: ClientIdentity = { kind: 'auto' },
  ): Promise<RaftNode> {
    const seam = this.seams.get(id) ?? (await this.attach(id))
    const before = this.storages.get(id)
    const storage = before?.reopen() ?? (await InMemoryRaftStorage.create({ peerIdentity: testIdentity(id) }))
    this.storages.set(id, storage)
    const node = await this.clock.run(
      raftNode({
        id,
        cluster,
        transport: seamTransport(seam),
        storage,
        config: { expectVirtualTime: true, ...config },
        identity,
        clock: this.clock,
        random: this.#random,
      }),
    )
    this.nodes.set(id, node)
    return node
  }

  async startAll(...ids: NodeId[]): Promise<RaftNode[]> {
    const cluster = { voters: new Set(ids), learners: new Set<NodeId>() }
    const nodes: RaftNode[] = []
    for (const id of ids) nodes.push(await this.start(id, cluster))
    return nodes
  }

  /** The node that all who are reachable follow, once there is one. */
  async leader(): Promise<RaftNode> {
    const nodes = [...this.nodes.values()]
    return this.clock.run(Promise.race(nodes.map((node) => node.awaitLeadership().then(() => node))), {
      limitMs: 60_000,
    })
  }

  async close(): Promise<void> {
    for (const node of this.nodes.values()) await node.close()
    for (const seam of this.seams.values()) await seam.close()
  }
}

export const voters = (...ids: NodeId[]): ClusterConfig => ({ voters: new Set(ids), learners: new Set() })

/** Reads committed entries as text until `count` of them have come. */
export async function readEntries(node: RaftNode, count: number, from = 1): Promise<string[]> {
  const texts: string[] = []
  if (count === 0) return texts
  for await (const item of node.committedFrom(from)) {
    if (item.kind === 'entry') texts.push(new TextDecoder().decode(item.entry.command))
    if (texts.length === count) break
  }
  return texts
}

export async function collect(node: RaftNode, count: number, from = 1): Promise<Committed[]> {
  const items: Committed[] = []
  for await (const item of node.committedFrom(from)) {
    items.push(item)
    if (items.length === count) break
  }
  return items
}
