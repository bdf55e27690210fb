import type { DedupKey, MembershipRecord, NodeId, StoredEntry } from '../contract.ts'

/** Room that every frame leaves for all that is not entries, bytes. */
export const FRAME_HEADER_BYTES = 64
/** Room for an entry's kind and numbers, and for all that goes with its ids but their letters, bytes. */
const ENTRY_HEADER_BYTES = 56
/** Room for all that goes with a member's id, bytes. */
const MEMBER_HEADER_BYTES = 9
/** UTF-8 needs at most three bytes for each UTF-16 unit. */
const BYTES_PER_UNIT = 3

/** An upper bound of the size that an entry has in a frame of its own, bytes; what it takes in memory, about. */
export function entrySizeBytes(entry: StoredEntry): number {
  const size = entry.command.length + aroundCommandBytes(entry.dedupKey, entry.proposer)
  return entry.kind === 'config' ? size + membersBytes(entry.config) : size
}

/** An upper bound of what entries take in one frame, bytes: cheap, so that a batch need not be encoded to be measured. */
export class BatchSize {
  bytes = 0
  /** What a frame says once, however many of its entries mean it. */
  readonly #ids: Set<string> = new Set()

  add(entry: StoredEntry): void {
    const { command, dedupKey, proposer } = entry
    this.bytes += command.length + ENTRY_HEADER_BYTES
    if (dedupKey !== null) this.#addId(dedupKey.clientId)
    if (proposer !== null) this.#addId(proposer)
    if (entry.kind === 'config') this.bytes += membersBytes(entry.config)
  }

  #addId(id: string): void {
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    this.bytes += id.length * BYTES_PER_UNIT
  }
}

/**
 * Throws `RangeError` for a configuration whose entry would not fit one frame of `frameBytes` (`null`: no bound): no
 * follower could ever be told of it, nor of anything that came after.
 */
export function checkConfigFits(config: MembershipRecord, frameBytes: number | null): void {
  const size = ENTRY_HEADER_BYTES + membersBytes(config)
  const most = (frameBytes ?? Infinity) - FRAME_HEADER_BYTES
  if (size <= most) return
  throw new RangeError(
    `a configuration takes up to ${size} bytes, and a frame has room for ${most}: nothing was changed; have fewer members, or change fewer at a time`,
  )
}

function membersBytes({ voters, learners, old }: MembershipRecord): number {
  let bytes = 0
  for (const id of [...voters, ...learners, ...(old ?? [])]) bytes += id.length * BYTES_PER_UNIT + MEMBER_HEADER_BYTES
  return bytes
}

/** Largest command that fits one frame of `frameBytes` (`null`: no bound) under that key, bytes; negative if none does. */
export function maxCommandBytes(frameBytes: number | null, dedupKey: DedupKey | null, proposer: NodeId | null): number {
  if (frameBytes === null) return Infinity
  return frameBytes - FRAME_HEADER_BYTES - aroundCommandBytes(dedupKey, proposer)
}

function aroundCommandBytes(dedupKey: DedupKey | null, proposer: NodeId | null): number {
  const units = (dedupKey?.clientId.length ?? 0) + (proposer?.length ?? 0)
  return ENTRY_HEADER_BYTES + units * BYTES_PER_UNIT
}
