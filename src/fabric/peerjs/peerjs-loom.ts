import { MeshLoom } from '../../mesh/mesh-loom.ts'
import type { Seam } from '../../seam/contract.ts'
import { peerJsMeans, type PeerJsLoomOptions } from './peerjs-means.ts'
import { PeerJsTag } from './peerjs-tag.ts'

/**
 * Seams over WebRTC, introduced by PeerServers (peerjs, an optional peer dependency). The servers are tried and
 * rotated like signalling servers: any of them will do, and losing one tears nothing.
 *
 * A PeerServer knows no rooms. Two that open one public room within the same second may both succeed; they are
 * in one room all the same.
 */
export class PeerJsLoom extends MeshLoom {
  /** Throws a `TypeError` or `RangeError` for options that cannot work. Opens nothing. */
  constructor(options: PeerJsLoomOptions) {
    super(options, peerJsMeans(options))
  }

  override invite(seam: Seam): PeerJsTag {
    return new PeerJsTag(super.invite(seam))
  }
}
