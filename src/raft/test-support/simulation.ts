import { type Random, randomBetween } from '../../base/random.ts'
import { utf8 } from '../../base/bytes.ts'
import { seededRandom } from '../../sim/index.ts'
import { decodeRaftMessage, encodeRaftMessage } from '../codec.ts'
import type { ClusterConfig, MembershipChange, NodeId, RaftWrite, StoredEntry } from '../contract.ts'
import { isMember, isVoter } from '../core/configuration.ts'
import { RaftCore, type Input, type Ready } from '../core/raft-core.ts'
import type { Circumstances, DurableState } from '../core/replica.ts'
import { Invariants } from './invariants.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly voters: number
  /** Nodes that start outside the cluster and may be taken in. */
  readonly others: number
  readonly loss?: number
  readonly duplicate?: number
  /** Longest delay of a frame, milliseconds; each draws its own, so that they overtake one another. */
  readonly latencyMs?: number
  /** Longest time a write takes to become durable, milliseconds. */
  readonly diskMs?: number
  /** Largest frame, bytes: small ones carry one entry each. */
  readonly frameBytes?: number
  /** The disk says that it has written before it has. */
  readonly lyingDisk?: boolean
}

const TIMING = { electionTimeoutMinMs: 100, electionTimeoutMaxMs: 200, heartbeatIntervalMs: 20, catchUpTimeoutMs: 500 }

interface Machine {
  readonly id: NodeId
  /** `null` while it is down. */
  core: RaftCore | null
  /** What survives a crash. */
  disk: DurableState
  /** Counts starts, so that what belongs to an earlier life is recognised. */
  life: number
}

interface Event {
  readonly atMs: number
  readonly run: () => void
}

/**
 * Real cores and the real codec on a hostile network and honest disks, one event after another, all from one
 * seed. After every step {@link Invariants} looks at what happened.
 */
export class Simulation {
  nowMs = 0
  readonly random: Random
  readonly machines: Map<NodeId, Machine> = new Map()
  readonly invariants: Invariants
  readonly acknowledged: Set<string> = new Set()
  readonly #options: Required<SimulationOptions>
  readonly #bootstrap: ClusterConfig
  #events: Event[] = []
  #cuts: Set<string> = new Set()
  #faulty = true
  #commands = 0
  #token = 0
  readonly #tokens: Map<number, string> = new Map()

  constructor(options: SimulationOptions) {
    this.#options = {
      loss: 0.05,
      duplicate: 0.05,
      latencyMs: 30,
      diskMs: 10,
      frameBytes: 262_144,
      lyingDisk: false,
      ...options,
    }
    this.random = seededRandom(options.seed)
    const ids = Array.from({ length: options.voters + options.others }, (_, i) => `n${i + 1}`)
    this.#bootstrap = { voters: new Set(ids.slice(0, options.voters)), learners: new Set() }
    this.invariants = new Invariants((id) => this.machines.get(id)?.disk.entries ?? [])
    for (const id of ids) {
      const disk: DurableState = { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
      this.machines.set(id, { id, core: null, disk, life: 0 })
    }
    for (const id of ids) this.start(id)
  }

  get ids(): NodeId[] {
    return [...this.machines.keys()]
  }

  /** The leader of the highest term. */
  get leader(): Machine | null {
    const leaders = [...this.machines.values()].filter(({ core }) => core?.role === 'leader')
    return leaders.sort((a, b) => (b.core as RaftCore).term - (a.core as RaftCore).term)[0] ?? null
  }

  coreOf(id: NodeId): RaftCore | null {
    return this.machines.get(id)?.core ?? null
  }

  /** Where everybody stands, a line each. */
  describe(): string {
    return [...this.machines.values()]
      .map(({ id, core }) => `${id} ${core === null ? 'down' : standing(core)}`)
      .join('\n')
  }

  start(id: NodeId): void {
    const machine = this.machines.get(id) as Machine
    if (machine.core !== null) return
    machine.life++
    const cluster = this.#bootstrap.voters.has(id)
      ? this.#bootstrap
      : { voters: new Set<NodeId>(), learners: new Set<NodeId>() }
    const durable = { ...machine.disk, entries: [...machine.disk.entries] }
    machine.core = new RaftCore({ id, cluster, durable, timing: TIMING, random: this.random, at: this.#at() })
    this.invariants.started(id, machine.core)
    this.#wakeUp(machine)
  }

  crash(id: NodeId): void {
    const machine = this.machines.get(id) as Machine
    machine.core = null
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from} ${to}`)
  }

  healNetwork(): void {
    this.#cuts.clear()
  }

  /** No more faults: links whole, machines up. */
  calm(): void {
    this.#faulty = false
    this.healNetwork()
    for (const id of this.ids) this.start(id)
  }

  propose(id: NodeId): string {
    const name = `command ${++this.#commands}`
    const core = this.machines.get(id)?.core
    if (core === null || core === undefined) return name
    const token = ++this.#token
    this.#tokens.set(token, name)
    const clientId = `auto:${id}-${(this.machines.get(id) as Machine).life}`
    this.#step(id, { kind: 'propose', token, command: utf8(name), dedupKey: { clientId, requestId: token } })
    return name
  }

  change(change: MembershipChange): void {
    const leader = this.leader
    if (leader !== null) this.#step(leader.id, { kind: 'change', token: ++this.#token, change, ifConfigIndex: null })
  }

  /** Runs everything that happens until `untilMs`, or until `done`. */
  runUntil(untilMs: number, done: () => boolean = () => false): void {
    while (!done()) {
      const event = this.#takeEvent(untilMs)
      if (event === null) {
        this.nowMs = untilMs
        return
      }
      this.nowMs = event.atMs
      event.run()
    }
  }

  /** A while of trouble: proposals, crashes, cuts and changes of membership at random. */
  trouble(durationMs: number, changes: boolean): void {
    const untilMs = this.nowMs + durationMs
    while (this.nowMs < untilMs) {
      this.runUntil(Math.min(untilMs, this.nowMs + randomBetween(this.random, 1, 40)))
      this.#misfortune(changes)
    }
  }

  #misfortune(changes: boolean): void {
    const roll = this.random()
    const id = this.#anyOf(this.ids)
    if (roll < 0.6) this.propose(id)
    else if (roll < 0.66) this.crash(id)
    else if (roll < 0.78)
      this.start(this.#anyOf(this.ids.filter((each) => this.machines.get(each)?.core === null)) ?? id)
    else if (roll < 0.84) this.cut(id, this.#anyOf(this.ids))
    else if (roll < 0.87) this.#isolate(id)
    else if (roll < 0.93) this.healNetwork()
    else if (changes) this.change(this.#anyChange(id))
  }

  #anyChange(id: NodeId): MembershipChange {
    const other = this.#anyOf(this.ids)
    const changes: MembershipChange[] = [
      { addLearners: [id] },
      { addLearners: [id], promote: [id] },
      { addLearners: [id, other], promote: [id, other] },
      { demote: [id] },
      { remove: [id] },
      id === other ? { remove: [id] } : { addLearners: [other], promote: [other], remove: [id] },
    ]
    return this.#anyOf(changes)
  }

  #isolate(id: NodeId): void {
    for (const other of this.ids) {
      this.cut(id, other)
      this.cut(other, id)
    }
  }

  #anyOf<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T
  }

  #step(id: NodeId, input: Input): void {
    const machine = this.machines.get(id) as Machine
    const core = machine.core as RaftCore
    core.step(input, this.#at())
    const ready = core.ready()
    if (ready.write !== null) this.#write(machine, ready.write.id, ready.write.batch)
    this.invariants.stepped(id, core, ready)
    for (const { to, message } of ready.messages) this.#send(id, to, encodeRaftMessage(message))
    this.#acknowledge(ready)
    this.#wakeUp(machine)
  }

  #acknowledge(ready: Ready): void {
    for (const outcome of ready.outcomes) {
      if (outcome.kind !== 'proposed') continue
      this.acknowledged.add(this.#tokens.get(outcome.token) as string)
      this.invariants.acknowledged(outcome.entry.index, this.#tokens.get(outcome.token) as string)
    }
  }

  #write(machine: Machine, id: number, batch: RaftWrite): void {
    const { life } = machine
    const finish = (): void => {
      if (machine.life !== life || machine.core === null) return
      machine.disk = afterWrite(machine.disk, batch)
      if (!this.#options.lyingDisk) this.#step(machine.id, { kind: 'written', id })
    }
    // In order: a write is durable no earlier than the one before it.
    const atMs = Math.max(this.nowMs + this.random() * this.#options.diskMs, this.#lastWriteAt.get(machine.id) ?? 0)
    this.#lastWriteAt.set(machine.id, atMs)
    this.#schedule(atMs, finish)
    if (this.#options.lyingDisk)
      this.#schedule(
        this.nowMs,
        () => machine.life === life && machine.core !== null && this.#step(machine.id, { kind: 'written', id }),
      )
  }

  readonly #lastWriteAt: Map<NodeId, number> = new Map()

  #send(from: NodeId, to: NodeId, frame: Uint8Array): void {
    const { loss, duplicate, latencyMs } = this.#options
    if (this.#faulty && this.random() < loss) return
    const copies = this.#faulty && this.random() < duplicate ? 2 : 1
    for (let i = 0; i < copies; i++) {
      this.#schedule(this.nowMs + 1 + this.random() * latencyMs, () => {
        if (this.#cuts.has(`${from} ${to}`) || this.machines.get(to)?.core === null) return
        const message = decodeRaftMessage(frame)
        if (message === null) throw new Error('a frame of ours was not understood')
        this.#step(to, { kind: 'message', from, message })
      })
    }
  }

  #wakeUp(machine: Machine): void {
    const core = machine.core as RaftCore
    const dueMs = core.nextDeadlineMs
    if (dueMs === Infinity) return
    this.#schedule(Math.max(dueMs, this.nowMs), () => {
      if (machine.core !== core || core.nextDeadlineMs > this.nowMs) return
      this.#step(machine.id, { kind: 'tick' })
    })
  }

  #schedule(atMs: number, run: () => void): void {
    let at = this.#events.length
    while (at > 0 && (this.#events[at - 1] as Event).atMs <= atMs) at--
    // Latest first, so that the next one is popped; among equals the earlier scheduled is popped first.
    this.#events.splice(at, 0, { atMs, run })
  }

  #takeEvent(untilMs: number): Event | null {
    const next = this.#events.at(-1)
    if (next === undefined || next.atMs > untilMs) return null
    this.#events.pop()
    return next
  }

  #at(): Circumstances {
    return { nowMs: this.nowMs, wallMs: this.nowMs, frameBytes: this.#options.frameBytes }
  }
}

/** Members of the newest committed configuration, as far as anyone knows. */
export function membersNow(simulation: Simulation): { voters: NodeId[]; members: NodeId[] } {
  const config = simulation.invariants.newestConfig
  if (config === null) return { voters: simulation.ids, members: simulation.ids }
  return {
    voters: simulation.ids.filter((id) => isVoter(config, id)),
    members: simulation.ids.filter((id) => isMember(config, id)),
  }
}

function standing(core: RaftCore): string {
  const { voters, learners } = core.membership
  const joint = core.isJoint ? ' (joint)' : ''
  const log = `term ${core.term} commit ${core.commitIndex} last ${core.log.lastIndex}`
  return `${core.role} ${log} voters ${[...voters].join()}${joint} learners ${[...learners].join()}`
}

function afterWrite(disk: DurableState, batch: RaftWrite): DurableState {
  const kept: StoredEntry[] = [...disk.entries]
  if (batch.truncateFrom !== undefined) kept.length = Math.min(kept.length, batch.truncateFrom - 1)
  for (const entry of batch.entries ?? []) {
    if (entry.index !== kept.length + 1) throw new Error(`entry ${entry.index} written after ${kept.length}`)
    kept.push(entry)
  }
  return {
    ...disk,
    entries: kept,
    term: batch.term ?? disk.term,
    vote: batch.vote === undefined ? disk.vote : batch.vote,
    leader: batch.leader === undefined ? disk.leader : batch.leader,
    commit: batch.commit ?? disk.commit,
  }
}
