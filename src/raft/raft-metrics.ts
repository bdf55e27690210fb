import type { NodeId, RaftRole } from './contract.ts'
import type { RaftCore } from './core/raft-core.ts'

/** How long things took: divide for the mean, compare two of them for what lies between. */
export interface Durations {
  readonly count: number
  readonly totalMs: number
  readonly maxMs: number
}

export interface Traffic {
  readonly frames: number
  readonly bytes: number
}

/** What a leader knows of another member. */
export interface FollowerMetrics {
  /** Highest index known to be durable there, and how many entries it lacks of the leader's log. */
  readonly matchIndex: number
  readonly lag: number
  /** Batches under way to it, and the bytes of their entries. */
  readonly inflight: Traffic
  /** Milliseconds since it last answered, and what an answer takes (`null` is not measured yet). */
  readonly silentMs: number
  readonly roundTripMs: number | null
}

/** What a node has counted since it was started, and where it stands. A copy: compare two for what lies between. */
export interface RaftMetrics {
  readonly role: RaftRole
  readonly term: number
  readonly commitIndex: number
  readonly lastIndex: number
  /** Campaigns of this node, for which it spent a term, and those that it won. */
  readonly elections: { readonly begun: number; readonly won: number }
  /** Frames given to the transport, and those it brought. */
  readonly sent: Traffic
  readonly received: Traffic
  /** Frames dropped: by the gate that refused them, or by the transport's reason. */
  readonly dropped: ReadonlyMap<string, number>
  /** Entries that have committed, commands and the engine's own. */
  readonly committed: number
  /** Proposals of this node's own caller that committed, from the call to the answer; those answered with an error. */
  readonly proposals: Durations & { readonly failed: number }
  /** Writes that became durable, from their beginning. */
  readonly writes: Durations
  /** Leader: every other member; empty elsewhere. */
  readonly followers: ReadonlyMap<NodeId, FollowerMetrics>
  readonly queues: {
    /** Calls of this node's caller not answered yet. */
    readonly requests: number
    /** Entries in the log that have not committed. */
    readonly uncommitted: number
    /** Writes begun that are not durable, and frames that wait for them. */
    readonly writes: number
    readonly heldFrames: number
  }
}

/** What the core can tell by itself. */
export function standingOf(
  core: RaftCore,
  nowMs: number,
): Pick<RaftMetrics, 'role' | 'term' | 'commitIndex' | 'lastIndex' | 'elections' | 'followers'> {
  const { role, term, commitIndex } = core
  const { lastIndex } = core.log
  const followers = new Map<NodeId, FollowerMetrics>()
  for (const [id, { match, inflight, contactMs, roundTripMs }] of core.followers) {
    const lag = Math.max(0, lastIndex - match)
    followers.set(id, { matchIndex: match, lag, inflight, silentMs: nowMs - contactMs, roundTripMs })
  }
  return { role, term, commitIndex, lastIndex, elections: { ...core.elections }, followers }
}

export function queuesOf(core: RaftCore): Omit<RaftMetrics['queues'], 'requests'> {
  const { writes, frames } = core.unwritten
  return { uncommitted: core.log.lastIndex - core.commitIndex, writes, heldFrames: frames }
}

/** Adds durations up. */
export class Stopwatch implements Durations {
  count = 0
  totalMs = 0
  maxMs = 0

  add(elapsedMs: number): void {
    this.count++
    this.totalMs += elapsedMs
    this.maxMs = Math.max(this.maxMs, elapsedMs)
  }

  read(): Durations {
    const { count, totalMs, maxMs } = this
    return { count, totalMs, maxMs }
  }
}
