import type { NodeId } from '../../../src/raft/contract.ts'
import { RaftCore } from '../../../src/raft/core/raft-core.ts'
import type { RaftMessage } from '../../../src/raft/core/message.ts'
import type { Circumstances } from '../../../src/raft/core/replica.ts'
import { RaftLinks } from '../../../src/raft/raft-links.ts'
import { seededRandom } from '../../../src/sim/index.ts'

/** As long as the ids of peers are: 43 characters of base64url. */
const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(43))
const timing = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 10_000,
}

export interface BenchCluster {
  readonly messages: number
  readonly bytes: number
  /** Entries applied by every node. */
  readonly applied: number
  elect(): void
  propose(count: number): void
  /** Delivers messages until none is under way. */
  settle(): void
}

interface Node {
  readonly id: NodeId
  readonly core: RaftCore
  readonly links: RaftLinks
  applied: number
  /** Whether something was stepped since its last round. */
  isDue: boolean
}

interface InFlight {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: RaftMessage | null
  readonly frame: Uint8Array | null
}

/** Three of our cores, driven as the node drives them. */
export function selvage(options: { encoded: boolean; commandBytes?: number }): BenchCluster {
  return new SelvageCluster(options.encoded, options.commandBytes ?? 100)
}

class SelvageCluster implements BenchCluster {
  messages = 0
  bytes = 0
  readonly #encoded: boolean
  readonly #nodes: Map<NodeId, Node>
  readonly #leader: Node
  readonly #clientId: string
  /** Nobody writes to it: one array serves for all. */
  readonly #command: Uint8Array
  #at: Circumstances = { nowMs: 0, wallMs: 1_790_000_000_000, frameBytes: 262_144 }
  #queue: InFlight[] = []
  #proposed = 0

  constructor(encoded: boolean, commandBytes: number) {
    this.#encoded = encoded
    this.#command = new Uint8Array(commandBytes).fill(120)
    const cluster = { voters: new Set(ids), learners: new Set<NodeId>() }
    const durable = { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
    const random = seededRandom(1)
    this.#nodes = new Map(
      ids.map((id) => [
        id,
        {
          id,
          core: new RaftCore({ id, cluster, durable, timing, random, at: this.#at }),
          links: new RaftLinks(random),
          applied: 0,
          isDue: false,
        },
      ]),
    )
    for (const { id, links } of this.#nodes.values()) links.keep(new Set(ids.filter((other) => other !== id)))
    this.#leader = this.#nodes.get(ids[0] as string) as Node
    this.#clientId = `auto:${this.#leader.id}-0123456789abcdef`
  }

  get applied(): number {
    return Math.min(...[...this.#nodes.values()].map(({ applied }) => applied))
  }

  elect(): void {
    this.#at = { ...this.#at, nowMs: this.#leader.core.nextDeadlineMs }
    this.#leader.core.step({ kind: 'tick' }, this.#at)
    this.settle()
  }

  propose(count: number): void {
    for (let i = 0; i < count; i++) {
      const token = ++this.#proposed
      const dedupKey = { clientId: this.#clientId, requestId: token }
      this.#leader.core.step({ kind: 'propose', token, command: this.#command, dedupKey }, this.#at)
    }
    if (count > 1) this.#round(this.#leader)
  }

  settle(): void {
    this.#round(this.#leader)
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      for (const { from, to, message, frame } of batch) {
        const node = this.#nodes.get(to) as Node
        const received = message ?? this.#hear(node, from, frame as Uint8Array)
        if (received === null) continue
        node.core.step({ kind: 'message', from, message: received }, this.#at)
        node.isDue = true
      }
      for (const node of this.#nodes.values()) if (node.isDue) this.#round(node)
    }
  }

  /** What is written is durable at once. */
  #round(node: Node): void {
    node.isDue = false
    for (;;) {
      const { write, messages, committed } = node.core.ready()
      for (const { to, message } of messages) this.#send(node, to, message)
      for (const { kind } of committed) if (kind === 'command') node.applied++
      if (write === null) return
      node.core.step({ kind: 'written', id: write.id }, this.#at)
    }
  }

  #hear(node: Node, from: NodeId, frame: Uint8Array): RaftMessage | null {
    const { message, refusal, answer } = node.links.hear(from, frame)
    if (refusal !== null) throw new Error(`a frame of ours was refused: ${refusal}`)
    if (answer !== null) this.#put({ from: node.id, to: from, message: null, frame: answer })
    return message
  }

  #send(from: Node, to: NodeId, message: RaftMessage): void {
    if (this.#encoded) this.#put({ from: from.id, to, message: null, frame: from.links.encode(to, message) })
    else this.#put({ from: from.id, to, message, frame: null })
  }

  #put(inFlight: InFlight): void {
    this.messages++
    this.bytes += inFlight.frame?.length ?? 0
    this.#queue.push(inFlight)
  }
}
