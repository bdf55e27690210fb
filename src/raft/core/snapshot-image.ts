import { utf8, wellFormed } from '../../base/bytes.ts'
import { digest53 } from '../../base/digest.ts'
import type { NodeId, StoredSnapshot } from '../contract.ts'
import { MAX_ID_BYTES } from '../id.ts'
import { decodeSnapshot, encodeSnapshot } from '../storage/record-codec.ts'
import { flawOf, MAX_MEMBERS } from './configuration.ts'
import type { LogPosition } from './log.ts'
import { ClientSessionTable } from './sessions.ts'

/**
 * A snapshot as it travels: the bytes it is stored as, in pieces. Position, size and digest name it, so that another
 * leader that holds the very same one can go on where the first stopped.
 */
export interface ImageName extends LogPosition {
  /** Bytes of the whole. */
  readonly size: number
  /** Over the whole, see `digest53`. */
  readonly digest: number
}

export interface SnapshotImage extends ImageName {
  readonly bytes: Uint8Array
}

/** What an image may have beside the application's state, bytes: sessions and configuration. */
export const MAX_IMAGE_OVERHEAD_BYTES = 8_388_608

export function imageOf(snapshot: StoredSnapshot): SnapshotImage {
  const bytes = encodeSnapshot(snapshot)
  const { index, term } = snapshot
  return { index, term, size: bytes.length, digest: digest53(bytes), bytes }
}

export function sameImage(a: ImageName, b: ImageName): boolean {
  return a.index === b.index && a.term === b.term && a.size === b.size && a.digest === b.digest
}

/** The snapshot in `bytes`, which it shares, or `null` where no node can have stored that one. */
export function readImage(bytes: Uint8Array): StoredSnapshot | null {
  return wellFormed(() => {
    const snapshot = decodeSnapshot(bytes)
    ClientSessionTable.fromBytes(snapshot.sessions)
    return isSound(snapshot) ? snapshot : null
  })
}

function isSound({ index, configIndex, config, timeMs }: StoredSnapshot): boolean {
  const { voters, learners, old } = config
  return (
    configIndex <= index &&
    Number.isSafeInteger(timeMs) &&
    timeMs >= 0 &&
    flawOf(config) === null &&
    [...voters, ...learners, ...(old ?? [])].every(isName) &&
    Math.max(voters.length, learners.length, old?.length ?? 0) <= MAX_MEMBERS
  )
}

function isName(id: NodeId): boolean {
  return id !== '' && utf8(id).length <= MAX_ID_BYTES
}
