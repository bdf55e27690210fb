import type { NodeId } from '../contract.ts'
import { type Configuration, configurationOf, isVoter, recordOf, votersOf } from './configuration.ts'
import type { Voters } from './message.ts'
import type { Replica } from './replica.ts'

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

export function onWhoVotes(r: Replica, from: NodeId): void {
  const newest = knownConfigs(r).at(-1) as Configuration
  if (newest.voters.size === 0) return
  r.outbox.send(from, { kind: 'voters', term: r.term, index: newest.index, config: recordOf(newest) })
}

export function onVoters(r: Replica, { index, config }: Voters): void {
  if (index > Math.max(r.config.index, r.vouched?.index ?? 0)) r.vouched = configurationOf(index, config)
}

/** The configuration in force, and the one a voter told of, as long as that is the newer one. */
function knownConfigs(r: Replica): Configuration[] {
  return r.vouched !== null && r.vouched.index > r.config.index ? [r.config, r.vouched] : [r.config]
}
