import { fromUtf8 } from '../../base/bytes.ts'
import type { NodeId, StoredEntry } from '../contract.ts'
import { type Configuration, configurationOf, hasQuorum } from '../core/configuration.ts'
import type { RaftCore, Ready } from '../core/raft-core.ts'

/** An invariant of the Raft paper (figure 3), or one of ours, does not hold. */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError'
}

/** Watches every step of every node, and remembers what must never be contradicted. */
export class Invariants {
  /** What has committed, from index 1 on, wherever that was first seen. */
  readonly committed: StoredEntry[] = []
  newestConfig: Configuration | null = null
  readonly #diskOf: (id: NodeId) => readonly StoredEntry[]
  readonly #leaders: Map<number, NodeId> = new Map()
  readonly #votes: Map<string, NodeId> = new Map()
  readonly #written: Map<string, string> = new Map()
  readonly #places: Map<string, number> = new Map()
  readonly #before: Map<NodeId, { term: number; commit: number; leading: boolean }> = new Map()

  constructor(diskOf: (id: NodeId) => readonly StoredEntry[]) {
    this.#diskOf = diskOf
  }

  started(id: NodeId, core: RaftCore): void {
    for (let index = 1; index <= core.commitIndex; index++) this.#matchesCommitted(id, core.log.entryAt(index), index)
    this.#before.set(id, { term: core.term, commit: core.commitIndex, leading: false })
  }

  stepped(id: NodeId, core: RaftCore, ready: Ready): void {
    this.#neverBack(id, core)
    this.#oneLeader(id, core)
    this.#oneVote(id, ready)
    this.#logsMatch(id, core, ready)
    this.#committedIsFinal(id, core, ready)
  }

  /** The proposer of `command` was told that it is at `index`. */
  acknowledged(index: number, command: string): void {
    const entry = this.committed[index - 1]
    check(entry !== undefined && textOf(entry) === command, `acknowledged ${command} is not committed at ${index}`)
  }

  #neverBack(id: NodeId, core: RaftCore): void {
    const before = this.#before.get(id)
    if (before === undefined) return
    check(core.term >= before.term, `${id}: term went from ${before.term} to ${core.term}`)
    check(core.commitIndex >= before.commit, `${id}: commit went from ${before.commit} to ${core.commitIndex}`)
  }

  /** Election safety, and leader completeness at the moment of election. */
  #oneLeader(id: NodeId, core: RaftCore): void {
    const leading = core.role === 'leader'
    if (leading) {
      const known = this.#leaders.get(core.term)
      check(known === undefined || known === id, `both ${known} and ${id} lead in term ${core.term}`)
      this.#leaders.set(core.term, id)
      if (this.#before.get(id)?.leading !== true) {
        this.committed.forEach((entry, i) => {
          check(core.log.termAt(i + 1) === entry.term, `${id} leads term ${core.term} without committed entry ${i + 1}`)
        })
      }
    }
    this.#before.set(id, { term: core.term, commit: core.commitIndex, leading })
  }

  #oneVote(id: NodeId, ready: Ready): void {
    for (const { to, message } of ready.messages) {
      if (message.kind !== 'vote-reply' || !message.granted) continue
      const ballot = `${id} ${message.term}`
      const before = this.#votes.get(ballot) ?? to
      check(before === to, `${id} voted for ${before} and ${to} in term ${message.term}`)
      this.#votes.set(ballot, to)
    }
  }

  /** Log matching: one entry for each index and term, behind one predecessor. */
  #logsMatch(id: NodeId, core: RaftCore, ready: Ready): void {
    for (const entry of ready.write?.batch.entries ?? []) {
      const place = `${entry.index} ${entry.term}`
      const print = `${core.log.termAt(entry.index - 1)} ${printOf(entry)}`
      const known = this.#written.get(place) ?? print
      check(known === print, `${id}: two entries at index ${entry.index} of term ${entry.term}: ${known} and ${print}`)
      this.#written.set(place, print)
    }
  }

  #committedIsFinal(id: NodeId, core: RaftCore, ready: Ready): void {
    for (const entry of ready.committed) {
      if (entry.index > this.committed.length) this.#firstCommit(id, core, entry)
      this.#matchesCommitted(id, entry, entry.index)
    }
  }

  #matchesCommitted(id: NodeId, entry: StoredEntry | null, index: number): void {
    const known = this.committed[index - 1]
    check(known !== undefined && entry !== null, `${id} has committed ${index}, which nobody knows`)
    check(printOf(known as StoredEntry) === printOf(entry as StoredEntry), `${id} committed another entry at ${index}`)
  }

  /** Whoever commits first leads, and a majority of the disks holds the entry; no command commits twice. */
  #firstCommit(id: NodeId, core: RaftCore, entry: StoredEntry): void {
    check(entry.index === this.committed.length + 1, `${id} committed ${entry.index} after ${this.committed.length}`)
    this.committed.push(entry)
    if (entry.kind === 'config') this.newestConfig = configurationOf(entry.index, entry.config)
    if (core.role === 'leader') {
      const onDisk = (voter: NodeId): boolean => this.#diskOf(voter)[entry.index - 1]?.term === entry.term
      const durable = configsAround(core).some((config) => hasQuorum(config, onDisk))
      check(durable, `${id} committed ${entry.index}, which is not durable on a majority`)
    }
    if (entry.kind !== 'command') return
    const text = textOf(entry)
    check(!this.#places.has(text), `${text} committed twice, at ${this.#places.get(text)} and ${entry.index}`)
    this.#places.set(text, entry.index)
  }
}

/** The configuration in force, and the one before it: a leader may begin a change as soon as something commits. */
function configsAround(core: RaftCore): Configuration[] {
  const entries = core.log.slice(1, core.log.lastIndex).filter((entry) => entry.kind === 'config')
  return entries.slice(-2).map((entry) => configurationOf(entry.index, entry.config))
}

function printOf(entry: StoredEntry): string {
  const what = entry.kind === 'config' ? JSON.stringify(entry.config) : textOf(entry)
  return `${entry.term} ${entry.kind} ${entry.timeMs} ${what}`
}

function textOf(entry: StoredEntry): string {
  return fromUtf8(entry.command)
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new InvariantError(otherwise)
}
