import type { MembershipChange, NodeId } from '../contract.ts'

/** A change of membership this leader was asked for, from the request until it has committed. */
export interface PendingChange {
  /** `null` once the caller gave up on a change that is in the log already. */
  token: number | null
  readonly change: MembershipChange
  /**
   * Where the learners to be promoted must have got to: the end of the log when the change was asked for. It holds an
   * entry at the least, so that no voter knows nobody, which the commit index of a new leader would not promise.
   */
  readonly catchUpIndex: number
  /** When waiting ends, clock milliseconds. */
  readonly deadlineMs: number
  /**
   * `waiting`: for the change before it, or for learners to catch up. `adding`: the strangers among
   * those to be promoted become learners first. `changing`: the change itself is in the log.
   */
  phase: 'waiting' | 'adding' | 'changing'
  readonly promoted: readonly NodeId[]
}
