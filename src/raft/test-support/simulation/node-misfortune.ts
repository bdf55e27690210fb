import { type Random, randomBetween } from '../../../base/random.ts'
import type { SimulatedNetwork } from '../../../sim/index.ts'
import type { MembershipChange } from '../../contract.ts'
import { drawMisfortune, type Misfortunes, type Mix } from './mixes.ts'
import type { NodeMachine } from './node-machine.ts'

/** Draws what befalls whole nodes, by the weights of their mix. */
export class NodeFate {
  readonly #machines: readonly NodeMachine[]
  readonly #network: SimulatedNetwork
  readonly #random: Random
  readonly #mix: Mix

  constructor(machines: readonly NodeMachine[], network: SimulatedNetwork, random: Random, mix: Mix) {
    this.#machines = machines
    this.#network = network
    this.#random = random
    this.#mix = mix
  }

  /** Something befalls somebody. Returns what, in words. */
  strike(): string {
    const name = drawMisfortune(this.#mix, this.#random)
    const machine = this.#any(this.#machines)
    this.#happen(name, machine)
    return `${name} ${machine.id}`
  }

  #happen(name: keyof Misfortunes, machine: NodeMachine): void {
    const { disk, local, node } = machine
    const { clock } = this.#network
    switch (name) {
      case 'crash':
        return machine.crash()
      case 'crashLeader':
        return (this.#leader ?? machine).crash()
      case 'start':
        return void this.#anyOr(machine, ({ isUp, isLost }) => !isUp && !isLost).start()
      case 'cut':
        return this.#cut(machine)
      case 'isolate':
        return this.#isolate(machine)
      case 'isolateLeader':
        return this.#isolate(this.#leader ?? machine)
      case 'heal':
        return this.#network.heal()
      case 'stallPeer':
      case 'stallDisk':
        disk?.setFaults({ syncMs: this.#random() * this.#mix.diskMs, fail: this.#random() < 0.05 ? 0.2 : 0 })
        return disk?.stall(this.#random() * 6000)
      case 'freeze':
        return machine.freeze()
      case 'thaw':
        return this.#anyOr(machine, ({ page }) => page.isFrozen).thaw(this.#random() < 0.5)
      case 'hide':
        if (machine.page.isFrozen) return
        if (this.#random() < 0.5) return node?.resume()
        return ignored(node?.pause('hidden'))
      case 'skipClock':
        return local.skip(this.#random() * 20_000)
      case 'driftClock':
        return local.setRate(0.5 + this.#random() * 1.5, clock.now())
      case 'moveWall':
        return local.moveWall((this.#random() - 0.5) * 600_000)
      case 'change':
        return ignored(this.#leader?.node?.changeMembership(this.#anyChange(machine)))
      case 'transfer':
        return ignored(this.#leader?.node?.transferLeadership(machine.id))
      case 'compact':
        if (machine.page.isFrozen) return
        return ignored(node?.publishSnapshot(machine.store.applied, machine.store.toBytes()))
    }
  }

  /** One that leads, as far as it knows, and could be asked for something. */
  get #leader(): NodeMachine | undefined {
    return this.#machines.find(({ node, page }) => !page.isFrozen && node?.role.get() === 'leader')
  }

  #cut(machine: NodeMachine): void {
    const other = this.#any(this.#machines)
    if (other !== machine) this.#network.cut(machine.id, other.id, { oneWay: this.#random() < 0.5 })
  }

  #isolate({ id }: NodeMachine): void {
    for (const other of this.#machines) if (other.id !== id) this.#network.cut(id, other.id)
  }

  #anyChange({ id }: NodeMachine): MembershipChange {
    return this.#any([{ addLearners: [id] }, { addLearners: [id], promote: [id] }, { demote: [id] }, { remove: [id] }])
  }

  #any<T>(items: readonly T[]): T {
    return items[randomBetween(this.#random, 0, items.length)] as T
  }

  /** One of those for whom `test` holds, where there are any. */
  #anyOr(fallback: NodeMachine, test: (machine: NodeMachine) => boolean): NodeMachine {
    const fitting = this.#machines.filter(test)
    return fitting.length > 0 ? this.#any(fitting) : fallback
  }
}

/** Whatever comes of it. */
function ignored(answer: Promise<unknown> | undefined): void {
  answer?.catch(() => {})
}
