import type { Clock } from '../../../base/clock.ts'
import type { Random } from '../../../base/random.ts'
import type { RaftNode } from '../../contract.ts'
import type { History, Operation } from './history.ts'
import { appending } from './kv-store.ts'
import type { Mix } from './mixes.ts'
import type { NodeMachine } from './node-machine.ts'

const PATIENCE_MS = 8000
const OUT_OF_PATIENCE = new Error('out of patience')

/** Operations under one key, after which all clients go on to the next: what the oracle searches stays small. */
const OPERATIONS_PER_KEY = 40

interface Append {
  readonly operation: Operation
  readonly key: number
  /** What it appends, and its `requestId`. */
  readonly request: number
}

/** Programs that append and read, one request at a time each, through whatever node runs on the machine of each. */
export class NodeClients {
  /** Operations that were answered. */
  answered = 0
  readonly #clock: Clock
  readonly #random: Random
  readonly #mix: Mix
  readonly #history: History
  #requests = 0
  #stopped = false

  constructor(clock: Clock, random: Random, mix: Mix, history: History) {
    this.#clock = clock
    this.#random = random
    this.#mix = mix
    this.#history = history
  }

  start(machines: readonly NodeMachine[]): void {
    for (let i = 0; i < this.#mix.clients; i++) void this.#run(machines[i % machines.length] as NodeMachine)
  }

  stop(): void {
    this.#stopped = true
  }

  nextRequest(): number {
    return ++this.#requests
  }

  /** The call ends after a while, unless its page is frozen then: nobody is there to give up. */
  async patiently<T>({ page }: NodeMachine, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const giveUp = (): void => controller.abort(OUT_OF_PATIENCE)
    const timer = this.#clock.setTimeout(() => page.run(giveUp), PATIENCE_MS)
    try {
      return await call(controller.signal)
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }

  async #run(machine: NodeMachine): Promise<void> {
    let again: Append | null = null
    for (;;) {
      await this.#sleep(this.#random() * 2 * this.#mix.thinkMs)
      if (this.#stopped) return
      const { node, page } = machine
      if (node === null || page.isFrozen) continue
      if (again === null && this.#random() < 0.4) await this.#read(machine, node)
      else {
        const asked: Append = again === null || this.#random() < 0.2 ? this.#newAppend() : again
        again = (await this.#append(machine, node, asked)) ? null : asked
      }
    }
  }

  /** Whether it was answered. What is in doubt, or was refused, may be asked again under the same number. */
  async #append(machine: NodeMachine, node: RaftNode, { operation, key, request }: Append): Promise<boolean> {
    try {
      const command = appending(key, request)
      await this.patiently(machine, (signal) => node.propose(command, { requestId: request, signal }))
    } catch {
      return false
    }
    this.#history.returned(operation, '')
    this.answered++
    return true
  }

  async #read(machine: NodeMachine, node: RaftNode): Promise<void> {
    const key = this.#key
    const operation = this.#history.call('get', String(key), '')
    const { store } = machine
    try {
      const index = await this.patiently(machine, (signal) => node.readIndex({ signal }))
      while (store.applied < index && machine.node === node) await this.#sleep(1)
    } catch {
      return
    }
    if (machine.node !== node) return
    this.#history.returned(operation, store.read(key))
    this.answered++
  }

  #newAppend(): Append {
    const [key, request] = [this.#key, this.nextRequest()]
    return { operation: this.#history.call('append', String(key), `${request};`), key, request }
  }

  /** The key that everybody uses now. */
  get #key(): number {
    return Math.floor(this.#history.operations.length / OPERATIONS_PER_KEY)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms))
  }
}
