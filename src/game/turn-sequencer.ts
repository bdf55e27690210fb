import { equalBytes } from '../base/bytes.ts'
import { mapStream } from '../base/map-stream.ts'
import type { WaitOptions } from '../seam/contract.ts'
import type { Committed, DedupKey, NodeId, RaftNode, Snapshot } from '../raft/contract.ts'
import type { Codec } from './codec.ts'

/** An action everybody agreed on, at its place in the log. */
export interface IndexedAction<A> {
  /** Position in the log: grows from turn to turn, with gaps where the log holds something else. */
  readonly index: number
  readonly action: A
  readonly proposer: NodeId
  readonly dedupKey: DedupKey
  /** When the leader took it, epoch milliseconds; never decreases along the log. */
  readonly timeMs: number
}

export type TurnEvent<A> =
  | { readonly kind: 'committed'; readonly indexed: IndexedAction<A> }
  /** Replace the state by the one in the snapshot; what follows comes after `snapshot.index`. */
  | { readonly kind: 'reset'; readonly snapshot: Snapshot }
  /** A command that is no action by this codec: every replica skips it alike. */
  | { readonly kind: 'rejected'; readonly index: number; readonly proposer: NodeId; readonly reason: string }

/**
 * Typed actions over the log of a session's node, or of any Raft node. Holds nothing of its own: make
 * one, or several, wherever it is needed. Whose turn it is stays the application's to decide from the
 * actions before; the sequencer only says which came in which order.
 */
export class TurnSequencer<A> {
  readonly #node: RaftNode
  readonly #codec: Codec<A>

  constructor(node: RaftNode, codec: Codec<A>) {
    this.#node = node
    this.#codec = codec
  }

  /**
   * Resolves when the action is agreed, with its place. On any member. One proposed again under its `requestId` takes
   * effect once: the call resolves with what was agreed first. Rejects with whatever {@link RaftNode.propose} and the
   * codec reject with; where the error's `outcome` is `unknown`, the action may still appear in {@link events}.
   */
  async propose(action: A, options: WaitOptions & { requestId?: number | undefined } = {}): Promise<IndexedAction<A>> {
    const own = this.#codec.encode(action)
    const { index, command, proposer, dedupKey, timeMs } = await this.#node.propose(own, options)
    if (proposer === null || dedupKey === null) {
      throw new TypeError(
        `the node committed entry ${index} without a proposer or a key: it is not a Raft node of this library`,
      )
    }
    const agreed = equalBytes(command, own) ? action : this.#codec.decode(command)
    return { index, action: agreed, proposer, dedupKey, timeMs }
  }

  /** Every retained turn, then each one as it commits. Every iteration starts over. Ends when the node closes. */
  get events(): AsyncIterable<TurnEvent<A>> {
    return this.eventsFrom(1)
  }

  /** As {@link events}, from the log's `index` on (inclusive). */
  eventsFrom(index: number): AsyncIterable<TurnEvent<A>> {
    return mapStream(this.#node.committedFrom(index), (committed) => this.#event(committed))
  }

  #event(committed: Committed): TurnEvent<A> | null {
    if (committed.kind === 'internal') return null
    if (committed.kind === 'install') return { kind: 'reset', snapshot: committed.snapshot }
    const { index, command, proposer, dedupKey, timeMs } = committed.entry
    if (proposer === null || dedupKey === null) return null
    try {
      return { kind: 'committed', indexed: { index, action: this.#codec.decode(command), proposer, dedupKey, timeMs } }
    } catch (error) {
      return { kind: 'rejected', index, proposer, reason: error instanceof Error ? error.message : String(error) }
    }
  }
}
