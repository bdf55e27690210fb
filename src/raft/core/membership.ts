import type { MembershipChange, MembershipRecord } from '../contract.ts'
import { LearnerNotCaughtUpError, MembershipChangeInProgressError, NotLeaderError } from '../../base/errors.ts'
import { changed, type Configuration, isMember, publishedConfig, recordOf, sameSet } from './configuration.ts'
import { checkConfigFits } from './entry-size.ts'
import type { PendingChange } from './pending-change.ts'
import type { Replica } from './replica.ts'

/** A change was asked for. It is answered when the new configuration has committed, or with an error. */
export function requestChange(r: Replica, token: number, change: MembershipChange, ifConfigIndex: number | null): void {
  const error = objection(r, change, ifConfigIndex)
  if (error !== null) {
    r.outcomes.push({ kind: 'failed', token, error })
    return
  }
  const deadlineMs = r.at.nowMs + r.timing.catchUpTimeoutMs
  const promoted = [...(change.promote ?? [])].filter((id) => !r.config.voters.has(id))
  r.pendingChange = { token, change, catchUpIndex: r.log.lastIndex, deadlineMs, phase: 'waiting', promoted }
}

/** The caller gave up: what has not reached the log is not begun any more. */
export function withdrawChange(r: Replica, token: number): void {
  const pending = r.pendingChange
  if (pending?.token !== token) return
  if (pending.phase === 'waiting') r.pendingChange = null
  else pending.token = null
}

/**
 * Carries changes forward as far as the log allows: completes a joint configuration that has committed
 * (an inherited one too), answers and begins what was asked for. Returns true when this leader is no
 * voter of the committed configuration, and so has to go.
 */
export function advanceMembership(r: Replica): boolean {
  // Before an entry of its own term commits, a leader does not know what is committed at all.
  if (r.config.index > r.commit || r.log.termAt(r.commit) !== r.term) {
    expire(r)
    return false
  }
  if (r.config.old !== null) {
    const { voters, learners } = r.config
    r.appendOwn({ kind: 'config', config: recordOf({ voters, learners, old: null }) })
    return false
  }
  answer(r)
  begin(r)
  expire(r)
  return r.pendingChange === null && r.config.index <= r.commit && !r.config.voters.has(r.id)
}

function objection(r: Replica, change: MembershipChange, ifConfigIndex: number | null): Error | null {
  if (r.state !== 'leader') {
    return new NotLeaderError('only the leader changes the membership: nothing was changed; ask the leader', r.leader)
  }
  if (r.transfer !== null) {
    return new MembershipChangeInProgressError(
      'leadership is being handed over: nothing was changed; ask the next leader',
    )
  }
  if (r.pendingChange !== null) {
    return new MembershipChangeInProgressError(
      'another change of membership is under way: nothing was changed; wait for it',
    )
  }
  if (ifConfigIndex !== null && ifConfigIndex !== r.config.index) return outdated(r.config, ifConfigIndex)
  try {
    // The largest that the change may take: the joint configuration.
    checkConfigFits(recordOf({ ...changed(r.config, change), old: r.config.voters }), r.at.frameBytes)
    return null
  } catch (error) {
    return error as Error
  }
}

/** What was in the log has committed. */
function answer(r: Replica): void {
  const pending = r.pendingChange
  if (pending === null || pending.phase === 'waiting') return
  if (pending.phase === 'adding') {
    if (pending.token === null) r.pendingChange = null
    else pending.phase = 'waiting'
    return
  }
  succeed(r, pending)
}

function begin(r: Replica): void {
  const pending = r.pendingChange
  if (pending === null || pending.phase !== 'waiting') return
  let target
  try {
    target = changed(r.config, pending.change)
  } catch (error) {
    fail(r, pending, error as Error)
    return
  }
  const strangers = pending.promoted.filter((id) => !isMember(r.config, id))
  if (strangers.length > 0) {
    const learners = new Set([...r.config.learners, ...strangers])
    append(r, pending, recordOf({ voters: r.config.voters, learners, old: null }), 'adding')
    return
  }
  if (pending.promoted.some((id) => (r.progress.get(id)?.match ?? 0) < pending.catchUpIndex)) return
  const sameVoters = sameSet(target.voters, r.config.voters)
  if (sameVoters && sameSet(target.learners, r.config.learners)) {
    succeed(r, pending)
    return
  }
  append(r, pending, recordOf({ ...target, old: sameVoters ? null : r.config.voters }), 'changing')
}

/** Frames may have become smaller while the change waited. */
function append(r: Replica, pending: PendingChange, config: MembershipRecord, phase: PendingChange['phase']): void {
  try {
    checkConfigFits(config, r.at.frameBytes)
  } catch (error) {
    fail(r, pending, error as Error)
    return
  }
  r.appendOwn({ kind: 'config', config })
  pending.phase = phase
}

function expire(r: Replica): void {
  const pending = r.pendingChange
  if (pending === null || pending.phase !== 'waiting' || r.at.nowMs < pending.deadlineMs) return
  const behind = pending.promoted.filter((id) => (r.progress.get(id)?.match ?? 0) < pending.catchUpIndex)
  const error =
    behind.length > 0
      ? new LearnerNotCaughtUpError(behind)
      : new MembershipChangeInProgressError(
          'the change before this one has not committed: nothing was changed; try again',
        )
  fail(r, pending, error)
}

function succeed(r: Replica, { token }: PendingChange): void {
  r.pendingChange = null
  if (token !== null) r.outcomes.push({ kind: 'changed', token, config: publishedConfig(r.config) })
}

function fail(r: Replica, { token }: PendingChange, error: Error): void {
  r.pendingChange = null
  if (token !== null) r.outcomes.push({ kind: 'failed', token, error })
}

function outdated(config: Configuration, expected: number): MembershipChangeInProgressError {
  return new MembershipChangeInProgressError(
    `the configuration is that of index ${config.index}, not of ${expected}: nothing was changed; look again, then retry`,
  )
}
