import type { NodeId } from '../contract.ts'
import { LeadershipLostError } from '../../base/errors.ts'
import type { FollowReason } from '../trace-event.ts'
import { judgeTransfer } from './pending-transfer.ts'
import { isMember } from './configuration.ts'
import { PAUSED_PATIENCE, type Replica } from './replica.ts'

/**
 * The one way out of every office. A leader that leaves it stops serving its followers and fails the
 * change of membership under way; proposals live on, for whichever leader comes next.
 */
export function becomeFollower(r: Replica, term: number, leader: NodeId | null, reason: FollowReason): void {
  const stoodDown = r.state !== 'follower'
  if (stoodDown || term > r.term) r.note?.({ kind: 'follower', term, leader, reason })
  if (term > r.term) r.setTerm(term, null)
  if (r.state === 'leader') leaveOffice(r)
  r.state = 'follower'
  r.campaign = null
  r.preVote = null
  r.leader = leader
  if (leader === null) r.leaseUntilMs = -Infinity
  if (stoodDown || r.electionAtMs === Infinity) r.resetElectionTimer()
}

/** Valid word from the leader of the current term: it lives, and nobody else need be listened to for a while. */
export function hearLeader(r: Replica, leader: NodeId): void {
  r.setPin(leader)
  r.leader = leader
  r.preVote = null
  r.patience = PAUSED_PATIENCE
  if (isMember(r.config, r.id)) r.isRemoved = false
  r.unheard = 0
  judgeTransfer(r, leader)
  r.leaseUntilMs = r.at.nowMs + r.timing.electionTimeoutMinMs
  r.resetElectionTimer()
}

function leaveOffice(r: Replica): void {
  r.progress.clear()
  r.image = null
  r.heartbeatAtMs = Infinity
  r.probation = null
  r.forwards.clear()
  r.reads.stopServing()
  const change = r.pendingChange
  r.pendingChange = null
  if (change === null || change.token === null) return
  const inLog = change.phase !== 'waiting'
  const fate = inLog ? 'it may still take effect' : 'it was not begun'
  const error = new LeadershipLostError(
    `this node stopped leading while a change of membership was under way: ${fate}; look at membership, then ask the new leader`,
  )
  r.outcomes.push({ kind: 'failed', token: change.token, error })
}
