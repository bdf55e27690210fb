import { mapStream } from '../base/map-stream.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type {
  ClusterConfig,
  Committed,
  LogEntry,
  LogSize,
  MembershipChange,
  NodeId,
  RaftNode,
  RaftRole,
} from '../raft/contract.ts'
import type { RaftMetrics } from '../raft/raft-metrics.ts'
import type { RaftTraceEvent } from '../raft/trace-event.ts'
import type { WaitOptions } from '../seam/contract.ts'
import { encodeApplication } from './game-entry.ts'
import { SeatTable } from './seat-table.ts'
import { encodeTableSnapshot } from './table-snapshot.ts'

/**
 * A game's node as the application sees it: commands without the byte that tells them from the table's
 * own entries, and only those of peers that had a seat. Everything else is `internal` at its index. Its snapshots
 * hold the application's state; who sits where goes with it, unseen.
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

  get ended(): AbortSignal {
    return this.#node.ended
  }

  get failure(): RaftNode['failure'] {
    return this.#node.failure
  }

  get trace(): AsyncIterable<RaftTraceEvent> {
    return this.#node.trace
  }

  /** Reads what is left of the log from its beginning even where `index` is later: who had a seat when is in there. */
  committedFrom(index: number, options?: WaitOptions): AsyncIterable<Committed> {
    return {
      [Symbol.asyncIterator]: () => {
        const table = new SeatTable()
        const visible = mapStream(this.#node.committedFrom(1, options), (committed) => {
          const bytes = table.apply(committed)
          return table.index < index ? null : dressed(committed, bytes)
        })
        return visible[Symbol.asyncIterator]()
      },
    }
  }

  async propose(command: Uint8Array, options?: WaitOptions & { requestId?: number | undefined }): Promise<LogEntry> {
    const entry = await this.#node.propose(encodeApplication(command), options)
    // Of a repeated request the first command counts, which need not be this one.
    return { ...entry, command: entry.command.subarray(1) }
  }

  changeMembership(
    change: MembershipChange,
    options?: WaitOptions & { ifConfigIndex?: number | undefined },
  ): Promise<ClusterConfig> {
    return this.#node.changeMembership(change, options)
  }

  async publishSnapshot(throughIndex: number, state: Uint8Array): Promise<number> {
    const { seats } = await this.#tableThrough(throughIndex)
    return this.#node.publishSnapshot(throughIndex, encodeTableSnapshot({ seats, state }))
  }

  metrics(): RaftMetrics {
    return this.#node.metrics()
  }

  logSize(): LogSize {
    return this.#node.logSize()
  }

  readIndex(options?: WaitOptions): Promise<number> {
    return this.#node.readIndex(options)
  }

  transferLeadership(target: NodeId, options?: WaitOptions): Promise<void> {
    return this.#node.transferLeadership(target, options)
  }

  pause(reason: string): Promise<void> {
    return this.#node.pause(reason)
  }

  resume(): void {
    this.#node.resume()
  }

  awaitLeadership(options?: WaitOptions): Promise<void> {
    return this.#node.awaitLeadership(options)
  }

  close(): Promise<void> {
    return this.#node.close()
  }

  /** The table as of `index`. Throws `RangeError` where the log has not got there, or has nothing of it any more. */
  async #tableThrough(index: number): Promise<SeatTable> {
    const table = new SeatTable()
    if (index <= this.commitIndex.get()) {
      for await (const committed of this.#node.committedFrom(1)) {
        table.apply(committed)
        if (table.index >= index) break
      }
    }
    if (table.index === index && index > 0) return table
    throw new RangeError(
      `a snapshot through ${index}: nothing was stored; it must lie above the floor at ${this.compactionFloor.get()}, and not above the commit index ${this.commitIndex.get()}`,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function dressed(committed: Committed, bytes: Uint8Array | null): Committed {
  if (committed.kind === 'internal') return committed
  if (committed.kind === 'install') {
    return { kind: 'install', snapshot: { ...committed.snapshot, state: bytes as Uint8Array } }
  }
  const { entry } = committed
  return bytes === null
    ? { kind: 'internal', index: entry.index }
    : { kind: 'entry', entry: { ...entry, command: bytes } }
}
