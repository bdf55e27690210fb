import type { Random } from '../../../base/random.ts'
import { SimulatedNetwork, seededRandom, VirtualClock } from '../../../sim/index.ts'
import type { Committed, NodeId } from '../../contract.ts'
import { CALM_BOUND_MS, expectLinearizable, mixOf, type TrialOptions, type TrialReport } from './core-trial.ts'
import { History } from './history.ts'
import { InvariantError, type Rule } from './invariants.ts'
import { appending, type KvStore } from './kv-store.ts'
import type { Mix } from './mixes.ts'
import { NodeClients } from './node-clients.ts'
import { NodeMachine } from './node-machine.ts'
import { NodeFate } from './node-misfortune.ts'

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
  readonly #clients: NodeClients
  /** What each replica has to be after each index. */
  readonly #chains: number[] = []
  readonly #leaders: Map<number, NodeId> = new Map()
  readonly #firstIds: ReadonlySet<NodeId>
  readonly #trace: TrialOptions['trace']
  #broken: unknown = null

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
    this.#clients = new NodeClients(this.#clock, this.#random, mix, this.#history)
  }

  async run(troubleMs: number): Promise<TrialReport> {
    for (const machine of this.#machines) void machine.start()
    await this.#clock.advance(2000)
    this.#clients.start(this.#machines)
    const fate = new NodeFate(this.#machines, this.#network, this.#random, this.#mix)
    while (this.#clock.now() < troubleMs) {
      await this.#advance(this.#random() * 2 * this.#mix.everyMs)
      const what = fate.strike()
      this.#say(what)
    }
    this.#calm()
    const calmMs = await this.#expectProgress()
    this.#clients.stop()
    const simulatedMs = this.#clock.now()
    for (const machine of this.#machines) machine.crash()
    await this.#clock.advance(0)
    expectLinearizable(this.#history)
    const { answered } = this.#clients
    return {
      seed: this.#seed,
      mix: this.#mix.name,
      simulatedMs,
      steps: 0,
      committed: this.#chains.length,
      answered,
      calmMs,
    }
  }

  #machine(id: NodeId): NodeMachine {
    const cluster = { voters: this.#firstIds.has(id) ? this.#firstIds : new Set<NodeId>(), learners: new Set<NodeId>() }
    const { torn = false, diskMs } = this.#mix
    return new NodeMachine(id, cluster, {
      network: this.#network,
      random: this.#random,
      seed: this.#seed,
      torn,
      diskMs,
      onCommitted: (node, item, store) => this.#onCommitted(node, item, store),
      onLeader: (node, term) => this.#onLeader(node, term),
      onEvent: this.#trace === undefined ? null : (node, event) => this.#say(`${node} ${JSON.stringify(event)}`),
      onFault: (error) => void (this.#broken ??= error),
    })
  }

  #onCommitted(id: NodeId, item: Committed, { applied, chain }: KvStore): void {
    const known = this.#chains[applied]
    if (known === undefined) this.#chains[applied] = chain
    else if (known !== chain)
      this.#fail('state-machine safety', `${id} is another state after a ${item.kind} at ${applied}`)
  }

  #onLeader(id: NodeId, term: number): void {
    const known = this.#leaders.get(term)
    if (known !== undefined && known !== id) this.#fail('election safety', `both ${known} and ${id} lead term ${term}`)
    this.#leaders.set(term, id)
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

  /** All is well again. */
  #calm(): void {
    this.#say('calm')
    this.#network.heal()
    this.#network.setFaults({ loss: 0, duplicate: 0 })
    for (const machine of this.#machines) {
      machine.local.setRate(1, this.#clock.now())
      machine.disk?.setFaults({ fail: 0 })
      machine.thaw(false)
      machine.node?.resume()
    }
  }

  /** A proposal commits on every voter, within the bound. Returns how long that took. */
  async #expectProgress(): Promise<number> {
    const fromMs = this.#clock.now()
    let target = Infinity
    for (let round = 0; this.#clock.now() - fromMs < CALM_BOUND_MS; round++) {
      for (const machine of this.#machines) if (!machine.isUp) void machine.start()
      const members = this.#members()
      if (members.lostMajority) return 0
      if (members.up.length === members.count && members.up.every(({ store }) => store.applied >= target)) {
        return this.#clock.now() - fromMs
      }
      const [voter] = members.up
      if (target === Infinity && voter !== undefined) {
        this.#propose(voter, round).then(
          (index) => void (target = Math.min(target, index)),
          () => {},
        )
      }
      await this.#advance(500)
    }
    const where = this.#machines.map((machine) => `${machine.id} ${machine.describe()}`)
    throw new InvariantError('progress', `none within ${CALM_BOUND_MS} ms of calm\n${where.join('\n')}`)
  }

  async #propose(machine: NodeMachine, value: number): Promise<number> {
    const requestId = this.#clients.nextRequest()
    const command = appending(0xffff_ffff, value)
    const answer = await this.#clients.patiently(machine, async (signal) => {
      return machine.node?.propose(command, { requestId, signal })
    })
    return answer?.index ?? Infinity
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
}
