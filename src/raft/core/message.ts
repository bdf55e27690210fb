import type { DedupKey, MembershipRecord, NodeId, StoredEntry } from '../contract.ts'

/**
 * What nodes say to one another. No message names its sender: that is the authenticated link's word.
 * `term` is the sender's current term, except in `pre-vote`, where it is the term that a campaign would have.
 */
export type RaftMessage =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | CommitNotice
  | Forward
  | ForwardRefused
  | WhoVotes
  | Voters
  | Read
  | ReadReply
  | TimeoutNow
  | TransferRefused
  | SnapshotChunk
  | SnapshotReply

/** "Would you vote for me?" Asked before a term is spent (Raft thesis, section 9.6). */
export interface PreVote {
  readonly kind: 'pre-vote'
  readonly term: number
  readonly lastIndex: number
  readonly lastTerm: number
  /** Names the probe: answers to an earlier one of the same term do not count. */
  readonly nonce: number
}

export interface PreVoteReply {
  readonly kind: 'pre-vote-reply'
  readonly term: number
  readonly nonce: number
  readonly granted: boolean
}

/** RequestVote (Raft paper, figure 2). Sent once the candidate's own term and vote are durable. */
export interface Vote {
  readonly kind: 'vote'
  readonly term: number
  readonly lastIndex: number
  readonly lastTerm: number
}

export interface VoteReply {
  readonly kind: 'vote-reply'
  readonly term: number
  readonly granted: boolean
}

/** AppendEntries (Raft paper, figure 2). Without entries: heartbeat and probe in one. */
export interface Append {
  readonly kind: 'append'
  readonly term: number
  readonly prevIndex: number
  readonly prevTerm: number
  readonly commit: number
  /** Contiguous from `prevIndex + 1`. */
  readonly entries: readonly StoredEntry[]
  /** The leader's newest round of reads, while anybody waits for one; 0 otherwise. */
  readonly round?: number | undefined
  /** In frames without entries: how long a majority takes to answer, milliseconds; 0 where it does not matter. */
  readonly roundTripMs?: number | undefined
}

export interface AppendReply {
  readonly kind: 'append-reply'
  readonly term: number
  readonly accepted: boolean
  /** Accepted: the last index that the frame covered. Refused: the `prevIndex` that did not match. */
  readonly index: number
  /** Refused: the follower's last position, at most `index`, whose term is at most the frame's `prevTerm`. */
  readonly hintIndex: number
  readonly hintTerm: number
  /** The round of the append that this answers. */
  readonly round?: number | undefined
}

/** The leader's commit index, pushed as soon as it moves. Needs no answer. */
export interface CommitNotice {
  readonly kind: 'commit'
  readonly term: number
  readonly commit: number
}

/** A proposal, on its way to the leader of `term`. No leader of another term takes it. */
export interface Forward {
  readonly kind: 'forward'
  readonly term: number
  /** Random number of the sender's process, so that a restarted sender may count from the beginning. */
  readonly incarnation: number
  /** Counts the sender's proposals. A copy sent again has the same number and is appended once. */
  readonly serial: number
  /** The lowest serial that the sender still waits for: what lies below may be forgotten. */
  readonly lowest: number
  readonly dedupKey: DedupKey | null
  readonly command: Uint8Array
}

/** Why a leader will never append a proposal: it cannot carry the command, or the client is not the proposer's to use. */
export interface Refusal {
  readonly reason: 'too-large' | 'foreign' | 'crowded'
  /** `too-large`: the largest command the leader takes, bytes; 0 otherwise. */
  readonly maxBytes: number
}

/** The leader of `term` will never append the proposal. */
export interface ForwardRefused extends Refusal {
  readonly kind: 'forward-refused'
  readonly term: number
  readonly incarnation: number
  readonly serial: number
}

/**
 * "Who votes?" A node that was away while the membership changed does not know the new leader, and may not listen
 * to it. It asks the voters it does know.
 */
export interface WhoVotes {
  readonly kind: 'who-votes'
  readonly term: number
}

/** The newest configuration the sender knows of. Tells whom to listen to, and nothing else. */
export interface Voters {
  readonly kind: 'voters'
  readonly term: number
  readonly index: number
  readonly config: MembershipRecord
}

/** "What has committed?" A linearizable read, on its way to the leader of `term`. */
export interface Read {
  readonly kind: 'read'
  readonly term: number
  /** Names the question. It begins at a random place in each process; asked again, it keeps its number. */
  readonly serial: number
}

/** The leader of `term` was still the leader after the question had reached it, and `index` had committed then. */
export interface ReadReply {
  readonly kind: 'read-reply'
  readonly term: number
  readonly serial: number
  readonly index: number
}

/** The leader of `term` hands over to `target`, which is to campaign at once; the other voters are to listen to it. */
export interface TimeoutNow {
  readonly kind: 'timeout-now'
  readonly term: number
  readonly target: NodeId
}

/** The target would rather not lead. */
export interface TransferRefused {
  readonly kind: 'transfer-refused'
  readonly term: number
}

/**
 * A piece of a snapshot (Raft paper, figure 13, InstallSnapshot). Each names the whole, so that pieces of different
 * ones are told apart. Without data: asks how much of it the follower holds.
 */
export interface SnapshotChunk {
  readonly kind: 'snapshot'
  readonly term: number
  /** Position of the last entry that the snapshot stands for. */
  readonly index: number
  readonly indexTerm: number
  /** Bytes of the whole, and its digest. */
  readonly size: number
  readonly digest: number
  /** Counts the frames of this transfer. */
  readonly serial: number
  readonly offset: number
  readonly data: Uint8Array
}

export interface SnapshotReply {
  readonly kind: 'snapshot-reply'
  readonly term: number
  readonly index: number
  /** Of the frame that this answers. */
  readonly serial: number
  /** Bytes held without a gap from the beginning; the whole size once all is durable, or known without it. */
  readonly offset: number
  /** The frame began beyond what is held: something before it did not come. */
  readonly missed: boolean
}

export interface Outgoing {
  readonly to: NodeId
  readonly message: RaftMessage
}
