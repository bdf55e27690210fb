import { type Clock, systemClock } from '../base/clock.ts'
import { ConfigError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { ClientSerials } from './client-serials.ts'
import type {
  ClientIdentity,
  ClusterConfig,
  NodeId,
  RaftConfig,
  RaftNode,
  RaftStorage,
  RaftTransport,
} from './contract.ts'
import { checkMemberCount } from './core/configuration.ts'
import { checkConfigFits } from './core/entry-size.ts'
import { limitsOf } from './core/limits.ts'
import { DrivenRaftNode } from './driven-raft-node.ts'
import { checkNodeId } from './id.ts'
import { settingsOf } from './settings.ts'
import { startingState, volatileStorage } from './starting-state.ts'

export interface RaftNodeOptions {
  /** This node's id: the peer's, on whose link the frames travel. */
  readonly id: NodeId
  /** Who is in the cluster as long as the log does not say. No voters: a joiner, which follows whoever leads. */
  readonly cluster: ClusterConfig
  readonly transport: RaftTransport
  /** Left out: in memory, never to be restarted under the same id. */
  readonly storage?: RaftStorage | undefined
  readonly config?: RaftConfig | undefined
  /** What proposals are stamped with. Default `auto`: a new id for each process. */
  readonly identity?: ClientIdentity | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Gives up the start, not the node: what `storage` was asked meanwhile is not waited for. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts a node: loads and checks what it promised before, then follows, leads or learns as its log says.
 * Rejects with `RangeError` (a field of the configuration, an id, too many members), `ConfigError` (timing that
 * cannot work, another node's storage or transport), `CorruptStateError` (stored state that cannot be right:
 * nothing is repaired), `StorageFailedError` (also a storage that does not answer) or the signal's reason.
 */
export async function raftNode(options: RaftNodeOptions): Promise<RaftNode> {
  const {
    id,
    transport,
    config = {},
    identity = { kind: 'auto' },
    clock = systemClock,
    random = systemRandom,
  } = options
  checkNodeId('the node id', id)
  checkCluster(options.cluster, transport.maxFrameBytes)
  const settings = settingsOf(config, clock)
  const limits = limitsOf(config)
  const serials = new ClientSerials(identity, id, random)
  if (transport.selfId !== id)
    throw new ConfigError(`the node is ${id} and the transport speaks as ${transport.selfId}`)
  const storage = options.storage ?? (await volatileStorage(id))
  const durable = await startingState(storage, id, { clock, signal: options.signal })
  return new DrivenRaftNode({
    id,
    cluster: options.cluster,
    transport,
    storage,
    settings,
    limits,
    serials,
    clock,
    random,
    durable,
  })
}

function checkCluster({ voters, learners }: ClusterConfig, frameBytes: number | null): void {
  const members = new Set([...voters, ...learners])
  if (members.size < voters.size + learners.size) throw new RangeError('a member of the cluster votes and only listens')
  checkMemberCount(members.size)
  for (const id of members) checkNodeId('the id of a member', id)
  checkConfigFits({ voters: [...voters], learners: [...learners], old: null }, frameBytes)
}
