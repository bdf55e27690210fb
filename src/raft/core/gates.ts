import type { NodeId } from '../contract.ts'
import { askWhoVotes, mayLead, noticeDeafness, tellWhoVotes } from './acquaintance.ts'
import { isMember, isVoter } from './configuration.ts'
import { standAgain } from './election.ts'
import type { RaftMessage } from './message.ts'
import type { Replica } from './replica.ts'
import { becomeFollower } from './transitions.ts'

/** How far above a node's own term a frame's may lie. Beyond it the frame is a forgery or a fault, and dropped. */
export const MAX_TERM_JUMP = 1_000_000

/** Names the gate that refuses a frame, or `null`: may this sender say this kind of thing at all? */
export function refusingGate(r: Replica, from: NodeId, message: RaftMessage): string | null {
  if (from === r.id) return 'from-self'
  if (message.term - r.term > MAX_TERM_JUMP) return 'term-jump'
  switch (message.kind) {
    case 'append':
    case 'commit':
    case 'snapshot':
      // A joiner that knows of no voter yet follows its first leader; a leader on its way out leads to the end of its term.
      if (r.config.voters.size === 0 || (r.pin?.id === from && r.pin.term === message.term)) return null
      return mayLead(r, from) ? null : 'leader-not-voter'
    case 'pre-vote':
    case 'vote':
      return mayLead(r, from) ? null : 'candidate-not-voter'
    case 'append-reply':
    case 'snapshot-reply':
      // One who is leaving is still served, but its term moves nobody.
      if (r.progress.has(from) && message.term <= r.term) return null
      return isMember(r.config, from) ? null : 'reply-not-member'
    case 'pre-vote-reply':
    case 'vote-reply':
      return isVoter(r.config, from) ? null : 'reply-not-voter'
    case 'forward':
      return isMember(r.config, from) ? null : 'forward-not-member'
    case 'read':
      return isMember(r.config, from) ? null : 'read-not-member'
    case 'read-reply':
      return isPinned(r, from, message.term) ? null : 'read-reply-not-leader'
    case 'timeout-now':
      // Whoever leads already, or stands for election, takes no orders; a leader of another term gives none.
      return isPinned(r, from, message.term) && r.state === 'follower' ? null : 'transfer-not-leader'
    case 'transfer-refused':
      return isVoter(r.config, from) ? null : 'refusal-not-voter'
    case 'who-votes':
      // The one who asks is a stranger, as a rule: what it gets is no secret, and it costs one frame.
      return null
    case 'voters':
      return mayLead(r, from) ? null : 'word-not-of-voter'
    case 'forward-refused':
      return from === r.pin?.id ? null : 'refusal-not-leader'
  }
}

/** Whether `from` is the one leader of the current term, which `term` is. */
function isPinned(r: Replica, from: NodeId, term: number): boolean {
  return term === r.term && r.pin?.term === term && r.pin.id === from
}

/** A refused frame changes nothing that was agreed or promised; but it may tell that the world has moved on. */
export function onRefused(r: Replica, from: NodeId, message: RaftMessage, gate: string): void {
  if (gate === 'leader-not-voter' || gate === 'candidate-not-voter') askWhoVotes(r, message.term)
  if (gate === 'candidate-not-voter' && !isMember(r.config, from)) tellWhoVotes(r, from)
  if (message.kind !== 'append' && message.kind !== 'commit' && message.kind !== 'snapshot') return
  noticeDeafness(r, from, message.term, gate)
  // A node that was away for a very long time gets there in steps.
  if (gate === 'term-jump' && mayLead(r, from)) becomeFollower(r, r.term + MAX_TERM_JUMP, null, 'higher term')
}

/** An answer came from a later term. Only voters move a leader's term; for a learner's sake it may stand again. */
export function onLaterTerm(r: Replica, from: NodeId, term: number): void {
  if (isVoter(r.config, from)) becomeFollower(r, term, null, 'higher term')
  else standAgain(r, term)
}
