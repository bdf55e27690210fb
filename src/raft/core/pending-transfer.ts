import type { NodeId } from '../contract.ts'
import { LeadershipTransferError } from '../../base/errors.ts'
import type { Replica } from './replica.ts'

/** A hand-over of leadership under way. It outlives the office: whether it worked shows only afterwards. */
export interface PendingTransfer {
  /** `null` where no caller waits for it. */
  readonly token: number | null
  readonly target: NodeId
  /** The term that is to end. */
  readonly term: number
  readonly deadlineMs: number
  /** The target holds the whole log, and was told to campaign. */
  isTold: boolean
}

/** A leader that would rather not lead, and whom it has asked to take over. */
export interface Retirement {
  /** Who waits until it is over, one way or the other. */
  readonly tokens: Set<number>
  readonly deadlineMs: number
  readonly asked: Set<NodeId>
}

/** This node is to look for another to lead, as soon as one has caught up with it. */
export function retire(r: Replica): Retirement {
  r.retirement ??= { tokens: new Set(), deadlineMs: r.at.nowMs + r.timing.electionTimeoutMaxMs, asked: new Set() }
  return r.retirement
}

/** A leader was heard. Only the target's own frame, in a later term, proves that a hand-over worked. */
export function judgeTransfer(r: Replica, leader: NodeId): void {
  const { transfer } = r
  if (transfer === null || r.term <= transfer.term) return
  if (leader !== transfer.target) {
    failTransfer(r, `${leader} leads now, not ${transfer.target}`)
    return
  }
  r.transfer = null
  if (transfer.token !== null) r.outcomes.push({ kind: 'done', token: transfer.token })
}

export function failTransfer(r: Replica, why: string): void {
  const { transfer } = r
  r.transfer = null
  if (transfer === null || transfer.token === null) return
  r.outcomes.push({ kind: 'failed', token: transfer.token, error: new LeadershipTransferError(why, r.leader) })
}
