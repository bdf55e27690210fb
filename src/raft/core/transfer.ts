import type { NodeId } from '../contract.ts'
import { LeadershipTransferError, MembershipChangeInProgressError, NotLeaderError } from '../../base/errors.ts'
import { isVoter, votersOf } from './configuration.ts'
import { campaign, mayCampaign } from './election.ts'
import type { TimeoutNow, TransferRefused } from './message.ts'
import { failTransfer, retire, type Retirement } from './pending-transfer.ts'
import type { Replica } from './replica.ts'

/*
 * Leadership goes to a voter of choice in two steps (Raft thesis, section 3.10): the leader takes nothing new until
 * the target holds its whole log, then tells it to campaign at once. Every voter would deny a candidate while the leader
 * lives, so the leader tells all of them whom it hands over to. No candidate's own claim opens that door, so no
 * member can depose a leader by making one up.
 */

/** The leader is to hand over to `target`. Answered when the target leads, or with an error. */
export function requestTransfer(r: Replica, token: number, target: NodeId): void {
  const error = objection(r, target)
  if (error !== null) r.outcomes.push({ kind: 'failed', token, error })
  else begin(r, token, target, r.at.nowMs + r.timing.electionTimeoutMaxMs)
}

/** From now on this node would rather not lead. Answered when another does, or none of the voters can take over. */
export function pause(r: Replica, token: number): void {
  r.isPaused = true
  retire(r).tokens.add(token)
}

export function resume(r: Replica): void {
  r.isPaused = false
  if (r.retirement !== null) endRetirement(r, r.retirement)
}

/** A caller gave up on a hand-over: proposals are taken again. A target that was told may still take over. */
export function withdrawTransfer(r: Replica, token: number): void {
  if (r.transfer?.token === token) r.transfer = null
  r.retirement?.tokens.delete(token)
}

/** Leader: takes what is under way a step further. */
export function advanceTransfer(r: Replica): void {
  advanceRetirement(r)
  const { transfer } = r
  if (transfer === null || transfer.isTold || r.state !== 'leader') return
  if ((r.progress.get(transfer.target)?.match ?? 0) < r.log.lastIndex) return
  transfer.isTold = true
  tellHeir(r)
}

/** Leader: tells the target to campaign, and everybody who votes to listen to it. Repeated with each heartbeat. */
export function tellHeir(r: Replica): void {
  const { transfer } = r
  if (transfer?.isTold !== true) return
  const { target } = transfer
  for (const id of votersOf(r.config)) {
    if (id !== r.id) r.outbox.send(id, { kind: 'timeout-now', term: r.term, target })
  }
}

export function expireTransfer(r: Replica): void {
  if (r.transfer !== null && r.at.nowMs >= r.transfer.deadlineMs) {
    failTransfer(r, `${r.transfer.target} did not take over in time`)
  }
  if (r.retirement !== null && r.at.nowMs >= r.retirement.deadlineMs) endRetirement(r, r.retirement)
}

/** TimeoutNow: the leader of this very term hands over, to this node or to another. */
export function onTimeoutNow(r: Replica, from: NodeId, { target }: TimeoutNow): void {
  if (target !== r.id) r.heir = { id: target, term: r.term, untilMs: r.at.nowMs + r.timing.electionTimeoutMinMs }
  else if (r.isPaused || !mayCampaign(r)) r.outbox.send(from, { kind: 'transfer-refused', term: r.term })
  else campaign(r)
}

export function onTransferRefused(r: Replica, from: NodeId, { term }: TransferRefused): void {
  const asked = r.state === 'leader' && term === r.term && r.transfer?.isTold === true && r.transfer.target === from
  if (asked) failTransfer(r, `${from} would rather not lead: its page is hidden, or it does not vote`)
  else r.drop('refusal-not-asked', from)
}

function objection(r: Replica, target: NodeId): Error | null {
  if (r.state !== 'leader') {
    return new NotLeaderError('only the leader hands leadership over: nothing was done; ask the leader', r.leader)
  }
  if (target === r.id) return new RangeError(`${target} leads already: leadership is handed over to another`)
  if (!isVoter(r.config, target)) return new RangeError(`${target} is no voter and cannot lead: promote it first`)
  if (r.transfer !== null) return new LeadershipTransferError('another hand-over is under way', r.leader)
  if (isChanging(r)) {
    return new MembershipChangeInProgressError(
      'a change of membership is under way: leadership stays here; wait for it, then try again',
    )
  }
  return null
}

/** While who votes is being changed, leadership stays where it is: the change would be left half done. */
function isChanging(r: Replica): boolean {
  return r.pendingChange !== null || r.config.old !== null
}

function begin(r: Replica, token: number | null, target: NodeId, deadlineMs: number): void {
  r.transfer = { token, target, term: r.term, deadlineMs, isTold: false }
  r.note?.({ kind: 'transfer', target })
}

/** One voter after another is asked, the best placed first, until one takes over or none is left. */
function advanceRetirement(r: Replica): void {
  const { retirement } = r
  if (retirement === null) return
  if (r.state !== 'leader') {
    if (r.transfer === null) endRetirement(r, retirement)
    return
  }
  // What the others hold is known once an entry of the own term has committed.
  if (r.transfer !== null || isChanging(r) || r.log.termAt(r.commit) !== r.term) return
  const target = bestPlaced(r, retirement.asked)
  if (target === null) {
    endRetirement(r, retirement)
    return
  }
  retirement.asked.add(target)
  begin(r, null, target, retirement.deadlineMs)
}

/** The voter that lacks least of the log, among equals the one heard last; only those heard lately come into question. */
function bestPlaced(r: Replica, asked: ReadonlySet<NodeId>): NodeId | null {
  let best: NodeId | null = null
  for (const id of r.config.voters) {
    const progress = r.progress.get(id)
    if (progress === undefined || asked.has(id)) continue
    if (r.at.nowMs - progress.contactMs > r.timing.electionTimeoutMinMs) continue
    const ahead = best === null ? null : r.progress.get(best)
    const lead = progress.match - (ahead?.match ?? -1)
    if (lead > 0 || (lead === 0 && progress.contactMs > (ahead?.contactMs ?? 0))) best = id
  }
  return best
}

function endRetirement(r: Replica, { tokens }: Retirement): void {
  r.retirement = null
  for (const token of tokens) r.outcomes.push({ kind: 'done', token })
}
