import type { Random } from '../../base/random.ts'
import type {
  ClusterConfig,
  DedupKey,
  MembershipChange,
  NodeId,
  RaftRole,
  RaftWrite,
  StoredEntry,
  StoredSnapshot,
} from '../contract.ts'
import { takeProposal } from './answers.ts'
import { answerCompactions, requestCompaction } from './compaction.ts'
import { isMember, publishedConfig } from './configuration.ts'
import { countOwnVote, mayCampaign, onElectionTimeout } from './election.ts'
import { giveProposals, resendForwards } from './forwarding.ts'
import type { Limits } from './limits.ts'
import type { RaftLog } from './log.ts'
import { advanceMembership, requestChange, withdrawChange } from './membership.ts'
import type { Outgoing, RaftMessage } from './message.ts'
import type { Progress } from './progress.ts'
import { ForwardLedger, Proposals } from './proposals.ts'
import type { TraceNote } from '../trace-event.ts'
import { type Circumstances, type DurableState, type Outcome, Replica, type Timing } from './replica.ts'
import {
  askReads,
  answerReads,
  confirmReads,
  expireReads,
  openReadRound,
  requestRead,
  resendReads,
} from './read-index.ts'
import { Reads } from './reads.ts'
import { receive } from './receive.ts'
import { advanceCommit, heartbeat, onReachable, replicate, sendReadRound } from './replication.ts'
import { hasSlept, wakeUp } from './sleep.ts'
import {
  advanceTransfer,
  expireTransfer,
  pause,
  requestTransfer,
  resume,
  tellHeir,
  withdrawTransfer,
} from './transfer.ts'
import type { ClientSessionTable } from './sessions.ts'
import { allowDisk } from './stall.ts'
import { becomeFollower } from './transitions.ts'

/** What happens to a node. Any number may be stepped before a round is taken. */
export type Input =
  /** `dueMs`: when it was to come. Left out: now, so that nobody has slept. */
  | { readonly kind: 'tick'; readonly dueMs?: number | undefined }
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: RaftMessage }
  /** Everything up to write `id` of an earlier round is durable. */
  | { readonly kind: 'written'; readonly id: number }
  /** Tokens are the caller's: the outcome carries them back. */
  | { readonly kind: 'propose'; readonly token: number; readonly command: Uint8Array; readonly dedupKey: DedupKey }
  | {
      readonly kind: 'change'
      readonly token: number
      readonly change: MembershipChange
      readonly ifConfigIndex: number | null
    }
  /** The application's state as of `index`: from now on it stands for the entries up to there. To be kept as it is. */
  | { readonly kind: 'compact'; readonly token: number; readonly index: number; readonly state: Uint8Array }
  | { readonly kind: 'read'; readonly token: number }
  | { readonly kind: 'transfer'; readonly token: number; readonly target: NodeId }
  /** The page is being hidden. Answered once another leads, or nobody can take over. */
  | { readonly kind: 'pause'; readonly token: number }
  | { readonly kind: 'resume' }
  /** The caller of a request with a token gave up. It gets no outcome. */
  | { readonly kind: 'withdraw'; readonly token: number }
  | { readonly kind: 'reachable'; readonly peer: NodeId }

/** What the caller owes the core after a round of steps. */
export interface Ready {
  /** To be begun first, and answered with `written` once durable. Ids count from 1, without gaps. */
  readonly write: { readonly id: number; readonly batch: RaftWrite } | null
  /** To be sent now: what depends on a write is not among them before it is durable. */
  readonly messages: readonly Outgoing[]
  /** A leader's snapshot took the place of the log: the application starts from it, before what is `committed`. */
  readonly installed: StoredSnapshot | null
  /** Newly committed, in order, each once. */
  readonly committed: readonly StoredEntry[]
  readonly outcomes: readonly Outcome[]
  readonly notes: readonly TraceNote[]
}

/**
 * One Raft node as a state machine (Ongaro and Ousterhout, "In Search of an Understandable Consensus
 * Algorithm", with the thesis' pre-vote, check-quorum and learners). It has no promise, timer, clock or
 * chance of its own. Its caller goes round and round:
 *
 *     for each thing that happened:  core.step(input, at)
 *     const ready = core.ready()
 *     begin the write of ready.write; when it is durable: core.step({ kind: 'written', id }, at)
 *     send ready.messages; hand ready.committed to the application; answer ready.outcomes
 *     wake up at core.nextDeadlineMs and step a 'tick'
 *
 * Writes may overlap, as long as they become durable in order. A leader's entries travel to the
 * followers while its own disk still writes; it counts itself only when that is done.
 */
export class RaftCore {
  readonly #replica: Replica

  /** Whether rounds come with notes of what happened. Off at first: then none are made. */
  set notes(wanted: boolean) {
    const r = this.#replica
    r.note = wanted ? (note) => void r.notes.push(note) : null
  }

  constructor(options: {
    id: NodeId
    /** Who is in the cluster as long as the log does not say. No voters: a joiner, which follows whoever leads. */
    cluster: ClusterConfig
    durable: DurableState
    timing: Timing
    /** Left out: the defaults of a node's configuration. */
    limits?: Limits | undefined
    random: Random
    at: Circumstances
  }) {
    const incarnation = Math.floor(options.random() * 2 ** 32)
    const r = new Replica({
      ...options,
      limits: options.limits,
      proposals: new Proposals(incarnation),
      forwards: new ForwardLedger(),
      reads: new Reads(incarnation),
    })
    this.#replica = r
    if (!isMember(r.config, r.id) && !mayCampaign(r)) return
    // Who is alone has nobody to wait for.
    if (r.config.voters.size === 1 && r.config.voters.has(r.id) && r.config.old === null) r.electionAtMs = r.at.nowMs
    else r.resetElectionTimer()
  }

  get id(): NodeId {
    return this.#replica.id
  }

  get role(): RaftRole {
    return this.#replica.role
  }

  get leader(): NodeId | null {
    return this.#replica.leader
  }

  get term(): number {
    return this.#replica.term
  }

  get commitIndex(): number {
    return this.#replica.commit
  }

  get membership(): ClusterConfig {
    return publishedConfig(this.#replica.config)
  }

  /** Whether a change of voters is under way: decisions then need a majority of the outgoing voters too. */
  get isJoint(): boolean {
    return this.#replica.config.old !== null
  }

  /** Whether the committed command at `index` took no effect: it was repeated, too old, or not its proposer's to make. */
  isSilent(index: number): boolean {
    return this.#replica.silent.has(index)
  }

  /** Which requests have taken effect, as of the commit index. To be read only. */
  get sessions(): ClientSessionTable {
    return this.#replica.sessions
  }

  /** To be read only. */
  get log(): RaftLog {
    return this.#replica.log
  }

  /** What stands for the log up to its floor; `null` while the floor is 0. To be read only. */
  get snapshot(): StoredSnapshot | null {
    return this.#replica.snapshot
  }

  /** Frames dropped, by the gate that refused them. */
  get dropped(): ReadonlyMap<string, number> {
    return this.#replica.dropped
  }

  get pendingProposals(): number {
    return this.#replica.proposals.size
  }

  /** When the next `tick` is due, clock milliseconds; `Infinity` when nothing waits for time. */
  get nextDeadlineMs(): number {
    const r = this.#replica
    const changeMs = r.pendingChange?.phase === 'waiting' ? r.pendingChange.deadlineMs : Infinity
    const transferMs = Math.min(r.transfer?.deadlineMs ?? Infinity, r.retirement?.deadlineMs ?? Infinity)
    const askMs = Math.min(r.proposals.resendAtMs, r.reads.deadlineMs, changeMs, transferMs)
    return Math.min(r.electionAtMs, r.heartbeatAtMs, r.storeCommitAtMs, askMs)
  }

  /** Leader: what is known of every other member, and of those on their way out; empty elsewhere. To be read only. */
  get followers(): ReadonlyMap<NodeId, Progress> {
    return this.#replica.progress
  }

  /** Campaigns that this node spent a term on, and those that it won. */
  get elections(): { readonly begun: number; readonly won: number } {
    return this.#replica.elections
  }

  /** Writes handed out that are not durable, and frames that wait for them. */
  get unwritten(): { readonly writes: number; readonly frames: number } {
    return { writes: this.#writes.length, frames: this.#replica.outbox.held }
  }

  step(input: Input, at: Circumstances): void {
    const r = this.#replica
    r.at = at
    switch (input.kind) {
      case 'tick':
        if (hasSlept(r, input.dueMs ?? at.nowMs)) wakeUp(r)
        tick(r)
        break
      case 'message':
        receive(r, input.from, input.message)
        break
      case 'written':
        r.outbox.written(input.id)
        this.#countOwnEntries(input.id)
        countOwnVote(r)
        answerCompactions(r)
        break
      case 'propose':
        takeProposal(r, input.token, input.command, input.dedupKey)
        break
      case 'change':
        requestChange(r, input.token, input.change, input.ifConfigIndex)
        break
      case 'compact':
        requestCompaction(r, input.token, input.index, input.state)
        break
      case 'read':
        requestRead(r, input.token)
        break
      case 'transfer':
        requestTransfer(r, input.token, input.target)
        break
      case 'pause':
        pause(r, input.token)
        break
      case 'resume':
        resume(r)
        break
      case 'withdraw':
        r.proposals.withdraw(input.token)
        withdrawChange(r, input.token)
        r.reads.withdraw(input.token)
        withdrawTransfer(r, input.token)
        break
      case 'reachable':
        onReachable(r, input.peer)
        break
    }
  }

  /** Ends a round: decides what the steps since the last one amount to, and hands over what is to be done. */
  ready(): Ready {
    const r = this.#replica
    if (r.state === 'leader') advanceCommit(r)
    const mustGo = r.state === 'leader' && advanceMembership(r)
    advanceTransfer(r)
    giveProposals(r)
    askReads(r)
    if (r.state === 'leader') {
      openReadRound(r)
      replicate(r)
      sendReadRound(r)
      confirmReads(r)
    }
    answerReads(r)
    if (mustGo) becomeFollower(r, r.term, null, 'removed')
    if (r.commit > r.storedCommit && (r.outbox.hasWrite || r.at.nowMs >= r.storeCommitAtMs)) {
      r.outbox.recordCommit(r.commit)
      r.storedCommit = r.commit
      r.storeCommitAtMs = Infinity
    }
    const write = r.outbox.takeWrite()
    if (write !== null) {
      if (this.#writes.length === 0) allowDisk(r)
      this.#writes.push({ id: write.id, term: r.term, lastIndex: r.log.lastIndex })
    }
    const ready = {
      write,
      messages: r.outbox.takeMessages(),
      installed: r.installed,
      committed: r.committed,
      outcomes: r.outcomes,
      notes: r.notes,
    }
    r.installed = null
    r.committed = []
    r.outcomes = []
    r.notes = []
    return ready
  }

  /** Writes under way, and where the log ended with each. */
  readonly #writes: { readonly id: number; readonly term: number; readonly lastIndex: number }[] = []

  #countOwnEntries(id: number): void {
    const r = this.#replica
    while (this.#writes.length > 0 && (this.#writes[0] as { id: number }).id <= id) {
      const { term, lastIndex } = this.#writes.shift() as { term: number; lastIndex: number }
      // In another term the log may have been another one.
      if (r.state === 'leader' && term === r.term) r.selfMatch = Math.max(r.selfMatch, lastIndex)
    }
    if (this.#writes.length === 0) r.stalledAtMs = Infinity
    else allowDisk(r)
  }
}

function tick(r: Replica): void {
  const { nowMs } = r.at
  expireTransfer(r)
  if (r.state === 'leader') {
    if (nowMs >= r.heartbeatAtMs) {
      heartbeat(r)
      tellHeir(r)
    }
  } else if (nowMs >= r.electionAtMs) {
    onElectionTimeout(r)
  }
  if (nowMs >= r.proposals.resendAtMs) resendForwards(r)
  if (nowMs >= r.reads.resendAtMs) resendReads(r)
  expireReads(r)
}
