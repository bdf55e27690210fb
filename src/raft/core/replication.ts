import type { NodeId, StoredEntry } from '../contract.ts'
import { commitThrough } from './commit.ts'
import { hasQuorum, isVoter, quorumIndex } from './configuration.ts'
import { FRAME_HEADER_BYTES } from './entry-size.ts'
import type { Append, AppendReply, CommitNotice } from './message.ts'
import { measureFollower } from './pace.ts'
import type { Progress } from './progress.ts'
import { creditRound } from './read-index.ts'
import type { Replica } from './replica.ts'
import { askAgain, beginTransfer, continueTransfer, superviseTransfer } from './snapshot-send.ts'
import { mustYield } from './stall.ts'
import { becomeFollower } from './transitions.ts'

/** Entries in one frame, bytes, where the transport takes more. Small enough not to hold up what comes behind. */
export const MAX_BATCH_BYTES = 65_536

/** A frame with entries, and their size. */
interface Batch {
  readonly message: Append
  readonly bytes: number
}

/** By the index before the first entry. Followers that have got equally far are sent the same message. */
type Batches = Map<number, Batch>

/** The leader's part of replication: sends whatever each follower lacks and has room for. */
export function replicate(r: Replica): void {
  const batches: Batches = new Map()
  const notice: CommitNotice = { kind: 'commit', term: r.term, commit: r.commit }
  for (const [id, progress] of r.progress) {
    if (progress.transfer !== null) {
      continueTransfer(r, id, progress.transfer)
      continue
    }
    if (progress.mode === 'probe') {
      if (!progress.awaiting && progress.next <= r.log.lastIndex) sendAppend(r, id, progress, batches)
      continue
    }
    while (progress.transfer === null && progress.next <= r.log.lastIndex && !progress.windowIsFull)
      sendAppend(r, id, progress, batches)
    if (progress.toldCommit < r.commit) {
      progress.toldCommit = r.commit
      r.outbox.send(id, notice)
    }
    forgetIfInformed(r, id, progress)
  }
}

/** Tells every follower that the leader lives, which shows what got lost on the way, and whether they do. */
export function heartbeat(r: Replica): void {
  r.heartbeatAtMs = r.progress.size === 0 ? Infinity : r.at.nowMs + r.timing.heartbeatIntervalMs
  if (!hasSupport(r)) {
    becomeFollower(r, r.term, null, 'no majority answers')
    return
  }
  if (mustYield(r)) {
    becomeFollower(r, r.term, null, 'disk stalls')
    return
  }
  for (const [id, progress] of r.progress) {
    if (progress.leaving !== null && forgetIfOverdue(r, id, progress)) continue
    if (progress.transfer !== null) superviseTransfer(r, id, progress, progress.transfer)
    sendEmptyAppend(r, id, progress)
  }
}

/** A node became reachable: no need to wait for the next heartbeat. */
export function onReachable(r: Replica, id: NodeId): void {
  const progress = r.progress.get(id)
  if (progress === undefined) return
  if (progress.transfer !== null) askAgain(r, id, progress.transfer)
  sendEmptyAppend(r, id, progress)
}

/** Sends the newest round of reads to the voters that no other frame has carried it to. */
export function sendReadRound(r: Replica): void {
  if (!r.reads.isServing) return
  for (const [id, progress] of r.progress) {
    if (progress.sentRound < r.reads.round && isVoter(r.config, id)) sendEmptyAppend(r, id, progress)
  }
}

/** A frame for its answer's sake. A follower that is being probed gets entries with it: there is nothing to lose. */
function sendEmptyAppend(r: Replica, id: NodeId, progress: Progress): void {
  sendAppend(r, id, progress, progress.mode === 'probe' ? new Map() : null)
}

export function onAppendReply(r: Replica, from: NodeId, message: AppendReply): void {
  const progress = r.progress.get(from)
  if (r.state !== 'leader' || message.term !== r.term || progress === undefined) return
  progress.contactMs = r.at.nowMs
  creditRound(r, from, message.round ?? 0)
  if (message.accepted) {
    const sampleMs = progress.takeSampleMs(message.index, r.at.nowMs)
    if (sampleMs !== null) measureFollower(r, from, sampleMs)
    progress.accepted(Math.min(message.index, r.log.lastIndex))
    if (progress.match >= r.log.firstIndex - 1) progress.transfer = null
    return
  }
  // The follower named its last entry that could agree with ours; ours may agree with it only further back.
  const { hintIndex: index, hintTerm: term } = message
  const agreed = index < r.log.firstIndex - 1 ? index : r.log.lastIndexWithin({ index, term })
  progress.refused(message.index, agreed + 1)
}

/**
 * The commit rule (Raft paper, sections 5.3 and 5.4.2): what a majority holds is committed, if it is
 * of the leader's own term; entries of earlier terms commit only underneath one.
 */
export function advanceCommit(r: Replica): void {
  const index = quorumIndex(r.config, (id) => (id === r.id ? r.selfMatch : (r.progress.get(id)?.match ?? 0)))
  if (index > r.commit && r.log.termAt(index) === r.term) commitThrough(r, index)
}

/** Without `batches`: no entries, to be heard of. */
function sendAppend(r: Replica, id: NodeId, progress: Progress, batches: Batches | null): void {
  // During a transfer it only says that the leader lives, after an index that the log is sure to know.
  const prevIndex = progress.transfer === null ? Math.min(progress.next - 1, r.log.lastIndex) : r.log.firstIndex - 1
  const prevTerm = r.log.termAt(prevIndex)
  if (prevTerm === null) {
    beginTransfer(r, id, progress)
    return
  }
  const { message, bytes } =
    batches === null || progress.transfer !== null
      ? { message: appendOf(r, prevIndex, prevTerm, []), bytes: 0 }
      : batchAfter(r, prevIndex, prevTerm, batches)
  const covered = prevIndex + message.entries.length
  if (covered > prevIndex) progress.sent(covered, bytes, r.at.nowMs)
  else if (progress.mode === 'probe') progress.awaiting = true
  progress.toldCommit = Math.max(progress.toldCommit, Math.min(r.commit, covered))
  progress.sentRound = message.round ?? 0
  r.outbox.send(id, message)
}

function appendOf(r: Replica, prevIndex: number, prevTerm: number, entries: readonly StoredEntry[]): Append {
  const { term, commit, reads } = r
  const round = reads.isServing ? reads.round : 0
  const roundTripMs = entries.length > 0 ? 0 : r.toldRoundTripMs
  return { kind: 'append', term, prevIndex, prevTerm, commit, entries, round, roundTripMs }
}

function batchAfter(r: Replica, prevIndex: number, prevTerm: number, batches: Batches): Batch {
  let batch = batches.get(prevIndex)
  if (batch === undefined) {
    const room =
      r.at.frameBytes === null ? MAX_BATCH_BYTES : Math.min(MAX_BATCH_BYTES, r.at.frameBytes - FRAME_HEADER_BYTES)
    const { entries, bytes } = r.log.batch(prevIndex + 1, room)
    batch = { message: appendOf(r, prevIndex, prevTerm, entries), bytes }
    batches.set(prevIndex, batch)
  }
  return batch
}

/** Check-quorum: a leader that no majority answers might lead nobody. */
function hasSupport(r: Replica): boolean {
  const { nowMs } = r.at
  const hasHeard = (sinceMs: number): boolean =>
    hasQuorum(r.config, (id) => id === r.id || (r.progress.get(id)?.contactMs ?? -Infinity) >= sinceMs)
  if (r.probation === null) return hasHeard(nowMs - r.timing.electionTimeoutMaxMs)
  if (!hasHeard(r.probation.sinceMs)) return nowMs < r.probation.untilMs
  r.probation = null
  return true
}

function forgetIfInformed(r: Replica, id: NodeId, { leaving, match, toldCommit }: Progress): void {
  if (leaving !== null && match >= leaving.index && toldCommit >= leaving.index) r.progress.delete(id)
}

/** One that left and does not answer is not served for ever. */
function forgetIfOverdue(r: Replica, id: NodeId, progress: Progress): boolean {
  const { leaving } = progress
  if (leaving === null || r.commit < leaving.index) return false
  if (leaving.deadlineMs === Infinity) leaving.deadlineMs = r.at.nowMs + r.timing.electionTimeoutMaxMs
  if (r.at.nowMs < leaving.deadlineMs) return false
  r.progress.delete(id)
  return true
}
