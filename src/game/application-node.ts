import { mapStream } from '../base/map-stream.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type {
  ClusterConfig,
  Committed,
  LogEntry,
  MembershipChange,
  NodeId,
  RaftNode,
  RaftRole,
} from '../raft/contract.ts'
import type { RaftTraceEvent } from '../raft/trace-event.ts'
import type { WaitOptions } from '../seam/contract.ts'
import { encodeApplication } from './game-entry.ts'
import { SeatTable } from './seat-table.ts'

/**
 * A game's node as the application sees it: commands without the byte that tells them from the table's
 * own entries, and only those of peers that had a seat. Everything else is `internal` at its index.
 */
export class ApplicationNode implements RaftNode {
  readonly #node: RaftNode

  constructor(node: RaftNode) {
    this.#node = node
  }

  get id(): NodeId {
    return this.#node.id
  }

  get role(): ReadableAtom<RaftRole> {
    return this.#node.role
  }

  get leader(): ReadableAtom<NodeId | null> {
    return this.#node.leader
  }

  get membership(): ReadableAtom<ClusterConfig> {
    return this.#node.membership
  }

  get commitIndex(): ReadableAtom<number> {
    return this.#node.commitIndex
  }

  get compactionFloor(): ReadableAtom<number> {
    return this.#node.compactionFloor
  }

  get failure(): RaftNode['failure'] {
    return this.#node.failure
  }

  get trace(): AsyncIterable<RaftTraceEvent> {
    return this.#node.trace
  }

  /** Reads the log from its beginning even where `index` is later: who had a seat when is in there. */
  committedFrom(index: number, options?: WaitOptions): AsyncIterable<Committed> {
    return {
      [Symbol.asyncIterator]: () => {
        const table = new SeatTable()
        const visible = mapStream(this.#node.committedFrom(1, options), (committed) => {
          const command = table.apply(committed)
          return table.index < index ? null : dressed(committed, command)
        })
        return visible[Symbol.asyncIterator]()
      },
    }
  }

  async propose(command: Uint8Array, options?: WaitOptions & { requestId?: number | undefined }): Promise<LogEntry> {
    const entry = await this.#node.propose(encodeApplication(command), options)
    return { ...entry, command }
  }

  changeMembership(
    change: MembershipChange,
    options?: WaitOptions & { ifConfigIndex?: number | undefined },
  ): Promise<ClusterConfig> {
    return this.#node.changeMembership(change, options)
  }

  awaitLeadership(options?: WaitOptions): Promise<void> {
    return this.#node.awaitLeadership(options)
  }

  close(): Promise<void> {
    return this.#node.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function dressed(committed: Committed, command: Uint8Array | null): Committed {
  if (committed.kind !== 'entry') return committed
  const { entry } = committed
  return command === null ? { kind: 'internal', index: entry.index } : { kind: 'entry', entry: { ...entry, command } }
}
