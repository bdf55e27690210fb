import type { DedupKey, NodeId } from '../contract.ts'
import type { Refusal } from './message.ts'

/** Proposals one node has with a leader at a time, and forwards a leader remembers of one member. */
export const FORWARD_WINDOW = 1024

/** A command on its way into the log, until it is seen to commit. */
export interface Proposal {
  readonly serial: number
  readonly command: Uint8Array
  readonly dedupKey: DedupKey
  /** Who waits for it. Empty once all of them gave up. */
  readonly tokens: number[]
  /** The term whose leader it was given to; `null` while it waits for one. */
  sentTerm: number | null
}

/**
 * This node's own proposals. One is *parked* until a leader is known, then *with* the leader of a term.
 * It comes back only when an entry of a later term has committed: from then on nothing of the earlier
 * term can enter the log any more, so giving it to another leader cannot make it count twice.
 */
export class Proposals {
  /** Tells this process's forwards from those of an earlier one under the same id. */
  readonly incarnation: number
  /** When to repeat what a leader should have had by now. */
  resendAtMs: number = Infinity
  /** By client, then by request; those of one client in order of serials. */
  readonly #byClient: Map<string, Map<number, Proposal>> = new Map()
  /** In order of serials. */
  #parked: Proposal[] = []
  #lastSerial = 0
  /** Looked up only when asked for: of a thousand that commit at once, once. */
  #lowestSerial: number | null = null

  constructor(incarnation: number) {
    this.incarnation = incarnation
  }

  get size(): number {
    let size = 0
    for (const requests of this.#byClient.values()) size += requests.size
    return size
  }

  get lowestSerial(): number {
    this.#lowestSerial ??= this.#lookUpLowest()
    return this.#lowestSerial
  }

  /** A second proposal under a key that is under way waits for the first instead of being sent. */
  add(token: number, command: Uint8Array, dedupKey: DedupKey): void {
    let requests = this.#byClient.get(dedupKey.clientId)
    if (requests === undefined) {
      requests = new Map()
      this.#byClient.set(dedupKey.clientId, requests)
    }
    const known = requests.get(dedupKey.requestId)
    if (known !== undefined) {
      known.tokens.push(token)
      return
    }
    const proposal = { serial: ++this.#lastSerial, command, dedupKey, tokens: [token], sentTerm: null }
    requests.set(dedupKey.requestId, proposal)
    this.#parked.push(proposal)
  }

  /** The caller gave up. What no leader has had yet will never be sent. */
  withdraw(token: number): void {
    const proposal = this.all().find(({ tokens }) => tokens.includes(token))
    if (proposal === undefined) return
    proposal.tokens.splice(proposal.tokens.indexOf(token), 1)
    if (proposal.tokens.length === 0) this.#remove(proposal)
  }

  /** Hands parked proposals to `give` in order, until it returns false. */
  giveParked(give: (proposal: Proposal) => boolean): void {
    let given = 0
    while (given < this.#parked.length && give(this.#parked[given] as Proposal)) given++
    if (given > 0) this.#parked = this.#parked.slice(given)
  }

  get hasParked(): boolean {
    return this.#parked.length > 0
  }

  /** Removes and returns the proposal that committed under `dedupKey`. */
  take({ clientId, requestId }: DedupKey): Proposal | null {
    const proposal = this.#byClient.get(clientId)?.get(requestId) ?? null
    if (proposal !== null) this.#remove(proposal)
    return proposal
  }

  /** In order of serials. */
  all(): Proposal[] {
    const each = [...this.#byClient.values()].flatMap((requests) => [...requests.values()])
    return each.sort((a, b) => a.serial - b.serial)
  }

  /** Those now with the leader of `term`, in order. */
  withLeaderOf(term: number): Proposal[] {
    return this.all().filter(({ sentTerm }) => sentTerm === term)
  }

  /** An entry of `term` has committed: what was with leaders of earlier terms is parked again. */
  reclaimBefore(term: number): void {
    const reclaimed = this.all().filter(({ sentTerm }) => sentTerm !== null && sentTerm < term)
    if (reclaimed.length === 0) return
    for (const proposal of reclaimed) proposal.sentTerm = null
    this.#parked = [...this.#parked, ...reclaimed].sort((a, b) => a.serial - b.serial)
  }

  #remove(proposal: Proposal): void {
    const { dedupKey, serial, sentTerm } = proposal
    this.#byClient.get(dedupKey.clientId)?.delete(dedupKey.requestId)
    if (serial === this.#lowestSerial) this.#lowestSerial = null
    if (sentTerm === null) this.#parked = this.#parked.filter((parked) => parked !== proposal)
  }

  /** The next one to be, where there is none. */
  #lookUpLowest(): number {
    let lowest = this.#lastSerial + 1
    for (const requests of this.#byClient.values()) {
      for (const { serial } of requests.values()) {
        lowest = Math.min(lowest, serial)
        break
      }
    }
    return lowest
  }
}

interface ProcessForwards {
  /** What lies below has been settled: a late copy of it is not new. */
  lowest: number
  /** Serials taken: `null` for appended, else why it was refused. */
  readonly taken: Map<number, Refusal | null>
}

/** Processes of one member that a leader takes forwards from at a time: a new one retires the oldest. */
const MAX_LIVE_PROCESSES = 16
/** Processes of one member that a leader remembers in a term, retired ones too; forwards of further ones are not taken. */
const MAX_PROCESSES = 1024

/** What a leader has taken from each member in its term, so that a forward is appended once, however late a copy comes. */
export class ForwardLedger {
  /** By member, then by incarnation. */
  readonly #members: Map<NodeId, Map<number, ProcessForwards>> = new Map()

  clear(): void {
    this.#members.clear()
  }

  /** Forgets those that have left. */
  retain(isMember: (id: NodeId) => boolean): void {
    for (const id of this.#members.keys()) if (!isMember(id)) this.#members.delete(id)
  }

  /**
   * What became of a forward: `new`, `full` (the member has too many), `old` (it waits no longer),
   * `appended`, or why it was refused.
   */
  look(
    from: NodeId,
    incarnation: number,
    serial: number,
    lowest: number,
  ): 'new' | 'full' | 'old' | 'appended' | Refusal {
    const process = this.#process(from, incarnation)
    if (process === null) return 'full'
    if (lowest > process.lowest) {
      process.lowest = lowest
      for (const known of process.taken.keys()) if (known < lowest) process.taken.delete(known)
    }
    if (serial < process.lowest) return 'old'
    const fate = process.taken.get(serial)
    if (fate !== undefined) return fate ?? 'appended'
    return process.taken.size >= FORWARD_WINDOW ? 'full' : 'new'
  }

  record(from: NodeId, incarnation: number, serial: number, refusal: Refusal | null): void {
    this.#process(from, incarnation)?.taken.set(serial, refusal)
  }

  #process(from: NodeId, incarnation: number): ProcessForwards | null {
    let processes = this.#members.get(from)
    if (processes === undefined) {
      processes = new Map()
      this.#members.set(from, processes)
    }
    let process = processes.get(incarnation)
    if (process === undefined) {
      if (processes.size >= MAX_PROCESSES) return null
      process = { lowest: 0, taken: new Map() }
      processes.set(incarnation, process)
      retire([...processes.values()].at(-1 - MAX_LIVE_PROCESSES))
    }
    return process
  }
}

/** A process that so many have followed is gone. Nothing of it is new any more, and no serial need be kept. */
function retire(process: ProcessForwards | undefined): void {
  if (process === undefined) return
  process.lowest = Infinity
  process.taken.clear()
}
