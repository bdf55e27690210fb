import type { ClusterConfig, NodeId, RaftWrite, StoredEntry, StoredSnapshot } from '../../contract.ts'
import { type Configuration, configurationOf, hasQuorum } from '../../core/configuration.ts'
import type { Outgoing } from '../../core/message.ts'
import type { RaftCore, Ready } from '../../core/raft-core.ts'
import { ConfigHistory } from './config-history.ts'
import type { DiskImage } from './disk-image.ts'
import { sameEntry, sameRecord } from './same-entry.ts'

/** What has to hold after every step: figure 3 of the Raft paper, and what this engine adds to it. */
export type Rule =
  | 'election safety'
  | 'one vote a term'
  | 'leader append-only'
  | 'log matching'
  | 'leader completeness'
  | 'state-machine safety'
  | 'committed is final'
  | 'durable on a majority'
  | 'promise is on disk'
  | 'never backwards'
  | 'loads what it stored'
  | 'order of indices'
  | 'exactly once'
  | 'acknowledged is committed'
  | 'linearizable'
  | 'progress'

export class InvariantError extends Error {
  override readonly name: string = 'InvariantError'
  readonly rule: Rule

  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`)
    this.rule = rule
  }
}

/** What the invariants remember of one life of one node. */
export interface Watch {
  readonly id: NodeId
  readonly core: RaftCore
  readonly disk: DiskImage
  readonly configs: ConfigHistory
  term: number
  commit: number
  applied: number
  /** The term it was last seen to lead; -1 for none. */
  leads: number
}

/**
 * Watches every step of every node, and remembers what must never be contradicted. A step costs what it changed:
 * whatever was checked once is not looked at again.
 */
export class Invariants {
  /** What has committed, from index 1 on, wherever that was first seen. */
  readonly committed: StoredEntry[] = []
  newestConfig: Configuration | null = null
  /** For each of them, the term of the node that committed it first. */
  readonly #committedIn: number[] = []
  readonly #leaders: Map<number, NodeId> = new Map()
  readonly #votes: Map<NodeId, { term: number; candidate: NodeId }> = new Map()
  readonly #written: Map<number, { readonly entry: StoredEntry; readonly prevTerm: number | null }> = new Map()
  readonly #places: Map<string, number> = new Map()
  readonly #bootstrap: ClusterConfig
  readonly #diskOf: (id: NodeId) => DiskImage | undefined

  constructor(bootstrap: ClusterConfig, diskOf: (id: NodeId) => DiskImage | undefined) {
    this.#bootstrap = bootstrap
    this.#diskOf = diskOf
  }

  /** A node came up from what is on its disk. */
  started(id: NodeId, core: RaftCore, disk: DiskImage): Watch {
    const commit = core.commitIndex
    for (let index = core.log.floorIndex + 1; index <= commit; index++) {
      this.#isCommitted(id, core.log.entryAt(index), index)
    }
    const configs = new ConfigHistory(this.#bootstrap, disk)
    return { id, core, disk, configs, term: core.term, commit, applied: commit, leads: -1 }
  }

  stepped(watch: Watch, ready: Ready): void {
    const { core } = watch
    const before = watch.term
    if (core.term < before) fail('never backwards', `${watch.id}: term went from ${before} to ${core.term}`)
    watch.term = core.term
    // What is proposed meanwhile would be sent to a leader that is none, and stay there.
    if (core.role === 'candidate' && core.leader !== null)
      fail('progress', `${watch.id}: a candidate that knows a leader`)
    const led = watch.leads === core.term && before === core.term
    if (core.role === 'leader') {
      if (watch.leads !== core.term) this.#elected(watch)
    } else watch.leads = -1
    if (ready.write !== null) this.#wrote(watch, led, ready.write.batch)
    for (const outgoing of ready.messages) this.#promised(watch, outgoing)
    if (core.commitIndex !== watch.commit) this.#advanced(watch)
    if (ready.installed !== null) this.#installed(watch, ready.installed)
    for (const entry of ready.committed) this.#applied(watch, entry)
    this.#inOrder(watch)
  }

  /** The proposer of an entry was told that it is at `index`. */
  acknowledged(id: NodeId, entry: Pick<StoredEntry, 'index' | 'term'>): void {
    const known = this.committed[entry.index - 1]
    if (known?.term !== entry.term) {
      fail('acknowledged is committed', `${id} acknowledged entry ${entry.index} of term ${entry.term}`)
    }
  }

  #elected(watch: Watch): void {
    const { id, core } = watch
    watch.leads = core.term
    const known = this.#leaders.get(core.term)
    if (known !== undefined && known !== id) fail('election safety', `both ${known} and ${id} lead term ${core.term}`)
    this.#leaders.set(core.term, id)
    // What it has committed itself was compared when it did.
    for (let index = core.commitIndex + 1; index <= this.committed.length; index++) {
      // A leader that was elected late, in a term before that, may know nothing of it.
      if ((this.#committedIn[index - 1] as number) >= core.term) break
      if (core.log.termAt(index) !== this.committed[index - 1]?.term) {
        fail('leader completeness', `${id} leads term ${core.term} without committed entry ${index}`)
      }
    }
  }

  /** `led`: it leads the same term as before the step. */
  #wrote(watch: Watch, led: boolean, batch: RaftWrite): void {
    const { id, core } = watch
    const { truncateFrom, snapshot, entries = [] } = batch
    if (truncateFrom !== undefined) {
      // A snapshot may take the place of what it stands for.
      const keeps = snapshot === undefined || snapshot === null ? truncateFrom - 1 : snapshot.index
      if (keeps < watch.commit) fail('committed is final', `${id} keeps ${keeps}, and committed ${watch.commit}`)
      if (led) fail('leader append-only', `${id} leads term ${core.term} and cuts at ${truncateFrom}`)
    }
    if (snapshot !== undefined && snapshot !== null) this.#snapshotIsTrue(id, snapshot)
    for (const entry of entries) this.#logsMatch(watch, entry)
    watch.configs.wrote(batch)
  }

  /** One entry for each index and term, behind one predecessor. */
  #logsMatch({ id, core }: Watch, entry: StoredEntry): void {
    if (core.log.entryAt(entry.index) !== entry && entry.index > core.log.floorIndex) {
      fail('log matching', `${id} stores another entry ${entry.index} than it holds`)
    }
    const place = entry.term * 4_194_304 + entry.index
    const prevTerm = core.log.termAt(entry.index - 1)
    const known = this.#written.get(place)
    if (known === undefined) {
      this.#written.set(place, { entry, prevTerm })
    } else if (!sameEntry(known.entry, entry) || (prevTerm !== null && known.prevTerm !== prevTerm)) {
      fail('log matching', `${id}: two entries at index ${entry.index} of term ${entry.term}`)
    }
  }

  #promised({ id, core, disk }: Watch, { to, message }: Outgoing): void {
    if (message.kind === 'vote-reply') {
      if (!message.granted) return
      this.#voted(id, message.term, to)
      if (disk.term < message.term || (disk.term === message.term && disk.vote !== to)) {
        fail('promise is on disk', `${id} votes for ${to} in term ${message.term}, which its disk does not hold`)
      }
    } else if (message.kind === 'vote') {
      this.#voted(id, message.term, id)
      if (disk.term < message.term)
        fail('promise is on disk', `${id} campaigns in term ${message.term} before it is stored`)
    } else if (message.kind === 'append-reply' && message.accepted && message.term === core.term) {
      const { index } = message
      const term = core.log.termAt(index)
      if (term !== null && !disk.holds(index, term)) {
        fail('promise is on disk', `${id} acknowledges entry ${index}, which its disk does not hold`)
      }
    }
  }

  #voted(id: NodeId, term: number, candidate: NodeId): void {
    const before = this.#votes.get(id)
    if (before?.term === term && before.candidate !== candidate) {
      fail('one vote a term', `${id} voted for ${before.candidate} and ${candidate} in term ${term}`)
    }
    this.#votes.set(id, { term, candidate })
  }

  #advanced(watch: Watch): void {
    const { id, core } = watch
    if (core.commitIndex < watch.commit) {
      fail('never backwards', `${id}: commit went from ${watch.commit} to ${core.commitIndex}`)
    }
    watch.commit = core.commitIndex
  }

  #applied(watch: Watch, entry: StoredEntry): void {
    if (entry.index !== watch.applied + 1) {
      fail('never backwards', `${watch.id} applied ${entry.index} after ${watch.applied}`)
    }
    watch.applied = entry.index
    if (entry.index > this.committed.length) this.#firstCommit(watch, entry)
    this.#isCommitted(watch.id, entry, entry.index)
  }

  #installed(watch: Watch, snapshot: StoredSnapshot): void {
    if (snapshot.index < watch.applied) {
      fail('never backwards', `${watch.id} installed ${snapshot.index} after ${watch.applied}`)
    }
    watch.applied = snapshot.index
  }

  /** A snapshot stands for what has committed: place, time and configuration are those of its index. */
  #snapshotIsTrue(id: NodeId, { index, term, timeMs, config, configIndex }: StoredSnapshot): void {
    const last = this.committed[index - 1]
    if (last?.term !== term || last.timeMs !== timeMs) {
      fail('committed is final', `${id} has a snapshot of ${index} in term ${term}, which has not committed`)
    }
    const holder = this.committed[configIndex - 1]
    const isTrue = holder?.kind === 'config' && sameRecord(holder.config, config)
    if (!isTrue) fail('state-machine safety', `${id} has a snapshot of ${index} with another configuration`)
  }

  #isCommitted(id: NodeId, entry: StoredEntry | null, index: number): void {
    const known = this.committed[index - 1]
    if (known === undefined || entry === null)
      fail('committed is final', `${id} has committed ${index}, which nobody knows`)
    else if (!sameEntry(known, entry)) fail('state-machine safety', `${id} committed another entry at ${index}`)
  }

  /** Whoever commits first leads, and a majority of the disks holds the entry; no request takes effect twice. */
  #firstCommit({ id, core, configs }: Watch, entry: StoredEntry): void {
    if (entry.index !== this.committed.length + 1) {
      fail('committed is final', `${id} committed ${entry.index} after ${this.committed.length}`)
    }
    this.committed.push(entry)
    this.#committedIn.push(core.term)
    if (entry.kind === 'config') this.newestConfig = configurationOf(entry.index, entry.config)
    if (core.role === 'leader') {
      const onDisk = (voter: NodeId): boolean => this.#diskOf(voter)?.holds(entry.index, entry.term) === true
      if (!configs.lastTwo.some((config) => hasQuorum(config, onDisk))) {
        fail('durable on a majority', `${id} committed ${entry.index}, which a majority does not hold`)
      }
    }
    if (entry.kind !== 'command' || entry.dedupKey === null || core.isSilent(entry.index)) return
    const key = `${entry.dedupKey.requestId} ${entry.dedupKey.clientId}`
    const place = this.#places.get(key)
    if (place !== undefined) fail('exactly once', `request ${key} took effect at ${place} and at ${entry.index}`)
    this.#places.set(key, entry.index)
  }

  #inOrder({ id, core, disk, commit, applied }: Watch): void {
    const { floorIndex, lastIndex } = core.log
    if (floorIndex <= applied && applied <= commit && commit <= lastIndex && disk.floorIndex <= applied) return
    fail('order of indices', `${id}: floor ${floorIndex}, applied ${applied}, commit ${commit}, last ${lastIndex}`)
  }
}

function fail(rule: Rule, message: string): never {
  throw new InvariantError(rule, message)
}
