import type { ClusterConfig, MembershipChange, MembershipRecord, NodeId } from '../contract.ts'

/** Most members of a configuration, and so of each set in it. */
export const MAX_MEMBERS = 1024

/**
 * Who votes and who only listens, as of one log entry. A configuration is *joint* while a change of
 * voters is under way (Raft paper, section 6): then every decision needs a majority of the incoming
 * `voters` and one of the outgoing `old`.
 */
export interface Configuration {
  /** Index of the entry that holds it; 0 for the one a node was started with. */
  readonly index: number
  readonly voters: ReadonlySet<NodeId>
  readonly learners: ReadonlySet<NodeId>
  readonly old: ReadonlySet<NodeId> | null
}

export function configurationOf(index: number, record: MembershipRecord): Configuration {
  return {
    index,
    voters: new Set(record.voters),
    learners: new Set(record.learners),
    old: record.old === null ? null : new Set(record.old),
  }
}

export function recordOf(config: Pick<Configuration, 'voters' | 'learners' | 'old'>): MembershipRecord {
  return {
    voters: [...config.voters],
    learners: [...config.learners],
    old: config.old === null ? null : [...config.old],
  }
}

/** Why no log can hold this configuration; `null` where one can. A voter on its way to be a learner is both for a while. */
export function flawOf({ voters, learners, old }: MembershipRecord): string | null {
  if (voters.length === 0 || old?.length === 0) return 'a configuration without voters'
  if ([voters, learners, old ?? []].some((ids) => new Set(ids).size < ids.length)) return 'a member named twice'
  const voting = new Set(voters)
  return learners.some((id) => voting.has(id)) ? 'a member that votes and only listens' : null
}

export function publishedConfig({ index, voters, learners }: Configuration): ClusterConfig {
  return { voters, learners, index }
}

export function isVoter(config: Configuration, id: NodeId): boolean {
  return config.voters.has(id) || config.old?.has(id) === true
}

export function isMember(config: Configuration, id: NodeId): boolean {
  return isVoter(config, id) || config.learners.has(id)
}

/** Voters of either set of a joint configuration, each once. */
export function votersOf(config: Configuration): Set<NodeId> {
  return new Set([...config.voters, ...(config.old ?? [])])
}

export function membersOf(config: Configuration): Set<NodeId> {
  return new Set([...votersOf(config), ...config.learners])
}

/** Whether those for whom `counts` holds are a majority of every voter set in force. No voters, no majority. */
export function hasQuorum(config: Configuration, counts: (id: NodeId) => boolean): boolean {
  return hasMajority(config.voters, counts) && (config.old === null || hasMajority(config.old, counts))
}

/** The highest index that a majority of every voter set in force holds, given what each voter holds. */
export function quorumIndex(config: Configuration, matchOf: (id: NodeId) => number): number {
  const incoming = majorityIndex(config.voters, matchOf)
  return config.old === null ? incoming : Math.min(incoming, majorityIndex(config.old, matchOf))
}

/**
 * The configuration that `change` makes of `config`. Repeating what already holds (adding a member,
 * promoting a voter, removing a stranger) changes nothing. Throws `RangeError` for what cannot be meant:
 * one node under two headings, promoting or demoting a stranger, leaving no voter, more than {@link MAX_MEMBERS}.
 */
export function changed(config: ClusterConfig, change: MembershipChange): ClusterConfig {
  const add = new Set(change.addLearners)
  const promote = new Set(change.promote)
  const demote = new Set(change.demote)
  const remove = new Set(change.remove)
  for (const id of [...add, ...promote, ...demote, ...remove]) {
    const headings = [add.has(id) || promote.has(id), demote.has(id), remove.has(id)].filter(Boolean).length
    if (headings > 1) throw new RangeError(`${id} stands under two headings of one change`)
  }
  const voters = new Set(config.voters)
  const learners = new Set(config.learners)
  for (const id of add) if (!voters.has(id)) learners.add(id)
  for (const id of promote) {
    if (voters.has(id)) continue
    if (!learners.delete(id)) throw new RangeError(`${id} is no learner and cannot be promoted: add it first`)
    voters.add(id)
  }
  for (const id of demote) {
    if (learners.has(id)) continue
    if (!voters.delete(id)) throw new RangeError(`${id} is no voter and cannot be demoted`)
    learners.add(id)
  }
  for (const id of remove) {
    voters.delete(id)
    learners.delete(id)
  }
  if (voters.size === 0) throw new RangeError('the change would leave no voter: nothing could ever commit again')
  checkMemberCount(voters.size + learners.size)
  return { voters, learners }
}

/** Throws `RangeError` for more members than frames can tell of. */
export function checkMemberCount(count: number): void {
  if (count > MAX_MEMBERS) throw new RangeError(`a cluster of ${count} members: it may have ${MAX_MEMBERS}`)
}

export function sameSet(a: ReadonlySet<NodeId>, b: ReadonlySet<NodeId>): boolean {
  return a.size === b.size && [...a].every((id) => b.has(id))
}

function hasMajority(voters: ReadonlySet<NodeId>, counts: (id: NodeId) => boolean): boolean {
  let agreeing = 0
  for (const id of voters) if (counts(id)) agreeing++
  return agreeing * 2 > voters.size
}

function majorityIndex(voters: ReadonlySet<NodeId>, matchOf: (id: NodeId) => number): number {
  if (voters.size === 0) return 0
  const matches: number[] = []
  // Highest first; voters are few.
  for (const id of voters) {
    const match = matchOf(id)
    let at = matches.length
    for (; at > 0 && (matches[at - 1] as number) < match; at--) matches[at] = matches[at - 1] as number
    matches[at] = match
  }
  return matches[Math.floor(voters.size / 2)] as number
}
