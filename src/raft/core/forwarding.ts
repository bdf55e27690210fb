import type { NodeId } from '../contract.ts'
import { PayloadTooLargeError } from '../../base/errors.ts'
import { errorOf } from './answers.ts'
import { isLogFull } from './compaction.ts'
import { isMember } from './configuration.ts'
import { maxCommandBytes } from './entry-size.ts'
import type { Forward, ForwardRefused, Refusal } from './message.ts'
import { FORWARD_WINDOW, type Proposal } from './proposals.ts'
import type { Replica } from './replica.ts'

/** Entries a leader lets stand uncommitted; beyond it proposals wait, and forwards are left to be sent again. */
export const MAX_UNCOMMITTED_ENTRIES = 8192

/** Gives parked proposals to the leader, oneself or another; with none known they stay parked. */
export function giveProposals(r: Replica): void {
  if (!r.proposals.hasParked) return
  if (r.state === 'leader') {
    // One that its own change leaves out: what it appended now it would not see commit.
    if (isMember(r.config, r.id)) r.proposals.giveParked((proposal) => appendLocally(r, proposal))
  } else if (r.leader !== null) r.proposals.giveParked((proposal) => forward(r, proposal))
}

/**
 * Repeats what the leader of this term was sent and has not committed: a frame may have been lost. While the leader
 * is out of sight the attempt is put off, not given up: the same leader may be heard again.
 */
export function resendForwards(r: Replica): void {
  const unsettled = r.state === 'leader' ? [] : r.proposals.withLeaderOf(r.term)
  r.proposals.resendAtMs = unsettled.length > 0 ? r.at.nowMs + r.timing.electionTimeoutMinMs : Infinity
  if (r.leader === null) return
  for (const proposal of unsettled) sendForward(r, r.leader, proposal)
}

/** A member's proposal arrived. It is appended once, however often it comes, or left for the member to repeat. */
export function onForward(r: Replica, from: NodeId, message: Forward): void {
  const { term, incarnation, serial, lowest, dedupKey, command } = message
  if (r.state !== 'leader' || term !== r.term) {
    r.drop('forward-not-leader', from)
    return
  }
  const known = r.forwards.look(from, incarnation, serial, lowest)
  if (known === 'old' || known === 'appended') return
  if (known === 'full' || (known === 'new' && (mustWait(r) || r.shares.isFull(from)))) {
    r.drop('forward-overload', from)
    return
  }
  const refusal = known === 'new' ? objection(r, from, message) : known
  r.forwards.record(from, incarnation, serial, refusal)
  if (refusal === null) r.appendCommand(command, dedupKey, from)
  else r.outbox.send(from, { kind: 'forward-refused', term, incarnation, serial, ...refusal })
}

/** Why the leader will never append that, or `null`. What has been done before is appended: its proposer reads there what became of it. */
function objection(r: Replica, from: NodeId, { dedupKey, command }: Forward): Refusal | null {
  const maxBytes = maxCommandBytes(r.at.frameBytes, dedupKey, from)
  if (command.length > maxBytes) return { reason: 'too-large', maxBytes: Math.max(0, maxBytes) }
  const fate = dedupKey === null ? 'new' : r.sessions.look(dedupKey, from)
  return fate === 'foreign' || fate === 'crowded' ? { reason: fate, maxBytes: 0 } : null
}

/** Only the leader it was sent to, in the term it was sent in, can refuse a forward. */
export function onForwardRefused(r: Replica, from: NodeId, message: ForwardRefused): void {
  const { term, incarnation, serial } = message
  const ours = incarnation === r.proposals.incarnation && r.pin?.term === term && r.pin.id === from
  const proposal = ours ? r.proposals.withLeaderOf(term).find((each) => each.serial === serial) : undefined
  if (proposal === undefined) {
    r.drop('refusal-not-asked', from)
    return
  }
  refuse(r, proposal, message)
}

function appendLocally(r: Replica, proposal: Proposal): boolean {
  if (mustWait(r) || isFarAhead(r, proposal) || r.shares.isFull(r.id)) return false
  const { command, dedupKey } = proposal
  proposal.sentTerm = r.term
  if (fits(r, proposal)) r.appendCommand(command, dedupKey, r.id)
  return true
}

function forward(r: Replica, proposal: Proposal): boolean {
  if (r.leader === null || isFarAhead(r, proposal)) return false
  proposal.sentTerm = r.term
  if (fits(r, proposal)) sendForward(r, r.leader, proposal)
  return true
}

function sendForward(r: Replica, leader: NodeId, proposal: Proposal): void {
  const { serial, dedupKey, command } = proposal
  const { incarnation, lowestSerial: lowest } = r.proposals
  r.outbox.send(leader, { kind: 'forward', term: r.term, incarnation, serial, lowest, dedupKey, command })
  if (r.proposals.resendAtMs === Infinity) r.proposals.resendAtMs = r.at.nowMs + r.timing.electionTimeoutMinMs
}

/** Frames may have become smaller while the proposal waited. One that no frame can carry is refused. */
function fits(r: Replica, proposal: Proposal): boolean {
  const maxBytes = maxCommandBytes(r.at.frameBytes, proposal.dedupKey, r.id)
  if (proposal.command.length <= maxBytes) return true
  refuse(r, proposal, { reason: 'too-large', maxBytes: Math.max(0, maxBytes) })
  return false
}

function refuse(r: Replica, { dedupKey, command, tokens }: Proposal, { reason, maxBytes }: Refusal): void {
  r.proposals.take(dedupKey)
  const error = reason === 'too-large' ? new PayloadTooLargeError(command.length, maxBytes) : errorOf(reason, dedupKey)
  for (const token of tokens) r.outcomes.push({ kind: 'failed', token, error })
}

/** Too much is under way, or leadership is: a target that is to hold the whole log needs one that does not grow. */
function mustWait(r: Replica): boolean {
  return r.transfer !== null || r.log.lastIndex - r.commit >= MAX_UNCOMMITTED_ENTRIES || isLogFull(r)
}

/** One that no later ones may overtake so far that it would be forgotten whether it took effect. */
function isFarAhead(r: Replica, { serial }: Proposal): boolean {
  return serial - r.proposals.lowestSerial >= FORWARD_WINDOW
}
