import type { NodeId, StoredEntry } from '../contract.ts'
import { FORWARD_WINDOW } from './proposals.ts'

/** Entries that a leader lets stand uncommitted for one member, itself included. */
export const MAX_UNCOMMITTED_PER_MEMBER: number = FORWARD_WINDOW
/** Their commands, bytes; one always goes. */
export const MAX_UNCOMMITTED_BYTES_PER_MEMBER = 4_194_304

interface Share {
  entries: number
  bytes: number
}

/** How much of a leader's uncommitted log each member has filled: so that none can fill all of it. */
export class Shares {
  readonly #shares: Map<NodeId, Share> = new Map()

  isFull(id: NodeId): boolean {
    const share = this.#shares.get(id)
    if (share === undefined) return false
    return share.entries >= MAX_UNCOMMITTED_PER_MEMBER || share.bytes >= MAX_UNCOMMITTED_BYTES_PER_MEMBER
  }

  appended({ proposer, command }: StoredEntry): void {
    if (proposer === null) return
    const share = this.#shares.get(proposer)
    if (share === undefined) {
      this.#shares.set(proposer, { entries: 1, bytes: command.length })
      return
    }
    share.entries++
    share.bytes += command.length
  }

  committed({ proposer, command }: StoredEntry): void {
    const share = proposer === null ? undefined : this.#shares.get(proposer)
    if (share === undefined) return
    share.entries--
    share.bytes -= command.length
    if (share.entries === 0) this.#shares.delete(proposer as NodeId)
  }

  /** A leader begins with what it inherited. */
  reset(uncommitted: readonly StoredEntry[]): void {
    this.#shares.clear()
    for (const entry of uncommitted) this.appended(entry)
  }
}
