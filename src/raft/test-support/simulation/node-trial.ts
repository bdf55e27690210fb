import { type Random, randomBetween } from '../../../base/random.ts'
import { SimulatedNetwork, seededRandom, VirtualClock } from '../../../sim/index.ts'
import type { Committed, NodeId, RaftNode } from '../../contract.ts'
import type { RaftTraceEvent } from '../../trace-event.ts'
import { CALM_BOUND_MS, mixOf, type TrialOptions, type TrialReport } from './core-trial.ts'
import { History, type Operation } from './history.ts'
import { InvariantError, type Rule } from './invariants.ts'
import { appending, type KvStore } from './kv-store.ts'
import { checkLinearizable } from './linearizability.ts'
import type { Misfortunes, Mix } from './mixes.ts'
import { NodeMachine } from './node-machine.ts'

const PATIENCE_MS = 8000
const OPERATIONS_PER_KEY = 40

/**
 * One seed, of whole nodes: the driver, the codec, the transport, seams of the simulated network and simulated disks,
 * under the faults of the same mixes. What is looked at is what a program sees. Rejects with {@link InvariantError}.
 */
export async function runNodeTrial(options: TrialOptions): Promise<TrialReport> {
  const { seed, mix = mixOf(seed), troubleMs = 60_000, trace } = options
  return new NodeTrial(seed, mix, trace).run(troubleMs)
}

class NodeTrial {
  readonly #seed: number
  readonly #mix: Mix
  readonly #random: Random
  readonly #clock: VirtualClock = new VirtualClock()
  readonly #network: SimulatedNetwork
  readonly #machines: readonly NodeMachine[]
  readonly #history: History = new History()
  /** What each replica has to be after each index. */
  readonly #chains: number[] = []
  readonly #leaders: Map<number, NodeId> = new Map()
  readonly #firstIds: ReadonlySet<NodeId>
  readonly #trace: TrialOptions['trace']
  #broken: unknown = null
  #values = 0
  #answered = 0
  #calm = false

  constructor(seed: number, mix: Mix, trace: TrialOptions['trace']) {
    this.#trace = trace
    this.#seed = seed
    this.#mix = mix
    this.#random = seededRandom(seed)
    this.#network = new SimulatedNetwork({
      clock: this.#clock,
      seed,
      latencyMs: 5,
      jitterMs: mix.latencyMs,
      loss: mix.loss,
      duplicate: mix.duplicate,
      maxPayloadBytes: Math.max(1024, mix.frameBytes),
    })
    const ids = Array.from({ length: mix.voters + mix.others }, (_, i) => `n${i + 1}`)
    this.#firstIds = new Set(ids.slice(0, mix.voters))
    this.#machines = ids.map((id) => this.#machine(id))
  }

  async run(troubleMs: number): Promise<TrialReport> {
    for (const machine of this.#machines) void machine.start()
    await this.#clock.advance(2000)
    for (let i = 0; i < this.#mix.clients; i++)
      void this.#client(this.#machines[i % this.#machines.length] as NodeMachine)
    while (this.#clock.now() < troubleMs) {
      await this.#advance(this.#random() * 2 * this.#mix.everyMs)
      this.#strike()
    }
    const calmMs = await this.#expectProgress()
    this.#calm = true
    const simulatedMs = this.#clock.now()
    for (const machine of this.#machines) machine.crash()
    await this.#clock.advance(0)
    const verdict = checkLinearizable(this.#history.operations)
    if (!verdict.linearizable) {
      const seen = verdict.operations.map((each) => JSON.stringify(each)).join('\n')
      throw new InvariantError('linearizable', `no order explains what clients saw of key ${verdict.key}:\n${seen}`)
    }
    const committed = this.#chains.length
    return { seed: this.#seed, mix: this.#mix.name, simulatedMs, steps: 0, committed, answered: this.#answered, calmMs }
  }

  #machine(id: NodeId): NodeMachine {
    const cluster = { voters: this.#firstIds.has(id) ? this.#firstIds : new Set<NodeId>(), learners: new Set<NodeId>() }
    return new NodeMachine(id, cluster, {
      network: this.#network,
      random: this.#random,
      seed: this.#seed,
      torn: this.#mix.torn === true,
      onCommitted: (node, item, store) => this.#onCommitted(node, item, store),
      onEvent: (node, event) => this.#onEvent(node, event),
      onFault: (error) => void (this.#broken ??= error),
    })
  }

  #onCommitted(id: NodeId, item: Committed, { applied, chain }: KvStore): void {
    const known = this.#chains[applied]
    if (known === undefined) this.#chains[applied] = chain
    else if (known !== chain)
      this.#fail('state-machine safety', `${id} is another state after a ${item.kind} at ${applied}`)
  }

  #onEvent(id: NodeId, event: RaftTraceEvent): void {
    this.#say(`${id} ${JSON.stringify(event)}`)
    if (event.kind !== 'leader') return
    const known = this.#leaders.get(event.term)
    if (known !== undefined && known !== id) {
      this.#fail('election safety', `both ${known} and ${id} lead term ${event.term}`)
    }
    this.#leaders.set(event.term, id)
  }

  #say(line: string): void {
    this.#trace?.(`${this.#clock.now().toFixed(1).padStart(10)} ${line}`)
  }

  #fail(rule: Rule, message: string): void {
    this.#broken ??= new InvariantError(rule, message)
  }

  async #advance(ms: number): Promise<void> {
    await this.#clock.advance(ms)
    if (this.#broken !== null) throw this.#broken
  }

  /** Asks through whatever node runs on its machine, one request at a time; what is in doubt it asks again. */
  async #client(machine: NodeMachine): Promise<void> {
    let again: { operation: Operation; key: number; request: number } | null = null
    while (!this.#calm) {
      await this.#sleep(this.#random() * 2 * this.#mix.thinkMs)
      const { node } = machine
      if (node === null || this.#calm) continue
      const key = Math.floor(this.#history.operations.length / OPERATIONS_PER_KEY)
      if (again === null && this.#random() < 0.4) {
        await this.#read(machine, node, key)
        continue
      }
      if (again === null || this.#random() < 0.2) {
        const request = ++this.#values
        again = { operation: this.#history.call('append', String(key), `${request};`), key, request }
      }
      const { operation, request } = again
      try {
        await node.propose(appending(again.key, request), { requestId: request, signal: this.#patience() })
        this.#history.returned(operation, '')
        this.#answered++
        again = null
      } catch {
        // In doubt, or refused: it may be asked again under the same number.
      }
    }
  }

  async #read(machine: NodeMachine, node: RaftNode, key: number): Promise<void> {
    const operation = this.#history.call('get', String(key), '')
    const { store } = machine
    try {
      const index = await node.readIndex({ signal: this.#patience() })
      while (store.applied < index && machine.node === node) await this.#sleep(1)
      if (machine.node !== node) return
      this.#history.returned(operation, store.read(key))
      this.#answered++
    } catch {
      // Never answered.
    }
  }

  #patience(): AbortSignal {
    const controller = new AbortController()
    this.#clock.setTimeout(() => controller.abort(new Error('out of patience')), PATIENCE_MS)
    return controller.signal
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms))
  }

  get #leader(): RaftNode | null {
    return this.#machines.find(({ node }) => node?.role.get() === 'leader')?.node ?? null
  }

  #strike(): void {
    const weights = Object.entries(this.#mix.misfortunes) as [keyof Misfortunes, number][]
    let roll = this.#random() * weights.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of weights) {
      roll -= weight
      if (roll >= 0) continue
      this.#happen(name, this.#any(this.#machines))
      return
    }
  }

  #happen(name: keyof Misfortunes, machine: NodeMachine): void {
    const { disk, local, node } = machine
    const nowMs = this.#clock.now()
    const other = this.#any(this.#machines)
    const leading = this.#machines.find((each) => each.node !== null && each.node === this.#leader) ?? machine
    this.#say(`${name} ${machine.id}`)
    switch (name) {
      case 'crash':
      case 'crashLeader':
        return (name === 'crash' ? machine : leading).crash()
      case 'start':
        return void (this.#machines.find(({ isUp, isLost }) => !isUp && !isLost) ?? machine).start()
      case 'cut':
        if (other !== machine) this.#network.cut(machine.id, other.id, { oneWay: this.#random() < 0.5 })
        return
      case 'isolate':
      case 'isolateLeader':
        return this.#isolate(name === 'isolate' ? machine : leading)
      case 'heal':
        return this.#network.heal()
      case 'stallPeer':
      case 'stallDisk':
        disk?.setFaults({ syncMs: this.#random() * this.#mix.diskMs, fail: this.#random() < 0.05 ? 0.2 : 0 })
        return disk?.stall(this.#random() * 6000)
      case 'freeze':
      case 'hide':
        return void node?.pause('hidden')
      case 'thaw':
        return node?.resume()
      case 'skipClock':
        return local.skip(this.#random() * 20_000)
      case 'driftClock':
        return local.setRate(0.5 + this.#random() * 1.5, nowMs)
      case 'moveWall':
        return local.moveWall((this.#random() - 0.5) * 600_000)
      case 'change':
        return this.#ask(this.#leader?.changeMembership(this.#anyChange(machine.id)))
      case 'transfer':
        return this.#ask(this.#leader?.transferLeadership(machine.id))
      case 'compact':
        return this.#ask(node?.publishSnapshot(machine.store.applied, machine.store.toBytes()))
    }
  }

  #anyChange(id: NodeId): Parameters<RaftNode['changeMembership']>[0] {
    return this.#any([{ addLearners: [id] }, { addLearners: [id], promote: [id] }, { demote: [id] }, { remove: [id] }])
  }

  /** Whatever comes of it. */
  #ask(answer: Promise<unknown> | undefined): void {
    answer?.catch(() => {})
  }

  #isolate({ id }: NodeMachine): void {
    for (const other of this.#machines) if (other.id !== id) this.#network.cut(id, other.id)
  }

  /** All is well again: a proposal commits on every member, within the bound. */
  async #expectProgress(): Promise<number> {
    const fromMs = this.#clock.now()
    this.#network.heal()
    this.#network.setFaults({ loss: 0, duplicate: 0 })
    for (const machine of this.#machines) {
      machine.local.setRate(1, fromMs)
      machine.disk?.setFaults({ fail: 0 })
      machine.node?.resume()
    }
    let target = Infinity
    for (let round = 0; this.#clock.now() - fromMs < CALM_BOUND_MS; round++) {
      for (const machine of this.#machines) if (!machine.isUp) void machine.start()
      const members = this.#members()
      if (members.lostMajority) return 0
      if (members.up.length === members.count && members.up.every(({ store }) => store.applied >= target)) {
        return this.#clock.now() - fromMs
      }
      const [voter] = members.up
      if (target === Infinity && voter?.node != null) {
        const options = { requestId: ++this.#values, signal: this.#patience() }
        voter.node.propose(appending(0xffff_ffff, round), options).then(
          ({ index }) => void (target = Math.min(target, index)),
          () => {},
        )
      }
      await this.#advance(500)
    }
    const where = this.#machines.map((machine) => `${machine.id} ${machine.describe()}`)
    throw new InvariantError('progress', `none within ${CALM_BOUND_MS} ms of calm\n${where.join('\n')}`)
  }

  #members(): { up: NodeMachine[]; count: number; lostMajority: boolean } {
    const newest = this.#machines
      .flatMap(({ node }) => (node === null ? [] : [node.membership.get()]))
      .toSorted((a, b) => (b.index ?? 0) - (a.index ?? 0))[0]
    const voters = newest === undefined || newest.voters.size === 0 ? this.#firstIds : newest.voters
    const able = this.#machines.filter(({ id, isLost }) => voters.has(id) && !isLost)
    return {
      up: able.filter(({ node }) => node !== null),
      count: able.length,
      lostMajority: able.length * 2 <= voters.size,
    }
  }

  #any<T>(items: readonly T[]): T {
    return items[randomBetween(this.#random, 0, items.length)] as T
  }
}
