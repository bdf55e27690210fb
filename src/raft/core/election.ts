import type { NodeId } from '../contract.ts'
import type { VoteObjection } from '../trace-event.ts'
import { askWhoVotes } from './acquaintance.ts'
import { hasQuorum, isMember, isVoter, recordOf, votersOf } from './configuration.ts'
import type { PreVote, PreVoteReply, Vote, VoteReply } from './message.ts'
import { MAX_PROBES, measureProbe } from './pace.ts'
import { failTransfer, retire } from './pending-transfer.ts'
import type { Replica } from './replica.ts'
import { heartbeat } from './replication.ts'
import { isStalled } from './stall.ts'
import { becomeFollower } from './transitions.ts'

/** A leader stands again for the sake of a learner no more often than that, milliseconds: a hostile one gains nothing. */
export const STAND_AGAIN_INTERVAL_MS = 60_000

/**
 * Nothing was heard of a leader for an election timeout. A voter asks around whether it could win
 * before it spends a term on it, so that one who is cut off, or alone in missing the leader, disturbs nobody.
 */
export function onElectionTimeout(r: Replica): void {
  becomeFollower(r, r.term, null, 'no leader')
  r.resetElectionTimer()
  if (!mayCampaign(r)) {
    // Who asks for no votes hears nothing of its removal either.
    if (isMember(r.config, r.id)) askWhoVotes(r, r.term)
    else r.electionAtMs = Infinity
    return
  }
  if (isStalled(r)) return
  if (r.term >= Number.MAX_SAFE_INTEGER) {
    r.note?.({ kind: 'term-exhausted', term: r.term })
    return
  }
  if (hasQuorum(r.config, (id) => id === r.id)) {
    campaign(r)
    return
  }
  if (r.isPaused && r.patience-- > 0) return
  const nonce = Math.floor(r.random() * 2 ** 32)
  r.preVote = { nonce, granted: new Set([r.id]) }
  r.probes = [{ nonce, sentAtMs: r.at.nowMs }, ...r.probes].slice(0, MAX_PROBES)
  r.note?.({ kind: 'pre-vote', term: r.term + 1 })
  const { lastIndex, lastTerm } = r.log
  for (const id of votersOf(r.config)) {
    if (id !== r.id) r.outbox.send(id, { kind: 'pre-vote', term: r.term + 1, lastIndex, lastTerm, nonce })
  }
}

/**
 * Voters may, and so may one that its newest configuration leaves out, as long as that has not committed: it may be
 * the only one that holds the entry, and the rest cannot win against its log (Raft thesis, section 4.2.2).
 */
export function mayCampaign(r: Replica): boolean {
  if (isVoter(r.config, r.id)) return true
  return r.config.index > r.commit && isVoter(r.configBefore(r.config.index), r.id)
}

/** Answers as it would vote, and changes nothing. */
export function onPreVote(r: Replica, from: NodeId, { term, lastIndex, lastTerm, nonce }: PreVote): void {
  const objections: VoteObjection[] = []
  if (term <= r.term) objections.push('old term')
  if (leaderLives(r)) objections.push('leader lives')
  if (!r.log.isCoveredBy({ index: lastIndex, term: lastTerm })) {
    objections.push('log behind')
    if (!leaderLives(r)) r.patience = 0
  }
  const granted = objections.length === 0
  if (!granted) r.note?.({ kind: 'pre-vote-denied', from, term, objections })
  r.outbox.send(from, { kind: 'pre-vote-reply', term: r.term, nonce, granted })
}

export function onPreVoteReply(r: Replica, from: NodeId, { nonce, granted }: PreVoteReply): void {
  measureProbe(r, nonce)
  if (r.preVote === null || r.preVote.nonce !== nonce || !granted) return
  r.preVote.granted.add(from)
  const { granted: grants } = r.preVote
  if (hasQuorum(r.config, (id) => grants.has(id))) campaign(r)
}

/** RequestVote (Raft paper, figure 2). While a leader is known to live, a candidate is not even listened to. */
export function onVote(r: Replica, from: NodeId, { term, lastIndex, lastTerm }: Vote): void {
  if (leaderLives(r) && term > r.term && !isHeir(r, from)) {
    deny(r, from, term, ['leader lives'])
    return
  }
  if (term > r.term) becomeFollower(r, term, null, 'higher term')
  const objections: VoteObjection[] = []
  if (term < r.term) objections.push('old term')
  else if (r.vote !== null && r.vote !== from) objections.push('voted for another')
  if (!r.log.isCoveredBy({ index: lastIndex, term: lastTerm })) objections.push('log behind')
  if (objections.length > 0) {
    deny(r, from, term, objections)
    return
  }
  r.note?.({ kind: 'vote-granted', from, term })
  if (r.vote === null) r.setTerm(term, from)
  if (r.electionAtMs !== Infinity) r.resetElectionTimer()
  r.outbox.sendWhenDurable(from, { kind: 'vote-reply', term: r.term, granted: true })
}

function deny(r: Replica, from: NodeId, term: number, objections: readonly VoteObjection[]): void {
  r.note?.({ kind: 'vote-denied', from, term, objections })
  r.outbox.send(from, { kind: 'vote-reply', term: r.term, granted: false })
}

export function onVoteReply(r: Replica, from: NodeId, { term, granted }: VoteReply): void {
  if (r.campaign === null || term !== r.term || !granted) return
  r.campaign.granted.add(from)
  leadIfElected(r)
}

/** A write became durable: the own vote may have been in it. */
export function countOwnVote(r: Replica): void {
  if (r.campaign === null || r.outbox.durableWrite < r.campaign.write) return
  r.campaign.granted.add(r.id)
  leadIfElected(r)
}

/** Spends a term. Whoever calls knows that a majority would vote for it, or has the leader's word. */
export function campaign(r: Replica): void {
  r.setTerm(r.term + 1, r.id)
  r.state = 'candidate'
  // Who is told to campaign by its leader still knew one. That one leads no more: nothing is to be given to it.
  r.leader = null
  r.leaseUntilMs = -Infinity
  r.preVote = null
  r.campaign = { write: r.outbox.pendingWrite, granted: new Set() }
  r.note?.({ kind: 'candidate', term: r.term })
  r.elections.begun++
  r.resetElectionTimer()
  const { lastIndex, lastTerm } = r.log
  for (const id of votersOf(r.config)) {
    if (id !== r.id) r.outbox.sendWhenDurable(id, { kind: 'vote', term: r.term, lastIndex, lastTerm })
  }
}

/**
 * A learner is in a later term than its leader: when it was a voter, it stood or voted in an election that its leader
 * did not hear of. It cannot follow any more, and the word of one who has no vote moves no term; so the leader stands
 * again, above that term, when it has not done so lately. Its voters know it and elect it at once.
 */
export function standAgain(r: Replica, above: number): void {
  if (r.state !== 'leader' || r.at.nowMs < r.mayStandAgainAtMs || r.isPaused) return
  if (r.pendingChange !== null || r.transfer !== null || !mayCampaign(r)) return
  r.mayStandAgainAtMs = r.at.nowMs + STAND_AGAIN_INTERVAL_MS
  becomeFollower(r, above, null, 'learner ahead')
  campaign(r)
}

function leadIfElected(r: Replica): void {
  const granted = r.campaign?.granted
  if (granted === undefined || !hasQuorum(r.config, (id) => granted.has(id))) return
  r.note?.({ kind: 'leader', term: r.term })
  r.elections.won++
  r.state = 'leader'
  r.campaign = null
  r.leader = r.id
  failTransfer(r, 'this node was elected again')
  if (r.isPaused) retire(r)
  r.setPin(r.id)
  r.electionAtMs = Infinity
  r.forwards.clear()
  r.progress.clear()
  r.incoming = null
  // All that was in the log when the campaign began became durable before the own vote did.
  r.selfMatch = r.log.lastIndex
  r.verified = r.log.lastIndex
  r.shares.reset(r.log.slice(r.commit + 1, r.log.lastIndex))
  r.syncProgress()
  for (const progress of r.progress.values()) progress.next = r.log.lastIndex + 1
  openTerm(r)
  heartbeat(r)
}

/**
 * A leader's first entry is of its own term, so that what it inherited can commit. The first of a whole
 * log says who is in the cluster: whoever has any entry knows its members.
 */
function openTerm(r: Replica): void {
  if (r.config.index === 0) r.appendOwn({ kind: 'config', config: recordOf(r.config) })
  else r.appendOwn({ kind: 'noop' })
}

/** Whether the living leader itself, this node or another, has named `id` as the one to come after it. */
function isHeir(r: Replica, id: NodeId): boolean {
  if (r.state === 'leader') return r.transfer?.isTold === true && r.transfer.target === id
  if (r.pin?.term === r.term && r.pin.id === id) return true
  return r.heir?.id === id && r.heir.term === r.term && r.at.nowMs < r.heir.untilMs
}

function leaderLives(r: Replica): boolean {
  return r.state === 'leader' ? r.probation === null : r.at.nowMs < r.leaseUntilMs
}
