import { type Random, randomBetween } from '../../../base/random.ts'
import type { MembershipChange, NodeId } from '../../contract.ts'
import type { CoreSimulation } from './core-simulation.ts'
import type { Machine } from './machine.ts'
import { drawMisfortune, type Misfortunes } from './mixes.ts'

/** Tokens of requests whose answers nobody waits for. */
const NOBODYS_TOKENS = 1e9

/** Draws what befalls a cluster, by the weights of its mix. */
export class Fate {
  readonly #simulation: CoreSimulation
  readonly #random: Random
  #token = NOBODYS_TOKENS

  constructor(simulation: CoreSimulation) {
    this.#simulation = simulation
    this.#random = simulation.random
  }

  /** Something befalls somebody. */
  strike(): void {
    const name = drawMisfortune(this.#simulation.mix, this.#random)
    this.#happen(name, this.#any(this.#simulation.machines))
  }

  #happen(name: keyof Misfortunes, machine: Machine): void {
    const simulation = this.#simulation
    const { nowMs, links } = simulation
    switch (name) {
      case 'crash':
        return simulation.crash(machine)
      case 'start':
        return simulation.start(this.#anyOr(machine, ({ life, isLost }) => life === null && !isLost))
      case 'cut':
        return this.#cut(machine)
      case 'isolate':
        return this.#isolate(machine)
      case 'isolateLeader':
        return this.#isolate(simulation.leader ?? machine)
      case 'crashLeader':
        return simulation.crash(simulation.leader ?? machine)
      case 'heal':
        return this.#heal()
      case 'stallPeer':
        return links.stall(machine.number, nowMs + this.#random() * 5000)
      case 'stallDisk':
        machine.diskStalledUntilMs = nowMs + this.#random() * 6000
        return
      case 'freeze':
        return simulation.freeze(machine)
      case 'thaw':
        return simulation.thaw(
          this.#anyOr(machine, ({ life }) => life?.held != null),
          this.#random() < 0.5,
        )
      case 'hide':
        if (machine.life?.isPaused === true) return simulation.show(machine)
        return simulation.hide(machine, ++this.#token)
      case 'skipClock':
        return machine.clock.skip(this.#random() * 20_000)
      case 'driftClock':
        return machine.clock.setRate(0.5 + this.#random() * 1.5, nowMs)
      case 'moveWall':
        return machine.clock.moveWall((this.#random() - 0.5) * 600_000)
      case 'change':
        return this.#change(machine.id)
      case 'transfer':
        return this.#onLeader({ kind: 'transfer', token: ++this.#token, target: machine.id })
      case 'compact':
        return this.#compact(machine)
    }
  }

  /** One way, or both. */
  #cut(machine: Machine): void {
    const other = this.#any(this.#simulation.machines)
    this.#simulation.say(`cut ${machine.id} → ${other.id}`)
    this.#simulation.links.cut(machine.number, other.number)
    if (this.#random() < 0.5) this.#simulation.links.cut(other.number, machine.number)
  }

  #isolate(machine: Machine): void {
    this.#simulation.say(`${machine.id} is alone`)
    for (const other of this.#simulation.machines) {
      this.#simulation.links.cut(machine.number, other.number)
      this.#simulation.links.cut(other.number, machine.number)
    }
  }

  /** Nodes may or may not be told that they can reach one another again. */
  #heal(): void {
    this.#simulation.say('all links are whole')
    this.#simulation.links.heal()
    for (const machine of this.#simulation.machines) {
      const peer = this.#any(this.#simulation.machines).id
      if (peer !== machine.id && machine.life?.held === null)
        this.#simulation.step(machine, { kind: 'reachable', peer })
    }
  }

  #compact(machine: Machine): void {
    const { life } = machine
    if (life === null || life.held !== null || life.store.applied <= life.core.log.floorIndex) return
    const { lastIndex } = life.core.log
    // What has not committed has to be refused.
    const tooFar = life.core.commitIndex < lastIndex && this.#random() < 0.1
    const index = tooFar ? lastIndex : life.store.applied
    this.#simulation.step(machine, { kind: 'compact', token: ++this.#token, index, state: life.store.toBytes() })
  }

  #change(id: NodeId): void {
    const { leader } = this.#simulation
    if (leader === null || leader.life?.held !== null) return
    const ifConfigIndex = this.#random() < 0.2 ? (leader.life.core.membership.index ?? null) : null
    const change = this.#anyChange(id)
    this.#simulation.step(leader, { kind: 'change', token: ++this.#token, change, ifConfigIndex })
  }

  #onLeader(input: { kind: 'transfer'; token: number; target: NodeId }): void {
    const { leader } = this.#simulation
    if (leader !== null && leader.life?.held === null) this.#simulation.step(leader, input)
  }

  #anyChange(id: NodeId): MembershipChange {
    const other = this.#any(this.#simulation.machines).id
    return this.#any<MembershipChange>([
      { addLearners: [id] },
      { addLearners: [id], promote: [id] },
      { addLearners: [id, other], promote: [id, other] },
      { demote: [id] },
      { remove: [id] },
      id === other ? { remove: [id] } : { addLearners: [other], promote: [other], remove: [id] },
    ])
  }

  #any<T>(items: readonly T[]): T {
    return items[randomBetween(this.#random, 0, items.length)] as T
  }

  /** One of those for whom `test` holds, where there are any. */
  #anyOr(fallback: Machine, test: (machine: Machine) => boolean): Machine {
    const fitting = this.#simulation.machines.filter(test)
    return fitting.length > 0 ? this.#any(fitting) : fallback
  }
}
