import type { NodeId } from '../contract.ts'
import { answerRemoved } from './answers.ts'
import { type Configuration, configurationOf, isMember, isVoter, recordOf, votersOf } from './configuration.ts'
import type { Voters } from './message.ts'
import type { Replica } from './replica.ts'

/** Frames of leaders refused one after the other, after which a node calls itself deaf: seconds of heartbeats. */
const DEAF_AFTER_FRAMES = 64

/**
 * Whom a node listens to as leader or candidate: the voters it knows. Its own log tells it who they are, but
 * it may have been away while the membership changed, and the leader that could tell it is the very one it may not
 * listen to. Then it asks the voters it does know, and believes one of them about the others: any of them could
 * have led it itself, so nobody gains a power by it.
 */
export function mayLead(r: Replica, from: NodeId): boolean {
  return knownConfigs(r).some((config) => isVoter(config, from))
}

/** A frame that only a voter may send came from a stranger: perhaps the world has moved on. */
export function askWhoVotes(r: Replica, theirTerm: number): void {
  if (theirTerm < r.term || r.at.nowMs < r.mayAskAtMs) return
  r.mayAskAtMs = r.at.nowMs + r.timing.electionTimeoutMinMs
  const known = new Set(knownConfigs(r).flatMap((config) => [...votersOf(config)]))
  known.delete(r.id)
  for (const id of known) r.outbox.send(id, { kind: 'who-votes', term: r.term })
}

/** Who asks, or who still takes itself for a voter, is told. */
export function tellWhoVotes(r: Replica, from: NodeId): void {
  const newest = knownConfigs(r).at(-1) as Configuration
  if (newest.voters.size === 0) return
  r.outbox.send(from, { kind: 'voters', term: r.term, index: newest.index, config: recordOf(newest) })
}

export function onVoters(r: Replica, from: NodeId, { index, config }: Voters): void {
  if (index > Math.max(r.config.index, r.vouched?.index ?? 0)) r.vouched = configurationOf(index, config)
  // Who has a leader will read it in the log.
  if (r.leader !== null || r.isRemoved || !isMember(r.config, r.id)) return
  const newest = knownConfigs(r).at(-1) as Configuration
  if (!isMember(newest, r.id)) answerRemoved(r, newest.index, from)
}

/** Says once that the node hears leaders and may follow none of them: it cannot help itself, but somebody may. */
export function noticeDeafness(r: Replica, from: NodeId, term: number, gate: string): void {
  if (term < r.term) return
  r.unheard++
  if (r.unheard === DEAF_AFTER_FRAMES) r.note?.({ kind: 'deaf', from, term, gate })
}

/** The configuration in force, and the one a voter told of, as long as that is the newer one. */
function knownConfigs(r: Replica): Configuration[] {
  return r.vouched !== null && r.vouched.index > r.config.index ? [r.config, r.vouched] : [r.config]
}
