import type { NodeId } from '../contract.ts'
import { ReadTimeoutError } from '../../base/errors.ts'
import { hasQuorum } from './configuration.ts'
import type { Read, ReadReply } from './message.ts'
import { MAX_READS_PER_MEMBER, type OwnRead } from './reads.ts'
import type { Replica } from './replica.ts'

/*
 * Linearizable reads without an entry (Raft thesis, section 6.4). Whoever asks gets an index that was committed when
 * it asked or later: what it has applied up to there is no older than its question. A leader may only say so once a
 * majority has answered a *round* that it began after the question; rounds are numbered, and answers name them.
 */

/** A caller asks. All who ask between two rounds of the loop share one question. */
export function requestRead(r: Replica, token: number): void {
  r.reads.add(token, r.at.nowMs)
}

/** Asks the leader what has not been asked in its term, or, leading, takes the questions up. */
export function askReads(r: Replica): void {
  for (const read of r.reads.own()) {
    if (read.index !== null || read.askedTerm === r.term) continue
    if (r.state === 'leader') r.reads.serve(r.id, read.serial)
    else if (r.leader === null) continue
    else sendRead(r, r.leader, read)
    read.askedTerm = r.term
  }
}

/** Repeats what the leader has not answered: a frame may have been lost. */
export function resendReads(r: Replica): void {
  const unanswered = [...r.reads.own()].filter(({ index, askedTerm }) => index === null && askedTerm === r.term)
  const mustAsk = r.state !== 'leader' && unanswered.length > 0
  r.reads.resendAtMs = mustAsk ? r.at.nowMs + r.timing.electionTimeoutMinMs : Infinity
  if (!mustAsk || r.leader === null) return
  for (const read of unanswered) sendRead(r, r.leader, read)
}

/** Nobody waits for ever: not where no majority can be reached, nor where the leader does not know this node. */
export function expireReads(r: Replica): void {
  for (const token of r.reads.takeOverdue(r.at.nowMs)) {
    r.outcomes.push({ kind: 'failed', token, error: new ReadTimeoutError(r.leader) })
  }
}

/** A member asks this leader. A question that comes again while it is under way is the same question. */
export function onRead(r: Replica, from: NodeId, { term, serial }: Read): void {
  if (r.state !== 'leader' || term !== r.term) r.drop('read-not-leader', from)
  else if (r.reads.servedFor(from) >= MAX_READS_PER_MEMBER) r.drop('read-overload', from)
  else r.reads.serve(from, serial)
}

export function onReadReply(r: Replica, from: NodeId, { serial, index }: ReadReply): void {
  const read = r.reads.bySerial(serial)
  if (read === null) r.drop('read-not-asked', from)
  else read.index ??= index
}

/**
 * Leader: whoever has come since the last round gets the commit index of now, and a new round begins. Before an entry
 * of its own term has committed a leader does not know what is committed, so that questions wait until then.
 */
export function openReadRound(r: Replica): void {
  if (r.log.termAt(r.commit) === r.term) r.reads.open(r.commit)
}

/** An answer to round `round` came. It says nothing of later rounds, and one that was never begun is a forgery. */
export function creditRound(r: Replica, from: NodeId, round: number): void {
  const progress = r.progress.get(from)
  if (round > r.reads.round) r.drop('round-not-begun', from)
  else if (progress !== undefined && round > progress.round) progress.round = round
}

/** Leader: answers the questions whose round a majority has answered. It counts itself only where it votes. */
export function confirmReads(r: Replica): void {
  if (!r.reads.isServing) return
  const isConfirmed = (round: number): boolean =>
    hasQuorum(r.config, (id) => id === r.id || (r.progress.get(id)?.round ?? 0) >= round)
  for (const { from, serial, index } of r.reads.takeConfirmed(isConfirmed)) {
    const own = from === r.id ? r.reads.bySerial(serial) : null
    if (own !== null) own.index ??= index
    else if (from !== r.id) r.outbox.send(from, { kind: 'read-reply', term: r.term, serial, index })
  }
}

/** Answers the callers whose index has committed here too. */
export function answerReads(r: Replica): void {
  for (const { tokens, index } of r.reads.takeAnswered(r.commit)) {
    for (const token of tokens) r.outcomes.push({ kind: 'read', token, index })
  }
}

function sendRead(r: Replica, leader: NodeId, { serial }: OwnRead): void {
  r.outbox.send(leader, { kind: 'read', term: r.term, serial })
  if (r.reads.resendAtMs === Infinity) r.reads.resendAtMs = r.at.nowMs + r.timing.electionTimeoutMinMs
}
