import type { NodeId } from './contract.ts'

/** Why a voter would not elect a candidate: all that applied. */
export type VoteObjection = 'old term' | 'leader lives' | 'voted for another' | 'log behind'

/** Why a node follows again, or for the first time in a term. */
export type FollowReason =
  | 'higher term'
  | 'another leads'
  | 'no leader'
  | 'no majority answers'
  | 'disk stalls'
  | 'removed'
  | 'learner ahead'

/** What the core notes. The node adds the time, and what only a driver sees: {@link RaftTraceEvent}. */
export type TraceNote =
  /** It asks whether it would be elected in `term`. */
  | { readonly kind: 'pre-vote'; readonly term: number }
  | {
      readonly kind: 'pre-vote-denied'
      readonly from: NodeId
      readonly term: number
      readonly objections: readonly VoteObjection[]
    }
  /** It spent a term on a campaign. */
  | { readonly kind: 'candidate'; readonly term: number }
  | { readonly kind: 'vote-granted'; readonly from: NodeId; readonly term: number }
  | {
      readonly kind: 'vote-denied'
      readonly from: NodeId
      readonly term: number
      readonly objections: readonly VoteObjection[]
    }
  | { readonly kind: 'leader'; readonly term: number }
  /** It left another role, or a term, to follow `leader` (`null`: not known yet). */
  | {
      readonly kind: 'follower'
      readonly term: number
      readonly leader: NodeId | null
      readonly reason: FollowReason
    }
  /** Its term cannot be counted up any more, so that it never campaigns. Noted at each timeout. */
  | { readonly kind: 'term-exhausted'; readonly term: number }
  /** Another configuration is in force: adopted when appended, and again if that is cut off. */
  | {
      readonly kind: 'config'
      readonly index: number
      readonly voters: readonly NodeId[]
      readonly learners: readonly NodeId[]
    }
  /** It was not run for longer than its shortest election timeout: a frozen page, a machine asleep. */
  | { readonly kind: 'slept'; readonly term: number }
  /** This leader hands over to `target`. */
  | { readonly kind: 'transfer'; readonly target: NodeId }
  /** Everything through `index` is final. */
  | { readonly kind: 'commit'; readonly index: number }
  /** A snapshot of the application's, with a state of so many bytes, stands for the log through `index`. */
  | { readonly kind: 'compacted'; readonly index: number; readonly bytes: number }
  /** A command committed that changes nothing: its request took effect before, is too old to tell, or not its proposer's. */
  | {
      readonly kind: 'without-effect'
      readonly index: number
      readonly reason: 'repeated' | 'expired' | 'foreign' | 'crowded'
    }
  /** Leader: `to` lacks what the log does not hold any more, and gets the snapshot of so many bytes through `index`. */
  | { readonly kind: 'snapshot-begun'; readonly to: NodeId; readonly index: number; readonly bytes: number }
  /** Leader: `to` holds so many of the bytes; all of them once it needs no more. */
  | {
      readonly kind: 'snapshot-progress'
      readonly to: NodeId
      readonly index: number
      readonly held: number
      readonly bytes: number
    }
  /** Follower: so much of a snapshot is here. */
  | {
      readonly kind: 'snapshot-incoming'
      readonly from: NodeId
      readonly index: number
      readonly held: number
      readonly bytes: number
    }
  /** Follower: a snapshot, with an application's state of so many bytes, took the place of the log. */
  | { readonly kind: 'installed'; readonly from: NodeId; readonly index: number; readonly bytes: number }
  /** The configuration of `index` leaves this node out: it has read that itself, or `by` says so. */
  | { readonly kind: 'removed'; readonly index: number; readonly by: NodeId | null }
  /** Leaders are heard, the last one `from`, and may not be followed (`gate`): those this node knows may all be gone. */
  | { readonly kind: 'deaf'; readonly from: NodeId; readonly term: number; readonly gate: string }
  /** A frame had no right to be heard, or could not be true: dropped by the gate of that name. */
  | { readonly kind: 'frame-refused'; readonly gate: string; readonly from: NodeId }

/** What the node's caller may have asked for. */
export type RequestKind = 'propose' | 'change' | 'compact' | 'read' | 'transfer' | 'pause'

/** What only the driver sees. */
export type DriverNote =
  /** Bytes that are no frame. */
  | { readonly kind: 'frame-malformed'; readonly from: NodeId; readonly bytes: number }
  /** A frame whose names are not known here, since this node or its peer began anew: the peer is told, and says them. */
  | { readonly kind: 'frame-unknown-name'; readonly from: NodeId; readonly bytes: number }
  /** This node's own transport dropped a frame to or from `peer`, for the reason of that name. */
  | { readonly kind: 'frame-dropped'; readonly peer: NodeId; readonly reason: string }
  /** A proposal of this node's own caller committed, so long after it was made, milliseconds. */
  | { readonly kind: 'proposed'; readonly index: number; readonly elapsedMs: number }
  /** A call was answered with an error, so long after it was made; one whose caller gave up makes no event. */
  | {
      readonly kind: 'request-failed'
      readonly request: RequestKind
      readonly error: Error
      readonly elapsedMs: number
    }
  /** The page is being hidden or frozen. */
  | { readonly kind: 'paused'; readonly reason: string }
  /** A batch became durable, so long after it was begun, milliseconds. */
  | { readonly kind: 'stored'; readonly write: number; readonly elapsedMs: number }
  /** Closed, or stopped by its storage: nothing more happens. */
  | { readonly kind: 'stopped'; readonly error: Error }
  /** This reader was too slow for the `count` events that stood here. */
  | { readonly kind: 'lost'; readonly count: number }

/** Something that happened inside a node. `kind` names it; `atMs` is the node's clock, monotonic milliseconds. */
export type RaftTraceEvent = (TraceNote | DriverNote) & { readonly atMs: number }
