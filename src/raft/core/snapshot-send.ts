import type { NodeId } from '../contract.ts'
import type { SnapshotReply } from './message.ts'
import type { Progress } from './progress.ts'
import type { Replica } from './replica.ts'
import { imageOf, type SnapshotImage } from './snapshot-image.ts'

/** Bytes of a snapshot that a leader lets one follower have under way: little enough for heartbeats to get through. */
export const SNAPSHOT_WINDOW_BYTES = 262_144

/** Bytes in one chunk, where the transport takes as much. */
export const MAX_CHUNK_BYTES = 65_536

/** Room that a frame leaves for what is not data, bytes. */
export const CHUNK_HEADER_BYTES = 96

/**
 * A snapshot on its way to one follower. The first chunk asks as well: the answer says how much the follower holds,
 * perhaps from another leader, and the rest streams from there in a window. It goes back only to what the follower says
 * it holds, when it says that something is missing or when nothing was heard between two heartbeats. A newer snapshot of
 * the leader's own does not disturb it: else a busy log would never let it end.
 */
export class SnapshotTransfer {
  readonly image: SnapshotImage
  /** Bytes the follower is known to hold. */
  #acked = 0
  /** Where the next chunk begins. */
  #next = 0
  /** Number of the newest frame; answers repeat it. */
  #serial = 0
  /** Answers to frames up to this one are about what came before the last step back. */
  #stepBackSerial = 0
  /** A frame whose answer says where to go on, whatever was sent before: the first one, and those that only ask. */
  #question = 1
  #isAnswered = false
  /** Whether the follower answered since the last heartbeat. */
  #isHeard = true

  constructor(image: SnapshotImage) {
    this.image = image
  }

  /** The next chunk of at most `maxBytes`, or `null` while the window is full. */
  nextChunk(maxBytes: number): Chunk | null {
    const { size, bytes } = this.image
    const isOpen = this.#isAnswered ? this.#next - this.#acked < SNAPSHOT_WINDOW_BYTES : this.#next === 0
    if (!isOpen || this.#next === size) return null
    const offset = this.#next
    this.#next = Math.min(size, offset + maxBytes)
    return { serial: ++this.#serial, offset, data: bytes.subarray(offset, this.#next) }
  }

  /** At a heartbeat: a frame without data, where nothing was heard since the last one. */
  question(): Chunk | null {
    if (this.#isHeard) {
      this.#isHeard = false
      return null
    }
    return this.ask()
  }

  ask(): Chunk {
    this.#question = ++this.#serial
    return { serial: this.#question, offset: this.#acked, data: NO_DATA }
  }

  answered({ serial, offset, missed }: SnapshotReply): void {
    const held = Math.min(offset, this.image.size)
    this.#isHeard = true
    if (serial === this.#question || (missed && serial > this.#stepBackSerial)) {
      this.#isAnswered = true
      this.#acked = held
      this.#next = held
      this.#stepBackSerial = this.#serial
    } else if (!missed) this.#acked = Math.max(this.#acked, Math.min(held, this.#next))
  }
}

interface Chunk {
  readonly serial: number
  readonly offset: number
  readonly data: Uint8Array
}

const NO_DATA = new Uint8Array(0)

/** The follower lacks what the log does not hold any more. */
export function beginTransfer(r: Replica, to: NodeId, progress: Progress): void {
  if (r.snapshot === null) return
  if (r.image?.index !== r.snapshot.index) r.image = imageOf(r.snapshot)
  progress.transfer = new SnapshotTransfer(r.image)
  r.note?.({ kind: 'snapshot-begun', to, index: r.image.index, bytes: r.image.size })
  continueTransfer(r, to, progress.transfer)
}

export function continueTransfer(r: Replica, to: NodeId, transfer: SnapshotTransfer): void {
  const { frameBytes } = r.at
  const room = Math.min(MAX_CHUNK_BYTES, Math.max(1, (frameBytes ?? Infinity) - CHUNK_HEADER_BYTES))
  for (let chunk = transfer.nextChunk(room); chunk !== null; chunk = transfer.nextChunk(room))
    send(r, to, transfer, chunk)
}

/** Time for a heartbeat. One that has not answered for long starts with the newest snapshot when it comes back. */
export function superviseTransfer(r: Replica, to: NodeId, progress: Progress, transfer: SnapshotTransfer): void {
  if (r.at.nowMs - progress.contactMs > r.timing.electionTimeoutMaxMs && transfer.image.index !== r.snapshot?.index) {
    progress.transfer = null
    return
  }
  const question = transfer.question()
  if (question !== null) send(r, to, transfer, question)
}

/** The follower can be reached again: what was under way may be lost. */
export function askAgain(r: Replica, to: NodeId, transfer: SnapshotTransfer): void {
  send(r, to, transfer, transfer.ask())
}

export function onSnapshotReply(r: Replica, from: NodeId, message: SnapshotReply): void {
  const progress = r.progress.get(from)
  if (r.state !== 'leader' || message.term !== r.term || progress === undefined) return
  progress.contactMs = r.at.nowMs
  const { transfer } = progress
  if (transfer === null || message.index !== transfer.image.index) return
  const { index, size } = transfer.image
  r.note?.({ kind: 'snapshot-progress', to: from, index, held: Math.min(message.offset, size), bytes: size })
  if (message.offset < size) {
    transfer.answered(message)
    return
  }
  progress.transfer = null
  progress.accepted(index)
  if (![...r.progress.values()].some((each) => each.transfer !== null)) r.image = null
}

function send(r: Replica, to: NodeId, { image }: SnapshotTransfer, chunk: Chunk): void {
  const { index, term: indexTerm, size, digest } = image
  r.outbox.send(to, { kind: 'snapshot', term: r.term, index, indexTerm, size, digest, ...chunk })
}
