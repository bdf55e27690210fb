import type { StorageFailedError } from '../base/errors.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type { PeerIdentity, WaitOptions } from '../seam/contract.ts'
import type { RaftMetrics } from './raft-metrics.ts'
import type { RaftTraceEvent } from './trace-event.ts'

/** The peer's id: one node per peer. */
export type NodeId = string

export interface ClusterConfig {
  readonly voters: ReadonlySet<NodeId>
  readonly learners: ReadonlySet<NodeId>
  /** Index of the entry that holds it, 0 for the one a node was started with. What `ifConfigIndex` is compared to. */
  readonly index?: number | undefined
}

export interface DedupKey {
  readonly clientId: string
  readonly requestId: number
}

export type ClientIdentity = { readonly kind: 'auto' } | { readonly kind: 'durable'; readonly clientId: string }

export interface LogEntry {
  readonly index: number
  readonly term: number
  /** The log's own bytes, mostly a part of a larger buffer: to be read, never written to; `slice()` is a copy. */
  readonly command: Uint8Array
  readonly dedupKey: DedupKey | null
  /** Stamped by the leader from the link the proposal came over; `null` on entries no peer proposed. */
  readonly proposer: NodeId | null
  /** Stamped by the leader, epoch milliseconds; never decreases along the log. */
  readonly timeMs: number
}

/** `state` is the application's bytes alone. */
export interface Snapshot {
  readonly index: number
  readonly term: number
  readonly state: Uint8Array
}

export type Committed =
  | { readonly kind: 'entry'; readonly entry: LogEntry }
  | { readonly kind: 'internal'; readonly index: number }
  | { readonly kind: 'install'; readonly snapshot: Snapshot }

export type RaftRole = 'leader' | 'follower' | 'candidate' | 'learner'

/** A configuration as stored and replicated: simple when `old` is null, joint otherwise (Raft paper, section 6). */
export interface MembershipRecord {
  readonly voters: readonly NodeId[]
  readonly learners: readonly NodeId[]
  /** The outgoing voters of a joint configuration. */
  readonly old: readonly NodeId[] | null
}

/** An entry as stored and replicated. */
export type StoredEntry =
  | (LogEntry & { readonly kind: 'command' })
  | (LogEntry & { readonly kind: 'noop' })
  | (LogEntry & { readonly kind: 'config'; readonly config: MembershipRecord })

/** All that stands for the log up to `index`, as of that index: the same on every replica but for `state`. */
export interface StoredSnapshot extends Snapshot {
  readonly config: MembershipRecord
  /** Index of the entry that held `config`, `index` at the most; 0 for the one the nodes were started with. */
  readonly configIndex: number
  /** Time of the entry at `index`, epoch milliseconds. */
  readonly timeMs: number
  /** The table of client sessions, as the engine writes it. */
  readonly sessions: Uint8Array
}

export interface RaftState {
  readonly nodeId: NodeId | null
  readonly gameId: string | null
  readonly lineage: string | null
  readonly term: number
  readonly vote: NodeId | null
  /** Which node was established as leader, and of which term. */
  readonly leader: { readonly term: number; readonly id: NodeId } | null
  /** A commit index known to have been reached; may lag behind, never leads. */
  readonly commit?: number | undefined
  /** Contiguous, from `snapshot.index + 1` (or the configuration bootstrap) on. */
  readonly entries: readonly StoredEntry[]
  readonly snapshot: StoredSnapshot | null
}

/** Any of a state's records; `entries` are appended, after `truncateFrom` (an index, inclusive) was cut away. */
export interface RaftWrite extends Partial<RaftState> {
  readonly truncateFrom?: number | undefined
}

export interface RaftStorage {
  /** Kept with the log: an id never comes back without its votes. */
  readonly peerIdentity: PeerIdentity
  /** `null` when nothing was ever written. Rejects with `CorruptStateError` rather than repair. */
  load(): Promise<RaftState | null>
  /**
   * One atomic, durable write. Several may be under way: they become durable in call order, and after
   * one rejects (`StorageFailedError`) all later ones reject.
   */
  write(batch: RaftWrite): Promise<void>
  close(): Promise<void>
}

/** Timing and bounds; every field has a default. */
export interface RaftConfig {
  /** Least election timeout, milliseconds. Default 1000. */
  readonly electionTimeoutMinMs?: number | undefined
  /** Upper end of the random election timeout, milliseconds. Default 2000. */
  readonly electionTimeoutMaxMs?: number | undefined
  /** Interval between a leader's heartbeats, milliseconds. Default 100. */
  readonly heartbeatIntervalMs?: number | undefined
  /**
   * How long a promotion waits for the learner to have caught up (and a change for the one before it)
   * before it is refused, milliseconds. Default 10,000.
   */
  readonly catchUpTimeoutMs?: number | undefined
  /**
   * Timeouts and heartbeats follow the measured round trip: they are stretched by one factor, so that the shortest
   * election timeout is five round trips. This is the least factor, at most 1, for links that are known to be fast.
   * Default 1: never shorter than configured.
   */
  readonly timingScaleMin?: number | undefined
  /** The greatest such factor, at least 1. Default 4. */
  readonly timingScaleMax?: number | undefined
  /** Proposals and reads of this node that may be under way at once, beyond which they reject. Default 1024. */
  readonly maxPendingProposals?: number | undefined
  /**
   * Entries of the log, beyond which a leader takes in no more until it has been compacted: what is proposed waits, and
   * past `maxPendingProposals` is refused (`OverloadedError`). Default `Infinity`; for programs that publish snapshots.
   */
  readonly maxLogEntries?: number | undefined
  /** Likewise in bytes, about. Default `Infinity`. */
  readonly maxLogBytes?: number | undefined
  /** Largest snapshot that is taken from a leader or published, bytes. Default 64 MiB. */
  readonly maxSnapshotBytes?: number | undefined
  /**
   * Compacted entries that stay in memory, 1 MiB of them at the most, for followers that are but a little behind: these
   * need no snapshot. Default 1024.
   */
  readonly tailEntries?: number | undefined
  /** Refuses (`ConfigError`) to start on the system clock: a test's guard against real timers. Default false. */
  readonly expectVirtualTime?: boolean | undefined
}

/** Frames of one cluster between its nodes. Best effort: a frame may be lost, the node copes. */
export interface RaftTransport {
  readonly selfId: NodeId
  /** Nodes a frame can be sent to now; reachability, not membership. */
  readonly peers: ReadableAtom<ReadonlySet<NodeId>>
  /** Largest frame, bytes; `null` is unknown. Read before every send. */
  readonly maxFrameBytes: number | null
  /** Each frame is the reader's to keep: nobody writes to its buffer any more. */
  readonly incoming: AsyncIterable<{ readonly from: NodeId; readonly frame: Uint8Array }>
  /** Never throws and never waits. The frame is lent: others may be sent the same, so it is neither changed nor transferred. */
  send(to: NodeId, frame: Uint8Array): void
  /** Where a transport can tell: hears of each frame to or from a peer that it drops, by reason, until stopped. */
  watchDrops?(heard: (peer: NodeId, reason: string) => void): () => void
  close(): Promise<void>
}

/** Changes to a configuration, as deltas. A promoted node must be a learner, or be added in the same change. */
export interface MembershipChange {
  readonly addLearners?: Iterable<NodeId> | undefined
  readonly promote?: Iterable<NodeId> | undefined
  readonly demote?: Iterable<NodeId> | undefined
  readonly remove?: Iterable<NodeId> | undefined
}

export interface RaftNode extends AsyncDisposable {
  readonly id: NodeId
  readonly role: ReadableAtom<RaftRole>
  /** The node believed to lead now; `null` during elections. */
  readonly leader: ReadableAtom<NodeId | null>
  /** The configuration in force: adopted on append, rolled back if the entry is. */
  readonly membership: ReadableAtom<ClusterConfig>
  readonly commitIndex: ReadableAtom<number>
  /** Entries up to and including this index are gone from the log: a snapshot stands for them. */
  readonly compactionFloor: ReadableAtom<number>
  /** Why the node stopped by itself: its storage failed. `null` while it works, and where it was closed. */
  readonly failure: ReadableAtom<StorageFailedError | null>
  /** Aborted once the node has ended, closed or by its storage: the reason says which. */
  readonly ended: AbortSignal
  /**
   * Every committed index from `index` on, exactly once, in order: first from the log, then live. Where the log begins
   * later, or a snapshot overtakes the reader, one `install` stands for all up to its index. Ends at close.
   */
  committedFrom(index: number, options?: WaitOptions): AsyncIterable<Committed>
  /**
   * Resolves with the committed entry; with the first one under that `requestId`, where it took effect before. On any
   * role: others forward to the leader, with none known the call waits until the signal fires or the node closes, and a
   * proposal under way outlives its leader. Rejects, outcome unknown, with the signal's reason, `ClosedError`,
   * `StorageFailedError` or `RequestExpiredError` (the request is too old to tell); with `NotMemberError`, whose
   * `outcome` says; and, nothing having been proposed, with `PayloadTooLargeError`, `OverloadedError` or
   * `ClientIdTakenError`. `TypeError` and `RangeError` are for a `requestId` that is missing or none.
   * `automatic`: under a key of the node's own even if its client is durable; for a layer's own commands.
   */
  propose(
    command: Uint8Array,
    options?: WaitOptions & { requestId?: number | undefined; automatic?: boolean | undefined },
  ): Promise<LogEntry>
  /**
   * On the leader (`NotLeaderError` elsewhere). Resolves when the new configuration has committed. Rejects with
   * `MembershipChangeInProgressError`, `LearnerNotCaughtUpError` or `RangeError` (nothing was changed, or no more than
   * that strangers became learners), with `LeadershipLostError` (outcome unknown once the change was in the log), and
   * like `propose` when aborted, closed or without a storage.
   */
  changeMembership(
    change: MembershipChange,
    options?: WaitOptions & { ifConfigIndex?: number | undefined },
  ): Promise<ClusterConfig>
  /**
   * Replaces the log up to `throughIndex` by `state`: what the application's commands amount to up to there, in a form
   * that it can start from on any node. On any role; each node compacts its own log. Resolves with the new floor when
   * the snapshot is durable. Rejects with `RangeError` for an index beyond the commit index, or at or below the floor
   * (a snapshot of the leader's may have overtaken this one: nothing was stored, and nothing is missing), with
   * `PayloadTooLargeError` for a state over `maxSnapshotBytes`, and with `ClosedError` or `StorageFailedError`.
   */
  publishSnapshot(throughIndex: number, state: Uint8Array): Promise<number>
  /** What of the log lies above the floor, and how much of it there may be. */
  logSize(): LogSize
  /**
   * A linearizable read, on any member, that writes nothing: resolves with an index that was committed when it was
   * called, once this node has committed it too. What is applied through it is no older than the call. Shares a
   * question with others in flight, outlives leaders. Rejects with `ReadTimeoutError` after 10 s without a leader that
   * can prove it leads, `OverloadedError`, the signal's reason, `ClosedError` or `StorageFailedError`.
   */
  readIndex(options?: WaitOptions): Promise<number>
  /**
   * On the leader (`NotLeaderError` elsewhere). Resolves when `target`, a voter (`RangeError`), leads; proposals wait
   * meanwhile. Rejects with `MembershipChangeInProgressError`, or with `LeadershipTransferError` when it did not take
   * over within the longest election timeout. An abort lets proposals in again; the target may still take over.
   */
  transferLeadership(target: NodeId, options?: WaitOptions): Promise<void>
  /**
   * The page is being hidden or frozen (`reason` is for the trace). This node goes on to vote, follow and acknowledge,
   * and hands leadership over if it has it: resolves when another leads, or, after the longest election timeout
   * at most, with nobody able to. It campaigns again after {@link resume}, when no other voter's log is as good, or where
   * nobody has led for four election timeouts: all pages may be hidden.
   */
  pause(reason: string): Promise<void>
  /** The page is back. */
  resume(): void
  /** Resolves when this node leads, which may be never: waits until the signal fires or the node ends. */
  awaitLeadership(options?: WaitOptions): Promise<void>
  /**
   * What happens inside, for tests and tools. Every reader gets all of it from when its iteration begins; one that
   * falls behind loses the oldest and is told how many (`lost`). Nothing is made while nobody reads. Ends at close.
   */
  readonly trace: AsyncIterable<RaftTraceEvent>
  /** What this node has counted since it was started, and where it stands: cheap to ask, also of a closed one. */
  metrics(): RaftMetrics
  /** Idempotent. Fails what is under way, stops every timer; the transport and the storage stay the caller's. */
  close(): Promise<void>
}

export interface LogSize {
  readonly entries: number
  /** About. */
  readonly bytes: number
  /** `maxLogEntries` and `maxLogBytes` of the node's configuration. */
  readonly maxEntries: number
  readonly maxBytes: number
}
