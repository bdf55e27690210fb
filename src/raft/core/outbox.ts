import type { NodeId, RaftWrite, StoredEntry, StoredSnapshot } from '../contract.ts'
import type { Outgoing, RaftMessage } from './message.ts'

type Batch = { -readonly [K in keyof RaftWrite]: RaftWrite[K] } & { entries?: StoredEntry[] }

/** Frames held for a disk that does not answer, beyond which further ones count as lost: they are asked for again. */
export const MAX_HELD_MESSAGES = 1024

/**
 * What one round of the core wants done outside: frames to send and one batch to make durable. A frame
 * that promises something (a vote, an acknowledgement) is held until every write begun before it is
 * durable; all others leave at once.
 */
export class Outbox {
  #messages: Outgoing[] = []
  #held: (Outgoing & { readonly write: number })[] = []
  #batch: Batch | null = null
  /** Number of the newest batch handed out. */
  #issued = 0
  #durable = 0

  /** Number of the write that makes durable all that was recorded so far. */
  get pendingWrite(): number {
    return this.#batch === null ? this.#issued : this.#issued + 1
  }

  /** Frames that wait for a write. */
  get held(): number {
    return this.#held.length
  }

  get durableWrite(): number {
    return this.#durable
  }

  send(to: NodeId, message: RaftMessage): void {
    this.#messages.push({ to, message })
  }

  /** Sends once all that was recorded so far is durable. */
  sendWhenDurable(to: NodeId, message: RaftMessage): void {
    const write = this.pendingWrite
    if (write <= this.#durable) this.#messages.push({ to, message })
    else if (this.#held.length < MAX_HELD_MESSAGES) this.#held.push({ to, message, write })
  }

  recordTerm(term: number, vote: NodeId | null): void {
    Object.assign(this.#open(), { term, vote })
  }

  recordLeader(term: number, id: NodeId): void {
    this.#open().leader = { term, id }
  }

  recordCommit(index: number): void {
    this.#open().commit = index
  }

  recordEntry(entry: StoredEntry): void {
    const batch = this.#open()
    if (batch.entries === undefined) batch.entries = [entry]
    else batch.entries.push(entry)
  }

  /** The entries it stands for go with it: those in the batch need not be written any more. */
  recordSnapshot(snapshot: StoredSnapshot): void {
    const batch = this.#open()
    batch.snapshot = snapshot
    if (batch.entries !== undefined) batch.entries = batch.entries.filter(({ index }) => index > snapshot.index)
  }

  /** Cuts from the batch what is still in it; the rest is cut from the storage. */
  recordTruncation(from: number): void {
    const batch = this.#open()
    const entries = batch.entries ?? []
    const first = entries[0]?.index
    if (first !== undefined && from > first) {
      entries.length = from - first
      return
    }
    batch.entries = []
    batch.truncateFrom = Math.min(batch.truncateFrom ?? from, from)
  }

  get hasWrite(): boolean {
    return this.#batch !== null
  }

  takeMessages(): Outgoing[] {
    const messages = this.#messages
    this.#messages = []
    return messages
  }

  takeWrite(): { readonly id: number; readonly batch: RaftWrite } | null {
    const batch = this.#batch
    if (batch === null) return null
    this.#batch = null
    this.#issued++
    return { id: this.#issued, batch }
  }

  /** Everything up to write `id` is durable. */
  written(id: number): void {
    this.#durable = Math.max(this.#durable, id)
    let free = 0
    // Held in the order of writes.
    for (; free < this.#held.length; free++) {
      const held = this.#held[free] as Outgoing & { readonly write: number }
      if (held.write > this.#durable) break
      this.#messages.push({ to: held.to, message: held.message })
    }
    if (free > 0) this.#held.splice(0, free)
  }

  #open(): Batch {
    this.#batch ??= {}
    return this.#batch
  }
}
