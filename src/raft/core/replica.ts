import type {
  ClusterConfig,
  DedupKey,
  LogEntry,
  MembershipRecord,
  NodeId,
  RaftRole,
  StoredEntry,
  StoredSnapshot,
} from '../contract.ts'
import { applyEntry, sessionsAt } from './apply.ts'
import type { Random } from '../../base/random.ts'
import { type Configuration, configurationOf, isMember, isVoter, membersOf } from './configuration.ts'
import { type Limits, limitsOf } from './limits.ts'
import { NO_FLOOR, RaftLog } from './log.ts'
import { Outbox } from './outbox.ts'
import { pacedTiming } from './pace.ts'
import { Progress } from './progress.ts'
import type { PendingChange } from './pending-change.ts'
import type { PendingTransfer, Retirement } from './pending-transfer.ts'
import type { SnapshotImage } from './snapshot-image.ts'
import type { IncomingSnapshot } from './snapshot-receive.ts'
import type { ForwardLedger, Proposals } from './proposals.ts'
import type { Reads } from './reads.ts'
import type { TraceNote } from '../trace-event.ts'
import type { ClientSessionTable } from './sessions.ts'
import { Shares } from './shares.ts'

/** Timing of a node, all in milliseconds, all checked. */
export interface Timing {
  readonly electionTimeoutMinMs: number
  readonly electionTimeoutMaxMs: number
  readonly heartbeatIntervalMs: number
  readonly catchUpTimeoutMs: number
  /** How far the three intervals follow the round trip, as factors. Left out: not at all. */
  readonly scaleMin?: number | undefined
  readonly scaleMax?: number | undefined
}

/** What a step is told of the world outside. */
export interface Circumstances {
  /** Monotonic milliseconds. */
  readonly nowMs: number
  /** Epoch milliseconds: what entries are stamped with. */
  readonly wallMs: number
  /** Largest frame the transport takes, bytes; `null` is unbounded. */
  readonly frameBytes: number | null
}

/** Term, vote and log as they were when the node last stopped. */
export interface DurableState {
  readonly term: number
  readonly vote: NodeId | null
  readonly leader: { readonly term: number; readonly id: NodeId } | null
  readonly commit: number
  readonly entries: readonly StoredEntry[]
  /** What stands for the log below `entries`. */
  readonly floor: StoredSnapshot | null
}

/** The answer to a request that carried a token. */
export type Outcome =
  | { readonly kind: 'proposed'; readonly token: number; readonly entry: LogEntry }
  | { readonly kind: 'changed'; readonly token: number; readonly config: ClusterConfig }
  | { readonly kind: 'compacted'; readonly token: number; readonly floor: number }
  | { readonly kind: 'read'; readonly token: number; readonly index: number }
  | { readonly kind: 'done'; readonly token: number }
  | { readonly kind: 'failed'; readonly token: number; readonly error: Error }

/** Election timeouts that a paused node leaves to voters whose page is not hidden. Then it takes it that there are none. */
export const PAUSED_PATIENCE = 4

/**
 * Everything one node knows: the state that the other files of this folder act upon. It keeps the log,
 * the batch to be written and the configuration in step with one another; it decides nothing.
 */
export class Replica {
  readonly id: NodeId
  /** What was configured, and what the round trip makes of it: only the latter is for use. */
  readonly #timing: Timing
  timing: Timing
  /** How long a majority takes to answer a leader, milliseconds, as far as this node knows; 0 is unknown. */
  roundTripMs = 0
  /** The last pre-votes that went out, newest first. */
  probes: readonly { readonly nonce: number; readonly sentAtMs: number }[] = []
  readonly limits: Limits
  readonly random: Random
  readonly log: RaftLog
  /** What stands for the log up to its floor; `null` while the floor is 0. */
  snapshot: StoredSnapshot | null
  /** Follower: a snapshot of which some has come. */
  incoming: IncomingSnapshot | null = null
  /** Leader: the snapshot as it travels, made when it is first needed. */
  image: SnapshotImage | null = null
  /** Put in the place of the log since the last round was taken. */
  installed: StoredSnapshot | null = null
  /** Snapshots of the application's that are not durable yet, and the writes they are in. */
  readonly compactions: { readonly token: number; readonly index: number; readonly write: number }[] = []
  readonly outbox: Outbox = new Outbox()
  at: Circumstances
  /** How far the wall clock was ahead of the monotonic one at the last tick. */
  wallAheadMs: number

  term: number
  vote: NodeId | null
  /** The leader established for a term. Sticky for that term, where `leader` comes and goes. */
  pin: { readonly term: number; readonly id: NodeId } | null
  state: 'leader' | 'candidate' | 'follower' = 'follower'
  leader: NodeId | null = null
  config: Configuration
  /** A newer configuration that a known voter told of; `null` before there was need to ask. */
  vouched: Configuration | null = null
  /** Frames of leaders refused since one was last followed. */
  unheard = 0
  /** When a learner may make this leader stand again. */
  mayStandAgainAtMs: number = -Infinity
  /** When strangers may make this node ask again. */
  mayAskAtMs: number = -Infinity
  commit: number
  /** As of `commit`. */
  sessions: ClientSessionTable
  /** Committed commands above the floor that took no effect: repeated, too old, or not their proposer's to make. */
  readonly silent: Set<number> = new Set()
  /** Highest index that this term's leader has shown to agree with its log. */
  verified = 0

  /** When a follower stops waiting for its leader; `Infinity` while it has nothing to wait for. */
  electionAtMs: number = Infinity
  /** Until then a leader is known to live, and no candidate is listened to. */
  leaseUntilMs: number = -Infinity
  preVote: { readonly nonce: number; readonly granted: Set<NodeId> } | null = null
  /** A campaign of the current term. The own vote counts once `write` is durable. */
  campaign: { readonly write: number; readonly granted: Set<NodeId> } | null = null

  /** Leader: what is known of every other member. */
  readonly progress: Map<NodeId, Progress> = new Map()
  /** Leader: highest index durable here. */
  selfMatch = 0
  heartbeatAtMs: number = Infinity
  /** When the disk counts as stalled; `Infinity` while no write is under way. */
  stalledAtMs: number = Infinity
  /** Leader that slept: it has to hear a majority again, by then. */
  probation: { readonly sinceMs: number; readonly untilMs: number } | null = null
  pendingChange: PendingChange | null = null
  /** A hand-over of leadership that this node began. */
  transfer: PendingTransfer | null = null
  /** Leader: it would rather not lead, and asks one voter after another. */
  retirement: Retirement | null = null
  /** Whom this term's leader hands over to: its campaign is listened to though the leader lives. */
  heir: { readonly id: NodeId; readonly term: number; readonly untilMs: number } | null = null
  /** The page is hidden: this node votes and follows, and does not want to lead. */
  isPaused = false
  /** Paused: election timeouts that it still leaves to others. */
  patience: number = PAUSED_PATIENCE
  /** This node has read, or was told, that it is no member any more; until a leader it may follow is heard again. */
  isRemoved: boolean
  readonly reads: Reads
  readonly proposals: Proposals
  readonly forwards: ForwardLedger
  /** Leader: who proposed what has not committed yet. */
  readonly shares: Shares = new Shares()

  /** Committed since the last round was taken. */
  committed: StoredEntry[] = []
  outcomes: Outcome[] = []
  notes: TraceNote[] = []
  /** Takes a note; `null` while nobody wants any. Called as `r.note?.({ … })`, so that then none is even made. */
  note: ((note: TraceNote) => void) | null = null
  readonly elections = { begun: 0, won: 0 }
  /** Frames that were dropped, by the gate that refused them. */
  readonly dropped: Map<string, number> = new Map()
  /** Commit index that the storage knows, and when to tell it of a newer one. */
  storedCommit: number
  storeCommitAtMs: number = Infinity

  readonly #initial: Configuration

  constructor(options: {
    id: NodeId
    cluster: ClusterConfig
    durable: DurableState
    timing: Timing
    limits: Limits | undefined
    random: Random
    at: Circumstances
    proposals: Proposals
    forwards: ForwardLedger
    reads: Reads
  }) {
    const { durable } = options
    this.id = options.id
    this.#timing = options.timing
    this.timing = options.timing
    this.limits = options.limits ?? limitsOf()
    this.random = options.random
    this.at = options.at
    this.wallAheadMs = options.at.wallMs - options.at.nowMs
    this.proposals = options.proposals
    this.forwards = options.forwards
    this.reads = options.reads
    this.term = durable.term
    this.vote = durable.vote
    // A record of another term says nothing about this one.
    this.pin = durable.leader?.term === durable.term ? durable.leader : null
    this.log = new RaftLog(durable.floor ?? NO_FLOOR, durable.entries)
    this.snapshot = durable.floor
    const { voters } = options.cluster
    this.#initial = configurationOf(0, { voters: [...voters], learners: learnersOf(options.cluster), old: null })
    this.config = this.configBefore(Infinity)
    this.commit = Math.max(durable.commit, this.log.floorIndex)
    this.storedCommit = this.commit
    this.isRemoved = this.isLeftOut
    this.sessions = sessionsAt(this, this.log.floorIndex)
    for (const entry of this.log.slice(this.log.floorIndex + 1, this.commit)) {
      if (applyEntry(this.sessions, entry) !== 'new') this.silent.add(entry.index)
    }
  }

  get role(): RaftRole {
    if (this.state !== 'follower') return this.state
    return isVoter(this.config, this.id) ? 'follower' : 'learner'
  }

  /** Whether the newest configuration has committed, and leaves out this node, which the one before it did not. */
  get isLeftOut(): boolean {
    const { config, id } = this
    if (isMember(config, id) || config.index > this.commit) return false
    return isMember(this.configBefore(config.index), id)
  }

  /** Appends a member's command to the leader's own log. */
  appendCommand(command: Uint8Array, dedupKey: DedupKey | null, proposer: NodeId): void {
    const { index, term, timeMs } = this.#nextPlace()
    const entry = { kind: 'command', index, term, command, dedupKey, proposer, timeMs } as const
    this.append(entry)
    this.shares.appended(entry)
  }

  /** Appends an entry that no peer proposed to the leader's own log. */
  appendOwn(content: { kind: 'noop' } | { kind: 'config'; config: MembershipRecord }): void {
    this.append({ ...content, ...this.#nextPlace(), command: NO_COMMAND, dedupKey: null, proposer: null })
  }

  #nextPlace(): { readonly index: number; readonly term: number; readonly timeMs: number } {
    const { lastIndex } = this.log
    const before = this.log.timeAt(lastIndex) ?? 0
    const now = Math.floor(this.at.wallMs)
    const timeMs = now > before && now <= Number.MAX_SAFE_INTEGER ? now : before
    return { index: lastIndex + 1, term: this.term, timeMs }
  }

  append(entry: StoredEntry): void {
    this.log.append(entry)
    this.outbox.recordEntry(entry)
    if (entry.kind === 'config') this.#adopt(configurationOf(entry.index, entry.config))
  }

  truncateFrom(index: number): void {
    this.log.truncateFrom(index)
    this.outbox.recordTruncation(index)
    if (this.config.index >= index) this.#adopt(this.configBefore(Infinity))
  }

  /** From now on `snapshot`, of an index that is held, stands for what lies below. */
  compactThrough(snapshot: StoredSnapshot): void {
    this.log.compactThrough(snapshot.index, this.limits.tailEntries)
    this.snapshot = snapshot
    for (const index of this.silent) if (index <= snapshot.index) this.silent.delete(index)
    this.outbox.recordSnapshot(snapshot)
  }

  /** Nothing of the log stays: the leader's `snapshot` stands for more of it than is held. */
  install(snapshot: StoredSnapshot): void {
    if (this.log.length > 0) this.outbox.recordTruncation(this.log.floorIndex + 1)
    this.log.resetTo(snapshot)
    this.snapshot = snapshot
    this.outbox.recordSnapshot(snapshot)
    this.#adopt(configurationOf(snapshot.configIndex, snapshot.config))
  }

  setTerm(term: number, vote: NodeId | null): void {
    if (term > this.term) {
      this.verified = 0
      this.preVote = null
      this.campaign = null
    }
    this.term = term
    this.vote = vote
    this.outbox.recordTerm(term, vote)
  }

  setPin(id: NodeId): void {
    if (this.pin?.term === this.term) return
    this.pin = { term: this.term, id }
    this.outbox.recordLeader(this.term, id)
  }

  /** Leader: one progress for every other member; those who left are served until they know it. */
  syncProgress(): void {
    const members = membersOf(this.config)
    for (const id of members) {
      if (id === this.id) continue
      const known = this.progress.get(id)
      if (known === undefined) this.progress.set(id, new Progress(this.log.lastIndex, this.at.nowMs))
      else known.leaving = null
    }
    for (const [id, progress] of this.progress) {
      if (members.has(id) || progress.leaving !== null) continue
      progress.leaving = { index: this.config.index, deadlineMs: Infinity }
    }
    if (this.progress.size > 0 && this.heartbeatAtMs === Infinity) this.heartbeatAtMs = this.at.nowMs
  }

  setRoundTrip(roundTripMs: number): void {
    if (roundTripMs === this.roundTripMs) return
    this.roundTripMs = roundTripMs
    this.timing = pacedTiming(this.#timing, roundTripMs)
  }

  /** To be told to others: 0 where it changes nothing. */
  get toldRoundTripMs(): number {
    return this.timing.heartbeatIntervalMs === this.#timing.heartbeatIntervalMs ? 0 : this.roundTripMs
  }

  resetElectionTimer(): void {
    const { electionTimeoutMinMs: min, electionTimeoutMaxMs: max } = this.timing
    this.electionAtMs = this.at.nowMs + min + this.random() * (max - min)
  }

  /** Counts and traces a frame that was refused by `gate`. */
  drop(gate: string, from: NodeId): void {
    this.dropped.set(gate, (this.dropped.get(gate) ?? 0) + 1)
    this.note?.({ kind: 'frame-refused', gate, from })
  }

  /** The newest configuration that lies below `index`. */
  configBefore(index: number): Configuration {
    const entry = this.log.newestConfig(index)
    if (entry !== null) return configurationOf(entry.index, entry.config)
    return this.snapshot === null ? this.#initial : configurationOf(this.snapshot.configIndex, this.snapshot.config)
  }

  #adopt(config: Configuration): void {
    this.config = config
    this.unheard = 0
    const { index, voters, learners } = config
    this.note?.({ kind: 'config', index, voters: [...voters], learners: [...learners] })
    if (this.state === 'leader') {
      this.syncProgress()
      this.forwards.retain((id) => isMember(config, id))
    } else if (!isVoter(config, this.id)) this.preVote = null
    else if (this.electionAtMs === Infinity) this.resetElectionTimer()
  }
}

const NO_COMMAND = new Uint8Array(0)

function learnersOf(cluster: ClusterConfig): NodeId[] {
  return [...cluster.learners].filter((id) => !cluster.voters.has(id))
}
