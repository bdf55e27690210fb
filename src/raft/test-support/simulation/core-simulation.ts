import type { Random } from '../../../base/random.ts'
import { seededRandom } from '../../../sim/index.ts'
import { TimerHeap } from '../../../sim/timer-heap.ts'
import { tornBatch } from '../../../sim/torn-batch.ts'
import type { ClusterConfig, NodeId, RaftWrite, StoredSnapshot } from '../../contract.ts'
import { isMember, isVoter } from '../../core/configuration.ts'
import type { RaftMessage } from '../../core/message.ts'
import { type Input, RaftCore, type Ready } from '../../core/raft-core.ts'
import type { Circumstances, Outcome } from '../../core/replica.ts'
import { type Settings, settingsOf } from '../../settings.ts'
import { checkRestoredState } from '../../storage/restored-state.ts'
import { InvariantError, Invariants } from './invariants.ts'
import type { KvStore } from './kv-store.ts'
import { Links } from './links.ts'
import { LocalClock } from './local-clock.ts'
import { Life, Machine, MAX_HELD_FRAMES } from './machine.ts'
import type { Mix } from './mixes.ts'

/** A node of a simulation has the timing of any other: heartbeats every 100 ms. */
export const SETTINGS: Settings = settingsOf(
  {},
  { now: () => 0, wallNow: () => 0, setTimeout: () => 0, clearTimeout: () => {} },
)

export interface CoreSimulationOptions {
  readonly seed: number
  readonly mix: Mix
  /** Gets a line for everything that happens. */
  readonly trace?: ((line: string) => void) | undefined
}

/**
 * Real cores on simulated machines, links and disks, one event after another, all from one seed. After every step
 * {@link Invariants} looks at what it changed. What befalls them is decided elsewhere: here it happens.
 */
export class CoreSimulation {
  nowMs = 0
  readonly mix: Mix
  readonly random: Random
  readonly machines: readonly Machine[]
  readonly links: Links
  readonly invariants: Invariants
  /** Steps of cores so far. */
  steps = 0
  /** Told of every answer to a request. */
  onOutcome: (machine: Machine, outcome: Outcome) => void = () => {}
  /** Told when a machine came up or went down. */
  onLife: (machine: Machine) => void = () => {}
  readonly #byId: Map<NodeId, Machine> = new Map()
  readonly #bootstrap: ClusterConfig
  readonly #queue: TimerHeap = new TimerHeap()
  readonly #trace: ((line: string) => void) | undefined
  /** What each replica has to be after each entry. */
  readonly #chains: number[] = []

  constructor({ seed, mix, trace }: CoreSimulationOptions) {
    this.mix = mix
    this.random = seededRandom(seed)
    this.links = new Links(mix, this.random)
    this.#trace = trace
    const ids = Array.from({ length: mix.voters + mix.others }, (_, i) => `n${i + 1}`)
    this.#bootstrap = { voters: new Set(ids.slice(0, mix.voters)), learners: new Set() }
    this.machines = ids.map((id, number) => new Machine(id, number, new LocalClock(this.random() * 1e6)))
    for (const machine of this.machines) this.#byId.set(machine.id, machine)
    this.invariants = new Invariants(this.#bootstrap, (id) => this.#byId.get(id)?.disk)
    for (const machine of this.machines) this.start(machine)
  }

  /** The leader of the highest term. */
  get leader(): Machine | null {
    let best: Machine | null = null
    for (const machine of this.machines) {
      if (machine.life?.core.role !== 'leader') continue
      if (best === null || machine.life.core.term > (best.life?.core.term ?? 0)) best = machine
    }
    return best
  }

  /** Members of the newest committed configuration, as far as anyone knows. */
  get members(): { readonly voters: Machine[]; readonly all: Machine[] } {
    const config = this.invariants.newestConfig
    const is = (test: typeof isVoter) =>
      this.machines.filter(({ id }) => (config === null ? this.#bootstrap.voters.has(id) : test(config, id)))
    return { voters: is(isVoter), all: is(isMember) }
  }

  start(machine: Machine): void {
    if (machine.life !== null || machine.isLost) return
    const { id, disk } = machine
    const durable = disk.durableState()
    try {
      checkRestoredState({ ...durable, nodeId: id, gameId: null, lineage: null, snapshot: disk.snapshot })
    } catch (error) {
      const { message } = error as Error
      if (this.mix.torn !== true) throw new InvariantError('loads what it stored', `${id}: ${message}`)
      this.#say(`${id} is refused: ${message}`)
      machine.isLost = true
      return
    }
    const joiner = { voters: new Set<NodeId>(), learners: new Set<NodeId>() }
    const cluster = this.#bootstrap.voters.has(id) ? this.#bootstrap : joiner
    const at = this.#at(machine)
    const core = new RaftCore({ id, cluster, durable, timing: SETTINGS, random: this.random, at })
    if (this.#trace !== undefined) core.notes = true
    const life = new Life(core, this.invariants.started(id, core, disk))
    machine.life = life
    machine.lastLife = life
    if (disk.snapshot !== null) this.#install(life, disk.snapshot)
    this.#apply(life, core.log.slice(core.log.floorIndex + 1, core.commitIndex))
    this.#say(`${id} starts: ${this.#standing(machine)}`)
    this.#arm(machine, life)
    this.onLife(machine)
  }

  crash(machine: Machine): void {
    if (machine.life === null) return
    this.#say(`${machine.id} crashes`)
    machine.life = null
    this.onLife(machine)
  }

  /** Something happens to a node that is up. */
  step(machine: Machine, input: Input): void {
    const { life } = machine
    if (life === null) return
    this.steps++
    life.core.step(input, this.#at(machine))
    if (!life.roundIsDue && this.mix.shared > 0 && this.random() < this.mix.shared) {
      life.roundIsDue = true
      this.after(this.random() * 2, () => machine.life === life && life.held === null && this.#round(machine, life))
    }
    if (!life.roundIsDue) this.#round(machine, life)
  }

  after(ms: number, run: () => void): void {
    this.#queue.add(this.nowMs + ms, run)
  }

  /** The page is frozen: it does not run, and what arrives waits for it. */
  freeze(machine: Machine): void {
    const { life } = machine
    if (life === null || life.held !== null) return
    this.#say(`${machine.id} freezes`)
    life.held = []
    life.frozenAtMs = this.nowMs
  }

  /** It runs again. `sleptToo`: so did its clock. */
  thaw(machine: Machine, sleptToo: boolean): void {
    const { life } = machine
    if (life === null || life.held === null) return
    this.#say(`${machine.id} thaws${sleptToo ? ', its clock behind' : ''}`)
    const { held } = life
    if (sleptToo) machine.clock.oversleep(this.nowMs - life.frozenAtMs)
    life.held = null
    if (life.roundIsDue) this.#round(machine, life)
    life.wakeAtMs = Infinity
    this.#arm(machine, life)
    for (const { from, message } of held) if (machine.life === life) this.#deliver(machine, life, from, message)
    if (life.heldWrite > 0 && machine.life === life) this.step(machine, { kind: 'written', id: life.heldWrite })
  }

  /** Nothing more is lost or late, clocks run true, and whoever can is up. */
  calm(): void {
    this.#say('calm')
    this.links.faulty = false
    this.links.heal()
    for (const machine of this.machines) {
      machine.clock.setRate(1, this.nowMs)
      machine.diskStalledUntilMs = 0
      this.links.stall(machine.number, 0)
      this.thaw(machine, false)
      this.start(machine)
      this.show(machine)
    }
  }

  /** The page is hidden: it is told, and its timers become coarse. */
  hide(machine: Machine, token: number): void {
    const { life } = machine
    if (life === null || life.held !== null || life.isPaused) return
    this.#say(`${machine.id} is hidden`)
    life.isPaused = true
    life.timerGrainMs = 1000
    this.step(machine, { kind: 'pause', token })
  }

  show(machine: Machine): void {
    const { life } = machine
    if (life === null || life.held !== null || !life.isPaused) return
    life.isPaused = false
    life.timerGrainMs = 1
    this.step(machine, { kind: 'resume' })
  }

  /** Runs everything that happens until `untilMs`, or until `done`. */
  runUntil(untilMs: number, done?: () => boolean): void {
    for (;;) {
      if (done?.() === true) return
      const next = this.#queue.peek()
      if (next === undefined || next.dueMs > untilMs) break
      this.#queue.pop()
      this.nowMs = next.dueMs
      next.run()
    }
    this.nowMs = untilMs
  }

  /** Where everybody stands, a line each. */
  describe(): string {
    return this.machines.map((machine) => `${machine.id} ${this.#standing(machine)}`).join('\n')
  }

  say(line: string): void {
    this.#say(line)
  }

  #round(machine: Machine, life: Life): void {
    life.roundIsDue = false
    const ready = life.core.ready()
    this.invariants.stepped(life.watch, ready)
    if (this.#trace !== undefined) this.#traceRound(machine, ready)
    if (ready.write !== null) this.#write(machine, life, ready.write.id, ready.write.batch)
    for (const { to, message } of ready.messages) this.#send(machine, to, message)
    if (ready.installed !== null) this.#install(life, ready.installed)
    if (ready.committed.length > 0) this.#apply(life, ready.committed)
    for (const outcome of ready.outcomes) {
      if (outcome.kind === 'proposed') this.invariants.acknowledged(machine.id, outcome.entry)
      this.onOutcome(machine, outcome)
    }
    if (machine.life === life) this.#arm(machine, life)
  }

  #apply({ core, store }: Life, entries: Ready['committed']): void {
    for (const entry of entries) {
      if (core.isSilent(entry.index)) store.skip(entry)
      else store.apply(entry)
      this.#isSame(core.id, store)
    }
  }

  #install({ core, store }: Life, { index, state }: StoredSnapshot): void {
    store.restore(state)
    if (store.applied !== index) throw new InvariantError('state-machine safety', `${core.id}: no snapshot of ${index}`)
    this.#isSame(core.id, store)
  }

  /** Every replica is the same after the same entry, whichever way it came there. */
  #isSame(id: NodeId, { applied, chain }: KvStore): void {
    const known = this.#chains[applied]
    if (known === undefined) this.#chains[applied] = chain
    else if (known !== chain) {
      throw new InvariantError('state-machine safety', `${id} is another state after entry ${applied}`)
    }
  }

  #send(machine: Machine, to: NodeId, message: RaftMessage): void {
    const target = this.#byId.get(to)
    if (target === undefined) return
    for (let copies = this.links.copies(); copies > 0; copies--) {
      const atMs = this.links.arrivalMs(machine.number, target.number, this.nowMs)
      const part = this.links.partOf(message)
      this.#queue.add(atMs, () => {
        const { life } = target
        if (life !== null && !this.links.isCut(machine.number, target.number)) {
          this.#deliver(target, life, machine.id, part)
        }
      })
    }
  }

  #deliver(machine: Machine, life: Life, from: NodeId, message: RaftMessage): void {
    if (life.held === null) this.step(machine, { kind: 'message', from, message })
    else if (life.held.length < MAX_HELD_FRAMES) life.held.push({ from, message })
  }

  /** In order: a write is durable no earlier than the one before it. */
  #write(machine: Machine, life: Life, id: number, batch: RaftWrite): void {
    const earliestMs = Math.max(this.nowMs + this.random() * this.mix.diskMs, machine.diskStalledUntilMs)
    machine.lastWriteMs = Math.max(earliestMs, machine.lastWriteMs)
    this.#queue.add(machine.lastWriteMs, () => {
      if (machine.life !== life) {
        this.#tear(machine, life, batch)
        return
      }
      machine.disk.write(batch)
      if (life.held === null) this.step(machine, { kind: 'written', id })
      else life.heldWrite = id
    })
  }

  /** A write that a crash caught: the first few may be durable all the same, and the next may be there in part. */
  #tear(machine: Machine, life: Life, batch: RaftWrite): void {
    if (machine.life !== null || machine.lastLife !== life || life.isTorn) return
    if (this.random() < 0.4) {
      machine.disk.write(batch)
      return
    }
    life.isTorn = true
    if (this.mix.torn === true) machine.disk.write(tornBatch(batch, this.random))
  }

  /** One timer a life. One that would ring too early is left: it ticks in vain and is set anew. */
  #arm(machine: Machine, life: Life): void {
    const dueMs = life.core.nextDeadlineMs
    if (dueMs === Infinity) return
    let atMs = machine.clock.when(dueMs, this.nowMs)
    if (life.timerGrainMs > 1) atMs = Math.ceil(atMs / life.timerGrainMs) * life.timerGrainMs
    if (life.wakeAtMs <= atMs) return
    life.wakeAtMs = atMs
    life.dueMs = dueMs
    this.#queue.add(atMs, () => this.#ring(machine, life, atMs))
  }

  #ring(machine: Machine, life: Life, atMs: number): void {
    if (machine.life !== life || life.wakeAtMs !== atMs || life.held !== null) return
    life.wakeAtMs = Infinity
    if (machine.clock.when(life.core.nextDeadlineMs, atMs) > atMs) this.#arm(machine, life)
    else this.step(machine, { kind: 'tick', dueMs: life.dueMs })
  }

  #at({ clock }: Machine): Circumstances {
    return { nowMs: clock.now(this.nowMs), wallMs: clock.wall(this.nowMs), frameBytes: this.mix.frameBytes }
  }

  #standing({ life, isLost }: Machine): string {
    if (life === null) return isLost ? 'lost' : 'down'
    const { core } = life
    const { voters, learners } = core.membership
    const joint = core.isJoint ? ' (joint)' : ''
    const log = `term ${core.term} commit ${core.commitIndex} last ${core.log.lastIndex} floor ${core.log.floorIndex}`
    const page = `${life.held === null ? '' : ', frozen'}${life.isPaused ? ', paused' : ''}`
    return `${core.role} ${log} voters ${[...voters].join()}${joint} learners ${[...learners].join()}${page}`
  }

  #traceRound({ id, life }: Machine, ready: Ready): void {
    for (const note of ready.notes) this.#say(`${id} · ${JSON.stringify(note)}`)
    if (ready.write !== null) this.#say(`${id} writes ${wordsOf(ready.write)}`)
    for (const { to, message } of ready.messages) this.#say(`${id} → ${to} ${wordsOf(message)}`)
    if (ready.committed.length > 0) this.#say(`${id} commits through ${life?.core.commitIndex}`)
    for (const outcome of ready.outcomes) this.#say(`${id} answers ${wordsOf(outcome)}`)
  }

  #say(line: string): void {
    this.#trace?.(`${this.nowMs.toFixed(1).padStart(10)} ${line}`)
  }
}

function wordsOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (part instanceof Uint8Array ? [...part].join(' ') : part))
}
