import type { Rule } from './invariants.ts'

/** The engine with one guard taken away: a text of one file, and what stands there instead. */
export interface Mutant {
  readonly name: string
  /** A path below `src/raft`. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** The rules of which one has to notice. */
  readonly breaks: readonly Rule[]
  /** The mix under which it shows. */
  readonly mix: string
  /** Whether it takes whole nodes to show. Left out: cores do. */
  readonly nodes?: true
}

/** For every rule of the simulation at least one mutant that breaks it. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'half the votes taken for a majority',
    file: 'core/configuration.ts',
    find: 'return hasMajority(config.voters, counts)',
    replace: 'return [...config.voters].filter(counts).length * 2 >= config.voters.size - 1',
    breaks: ['election safety', 'leader completeness'],
    mix: 'contested',
  },
  {
    name: 'a vote for whoever asks first and second',
    file: 'core/election.ts',
    find: 'else if (r.vote !== null && r.vote !== from)',
    replace: 'else if (r.vote === from && from === r.id)',
    breaks: ['one vote a term', 'promise is on disk', 'election safety'],
    mix: 'contested',
  },
  {
    name: 'a leader that takes back what has not committed',
    file: 'core/replication.ts',
    find: 'export function heartbeat(r: Replica): void {\n',
    replace: `export function heartbeat(r: Replica): void {
  if (r.log.lastIndex > r.commit) r.truncateFrom(r.log.lastIndex)
`,
    breaks: ['leader append-only'],
    mix: 'contested',
  },
  {
    name: 'entries taken whatever they follow',
    file: 'core/follower.ts',
    find: 'if (prevIndex >= r.log.floorIndex && r.log.termAt(prevIndex) !== prevTerm) {',
    replace: 'if (prevIndex > r.log.lastIndex) {',
    breaks: ['log matching', 'leader completeness', 'state-machine safety', 'promise is on disk'],
    mix: 'small frames',
  },
  {
    name: 'a commit index taken over entries that nobody has compared',
    file: 'core/follower.ts',
    find: 'commitThrough(r, Math.min(message.commit, r.verified))',
    replace: 'commitThrough(r, Math.min(message.commit, r.log.lastIndex))',
    breaks: ['committed is final', 'state-machine safety'],
    mix: 'small frames',
  },
  {
    name: 'a vote for a candidate whose log is behind',
    file: 'core/log.ts',
    find: 'return position.index >= this.lastIndex',
    replace: 'return true',
    breaks: ['leader completeness', 'state-machine safety', 'committed is final'],
    mix: 'small frames',
  },
  {
    name: 'a change of voters that asks only the incoming ones',
    file: 'core/configuration.ts',
    find: 'return config.old === null ? incoming : Math.min(incoming, majorityIndex(config.old, matchOf))',
    replace: 'return incoming',
    breaks: ['durable on a majority', 'leader completeness', 'state-machine safety', 'committed is final'],
    mix: 'hurried',
  },
  {
    name: 'a leader that counts itself before its disk has written',
    file: 'core/replication.ts',
    find: 'id === r.id ? r.selfMatch',
    replace: 'id === r.id ? r.log.lastIndex',
    breaks: ['durable on a majority', 'leader completeness'],
    mix: 'slow disks',
  },
  {
    name: 'promises that leave before the disk has written',
    file: 'core/outbox.ts',
    find: 'if (write <= this.#durable) this.#messages.push',
    replace: 'if (write > 0) this.#messages.push',
    breaks: ['promise is on disk'],
    mix: 'slow disks',
  },
  {
    name: 'a stale candidate that takes voters back to its term',
    file: 'core/election.ts',
    find: "  if (term < r.term) objections.push('old term')\n  else if (r.vote !== null && r.vote !== from)",
    replace: '  if (term < r.term) r.vote = null\n  if (r.vote !== null && r.vote !== from)',
    breaks: ['never backwards'],
    mix: 'hurried',
  },
  {
    name: 'a snapshot of what has not committed',
    file: 'core/compaction.ts',
    find: 'index > floorIndex && index <= r.commit',
    replace: 'index > floorIndex',
    breaks: ['order of indices', 'committed is final'],
    mix: 'contested',
  },
  {
    name: 'an installed snapshot that nobody is told of',
    file: 'core/snapshot-receive.ts',
    find: '  r.installed = snapshot\n',
    replace: '',
    breaks: ['order of indices', 'never backwards'],
    mix: 'hurried',
  },
  {
    name: 'a request that takes effect as often as it is proposed',
    file: 'core/apply.ts',
    find: 'return sessions.apply(entry, entry.dedupKey)',
    replace: `sessions.apply(entry, entry.dedupKey)
  return 'new'`,
    breaks: ['exactly once'],
    mix: 'contested',
  },
  {
    name: 'sessions that are left out of snapshots',
    file: 'core/compaction.ts',
    find: 'sessions: sessionsAt(r, index).toBytes()',
    replace: 'sessions: new Uint8Array(0)',
    breaks: ['exactly once', 'state-machine safety'],
    mix: 'hurried',
  },
  {
    name: 'a snapshot with the configuration of now',
    file: 'core/compaction.ts',
    find: 'const config = r.configBefore(index + 1)',
    replace: 'const config = r.config',
    breaks: ['loads what it stored', 'state-machine safety', 'committed is final'],
    mix: 'hurried',
  },
  {
    name: 'an answer before the entry has committed',
    file: 'core/forwarding.ts',
    find: 'if (fits(r, proposal)) r.appendCommand(command, dedupKey, r.id)\n',
    replace: `if (fits(r, proposal)) {
    r.appendCommand(command, dedupKey, r.id)
    const entry = r.log.entryAt(r.log.lastIndex) as never
    for (const token of proposal.tokens) r.outcomes.push({ kind: 'proposed', token, entry })
  }
`,
    breaks: ['acknowledged is committed'],
    mix: 'contested',
  },
  {
    name: 'a read that asks nobody whether it still leads',
    file: 'core/read-index.ts',
    find: 'id === r.id || (r.progress.get(id)?.round ?? 0) >= round',
    replace: 'id === r.id || round > 0',
    breaks: ['linearizable'],
    mix: 'contested',
  },
  {
    name: 'a read before an entry of the term has committed',
    file: 'core/read-index.ts',
    find: 'if (r.log.termAt(r.commit) === r.term) r.reads.open',
    replace: 'if (r.term > 0) r.reads.open',
    breaks: ['linearizable'],
    mix: 'contested',
  },
  {
    name: 'a refusal that does not send the leader back',
    file: 'core/progress.ts',
    find: 'Math.min(next, prevIndex)',
    replace: 'this.next',
    breaks: ['progress'],
    mix: 'contested',
  },
  {
    name: 'a write that counts as durable once it has begun',
    file: 'driven-raft-node.ts',
    find: 'const write = async (): Promise<void> => storage.write(batch)',
    replace: 'const write = async (): Promise<void> => void storage.write(batch).catch(() => {})',
    breaks: ['state-machine safety', 'linearizable', 'election safety'],
    mix: 'hurried',
    nodes: true,
  },
  {
    name: 'a node that starts without its newest entry',
    file: 'starting-state.ts',
    find: 'leader, commit, entries, floor: snapshot }',
    replace: 'leader, commit: 0, entries: entries.slice(0, -1), floor: snapshot }',
    breaks: ['progress', 'state-machine safety', 'linearizable'],
    mix: 'hurried',
    nodes: true,
  },
  {
    name: 'a timer that is never armed again',
    file: 'alarm.ts',
    find: `        this.#timer = null
        this.#ring(dueMs)`,
    replace: '        this.#ring(dueMs)',
    breaks: ['progress'],
    mix: 'hurried',
    nodes: true,
  },
  {
    name: 'ids that are never said in full',
    file: 'raft-links.ts',
    find: 'return this.#known.has(token)',
    replace: 'return token >= 0',
    breaks: ['progress'],
    mix: 'hurried',
    nodes: true,
  },
  {
    name: 'a repeated command that the program is told again',
    file: 'committed-cursors.ts',
    find: "entry.kind !== 'command' || this.#core.isSilent(entry.index)",
    replace: "entry.kind !== 'command'",
    breaks: ['linearizable'],
    mix: 'hurried',
    nodes: true,
  },
  {
    name: 'a reader that misses what a snapshot took the place of',
    file: 'committed-cursors.ts',
    find: 'const snapshot = next <= this.#log.floorIndex ? this.#core.snapshot : null',
    replace: `if (next <= this.#log.floorIndex) next = this.#log.floorIndex + 1
          const snapshot = next < 0 ? this.#core.snapshot : null`,
    breaks: ['state-machine safety', 'linearizable'],
    mix: 'hurried',
    nodes: true,
  },
]
