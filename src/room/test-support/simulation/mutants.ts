import type { Rule } from './rules.ts'

/** The room with one guard taken away: a text of one file, and what stands there instead. */
export interface Mutant {
  readonly name: string
  /** A path below `src/room`. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** The rules of which one has to notice. */
  readonly breaks: readonly Rule[]
  /** The mix under which it shows. */
  readonly mix: string
}

/** One for each guard that no other guard stands behind. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a stolen token is as good as its owner',
    file: 'resume-credential.ts',
    find: "if (!(await verify(credential.ownerKey, proof, hello.proof))) return 'invalid'",
    replace: 'void proof',
    breaks: ['own seat'],
    mix: 'a thief',
  },
  {
    name: 'a token may be signed by its bearer, to any key',
    file: 'resume-credential.ts',
    find: `  if (!state.issuers.some(({ key }) => equalBytes(key, credential.issuerKey))) return 'invalid'
  const record = state.members.find(
    ({ id, was }) => id === token.peerId || (id === exchange.from && was === token.peerId),
  )
  if (record !== undefined && !equalBytes(record.key, credential.ownerKey)) return 'invalid'
`,
    replace: '',
    breaks: ['own seat'],
    mix: 'a thief',
  },
  {
    name: 'only tokens of the newest host count',
    file: 'resume-credential.ts',
    find: 'if (!state.issuers.some(({ key }) => equalBytes(key, credential.issuerKey)))',
    replace: 'if (!state.issuers.slice(-1).some(({ key }) => equalBytes(key, credential.issuerKey)))',
    breaks: ['token stands'],
    mix: 'hosts do not last',
  },
  {
    name: 'whoever says so is the host',
    file: 'core/following.ts',
    find: 'if (state.roomId !== m.room.roomId || !this.#isCredible(from, state)) return',
    replace: 'if (state.roomId !== m.room.roomId) return',
    breaks: ['no way back', 'own seat', 'one word'],
    mix: 'hosts do not last',
  },
  {
    name: 'strangers speak as members',
    file: 'core/room-core.ts',
    find: '} else if (!m.isMember(from)) this.#tellEvicted(from, message)',
    replace: "} else if (message.kind === 'roster' && !m.hosts) m.state = message.state",
    breaks: ['own seat', 'no way back'],
    mix: 'a thief',
  },
  {
    name: 'a recovery leaves its window open',
    file: 'core/hosting.ts',
    find: 'if (memberOf(this.#m.room, from)?.away != null) this',
    replace: 'if (memberOf(this.#m.room, from) === undefined) this',
    breaks: ['reachable stays'],
    mix: 'links come and go',
  },
  {
    name: 'a window of no time',
    file: 'core/hosting.ts',
    find: 'm.nowMs >= away.untilMs',
    replace: 'm.nowMs >= away.sinceMs',
    breaks: ['held for a window'],
    mix: 'links come and go',
  },
  {
    name: 'a host is succeeded as soon as it is missed',
    file: 'core/following.ts',
    find: 'if (m.nowMs >= untilMs +',
    replace: 'if (m.nowMs >= untilMs - m.timing.windowMs +',
    breaks: ['held for a window'],
    mix: 'hosts do not last',
  },
  {
    name: 'a clock that jumps is believed',
    file: 'core/own-fabric.ts',
    find: 'const slept = this.#isAsleep || sinceMs > 2 * m.timing.intervalMs',
    replace: 'const slept = this.#isAsleep',
    breaks: ['reachable stays', 'held for a window'],
    mix: 'clocks and sleep',
  },
  {
    name: 'a new host begins every window anew, and shorter',
    file: 'core/following.ts',
    find: 'away: member.away ?? m.window',
    replace: "away: { ...m.window('host-changed'), untilMs: m.nowMs + 1 } }\n      return { ...member, away: m.window",
    breaks: ['handed on'],
    mix: 'splits',
  },
  {
    name: 'a new host forgets the rules',
    file: 'core/following.ts',
    find: 'host: m.selfId, members })',
    replace: 'host: m.selfId, members, policy: { ...state.policy, deny: new Set() } })',
    breaks: ['handed on'],
    mix: 'hosts do not last',
  },
  {
    name: 'a new host forgets who was away',
    file: 'core/following.ts',
    find: 'host: m.selfId, members })',
    replace: 'host: m.selfId, members: members.filter(({ away }) => away === null) })',
    breaks: ['handed on'],
    mix: 'splits',
  },
  {
    name: 'a leaving host hands on with its own epoch',
    file: 'core/hosting.ts',
    find: '{ epoch: m.room.epoch + 1, host: heir.id }',
    replace: '{ host: heir.id }',
    breaks: ['handed on'],
    mix: 'hosts do not last',
  },
  {
    name: 'a state changes and keeps its version',
    file: 'core/room-state.ts',
    find: 'return { ...state, ...change, version: state.version + 1 }',
    replace: 'return { ...state, ...change, version: state.version + (change.policy === undefined ? 1 : 0) }',
    breaks: ['one word'],
    mix: 'links come and go',
  },
  {
    name: 'copies are not compared',
    file: 'core/room-core.ts',
    find: "if (isStale) m.send(from, { kind: 'roster', state: m.room })",
    replace: 'void isStale',
    breaks: ['converges'],
    mix: 'a bad network',
  },
  {
    name: 'two hosts that meet go on as they were',
    file: 'core/two-hosts.ts',
    find: 'if (!m.mayHost(other)) return',
    replace: 'if (m.hosts) return',
    breaks: ['converges'],
    mix: 'splits',
  },
  {
    name: 'who is sent away and finds nobody waits for ever',
    file: 'core/joining.ts',
    find: 'nowMs - this.#sinceMs >= timing.windowMs',
    replace: 'nowMs < this.#sinceMs',
    breaks: ['converges'],
    mix: 'everything',
  },
  {
    name: 'everybody knocks the host down anew',
    file: 'core/following.ts',
    find: 'const untilMs = Math.min(known.untilMs, m.nowMs)',
    replace: 'const untilMs = m.nowMs',
    breaks: ['converges'],
    mix: 'a bad network',
  },
  {
    name: 'one who was evicted gives up',
    file: 'core/room-core.ts',
    find: "if (reason === 'expired') this.#joining.begin",
    replace: "if (reason === 'never') this.#joining.begin",
    breaks: ['nobody lost'],
    mix: 'everything',
  },
]
