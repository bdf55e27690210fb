import type { NodeId, RaftWrite, StoredEntry, StoredSnapshot } from '../../contract.ts'
import type { DurableState } from '../../core/replica.ts'

/** What the disk of one node holds: written in place, so that a write costs what it writes. */
export class DiskImage {
  term = 0
  vote: NodeId | null = null
  leader: DurableState['leader'] = null
  commit = 0
  snapshot: StoredSnapshot | null = null
  /** Contiguous from above the snapshot. */
  readonly entries: StoredEntry[] = []

  get floorIndex(): number {
    return this.snapshot?.index ?? 0
  }

  get lastIndex(): number {
    return this.floorIndex + this.entries.length
  }

  /** Whether the entry of that place is on the disk, by itself or inside the snapshot. */
  holds(index: number, term: number): boolean {
    if (index <= this.floorIndex) return true
    return this.entries[index - this.floorIndex - 1]?.term === term
  }

  /** What a node starts from. Its own from then on. */
  durableState(): DurableState {
    const { term, vote, leader, commit, entries, snapshot } = this
    return { term, vote, leader, commit, entries: [...entries], floor: snapshot }
  }

  write(batch: RaftWrite): void {
    const { truncateFrom, snapshot, entries = [] } = batch
    if (truncateFrom !== undefined) this.entries.length = clamp(truncateFrom - this.floorIndex - 1, this.entries.length)
    if (snapshot !== undefined && snapshot !== null) this.#install(snapshot)
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1) throw new Error(`entry ${entry.index} written after ${this.lastIndex}`)
      this.entries.push(entry)
    }
    if (batch.term !== undefined) this.term = batch.term
    if (batch.vote !== undefined) this.vote = batch.vote
    if (batch.leader !== undefined) this.leader = batch.leader
    if (batch.commit !== undefined) this.commit = batch.commit
  }

  #install(snapshot: StoredSnapshot): void {
    this.entries.splice(0, clamp(snapshot.index - this.floorIndex, this.entries.length))
    this.snapshot = snapshot
  }
}

function clamp(count: number, max: number): number {
  return Math.max(0, Math.min(count, max))
}
