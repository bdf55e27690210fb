import type { Outcome } from '../../core/replica.ts'
import type { CoreSimulation } from './core-simulation.ts'
import type { History, Operation } from './history.ts'
import { appending } from './kv-store.ts'
import type { Machine } from './machine.ts'

/** How long a client waits for an answer before it gives up, milliseconds. */
const PATIENCE_MS = 8000

/** Operations under one key, after which all clients go on to the next: what the oracle searches stays small. */
const OPERATIONS_PER_KEY = 40

interface Asked {
  readonly operation: Operation
  readonly token: number
  readonly key: number
  /** An append's number: what it appends, and its `requestId`. A read has none. */
  readonly request: number | null
}

/** Programs that append and read, one request at a time each, through the node of one machine each. */
export class KvClients {
  /** Operations that were answered. */
  answered = 0
  readonly #simulation: CoreSimulation
  readonly #history: History
  readonly #clients: KvClient[]
  #tokens = 0
  #values = 0

  constructor(simulation: CoreSimulation, history: History) {
    this.#simulation = simulation
    this.#history = history
    const { machines, mix } = simulation
    this.#clients = Array.from({ length: mix.clients }, (_, i) => {
      return new KvClient(`client ${i}`, machines[i % machines.length] as Machine, this)
    })
    simulation.onOutcome = (machine, outcome) => {
      for (const client of this.#clients) if (client.machine === machine) client.onOutcome(outcome)
    }
    simulation.onLife = (machine) => {
      for (const client of this.#clients) if (client.machine === machine) client.onLife()
    }
    for (const client of this.#clients) this.think(client)
  }

  nextToken(): number {
    return ++this.#tokens
  }

  nextValue(): number {
    return ++this.#values
  }

  /** The key that everybody uses now. */
  get key(): number {
    return Math.floor(this.#history.operations.length / OPERATIONS_PER_KEY)
  }

  get simulation(): CoreSimulation {
    return this.#simulation
  }

  get history(): History {
    return this.#history
  }

  think(client: KvClient): void {
    const { random, mix } = this.#simulation
    this.#simulation.after(random() * 2 * mix.thinkMs, () => client.act())
  }
}

class KvClient {
  readonly machine: Machine
  readonly #clientId: string
  readonly #all: KvClients
  #asked: Asked | null = null
  /** What it asked of a node that then went down: to be asked again under the same number. */
  #again: Asked | null = null

  constructor(clientId: string, machine: Machine, all: KvClients) {
    this.#clientId = clientId
    this.machine = machine
    this.#all = all
  }

  act(): void {
    const { life } = this.machine
    if (life === null || life.held !== null || this.#asked !== null) {
      this.#all.think(this)
      return
    }
    const again = this.#again
    this.#again = null
    if (again !== null) this.#ask({ ...again, token: this.#all.nextToken() })
    else this.#askAnew()
  }

  onOutcome(outcome: Outcome): void {
    const asked = this.#asked
    if (asked === null || outcome.token !== asked.token) return
    this.#asked = null
    const { history } = this.#all
    if (outcome.kind === 'proposed') {
      history.returned(asked.operation, '')
      this.#all.answered++
    } else if (outcome.kind === 'read') {
      history.returned(asked.operation, this.machine.life?.store.read(asked.key) ?? '')
      this.#all.answered++
    }
    this.#all.think(this)
  }

  /** Its node went down or came up: the answer will never come. */
  onLife(): void {
    const asked = this.#asked
    if (asked === null || this.machine.life !== null) return
    this.#asked = null
    if (asked.request !== null && this.#all.simulation.random() < 0.7) this.#again = asked
    this.#all.think(this)
  }

  #askAnew(): void {
    const { history, key } = this.#all
    const isRead = this.#all.simulation.random() < 0.4
    const request = isRead ? null : this.#all.nextValue()
    const operation = history.call(isRead ? 'get' : 'append', String(key), request === null ? '' : `${request};`)
    this.#ask({ operation, token: this.#all.nextToken(), key, request })
  }

  #ask(asked: Asked): void {
    this.#asked = asked
    const { token, key, request } = asked
    const { simulation } = this.#all
    simulation.after(PATIENCE_MS, () => this.#giveUp(asked))
    if (request === null) simulation.step(this.machine, { kind: 'read', token })
    else {
      const dedupKey = { clientId: this.#clientId, requestId: request }
      simulation.step(this.machine, { kind: 'propose', token, command: appending(key, request), dedupKey })
    }
  }

  /** It may ask for the same once more, or never know. */
  #giveUp(asked: Asked): void {
    if (this.#asked !== asked) return
    this.#asked = null
    this.#all.simulation.step(this.machine, { kind: 'withdraw', token: asked.token })
    if (asked.request !== null && this.#all.simulation.random() < 0.5) this.#again = asked
    this.#all.think(this)
  }
}
