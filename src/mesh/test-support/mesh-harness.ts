import { expect } from 'vitest'
import { sleep, withinMs } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import type { SeamHarness } from '../../conformance/seam-harness.ts'
import type { PeerIdentity, Seam } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import type { MeshLoom } from '../mesh-loom.ts'
import { newRoomSecret } from '../seal/room-address.ts'
import { SignalTag } from '../seal/signal-tag.ts'

/** How a fabric that is a mesh is held to the laws of seams: each peer is a loom of its own, all in one page. */
export function meshHarness({ loom, quietMs = 400 }: MeshHarnessOptions): SeamHarness {
  const weaves: Weave[] = []
  const weave = async (meet: (made: MeshLoom) => Promise<Seam>, known?: PeerIdentity): Promise<Seam> => {
    const identity = known ?? (await createPeerIdentity())
    const made = loom(identity)
    const seam = await meet(made.loom)
    weaves.push({ ...made, seam, identity })
    return seam
  }
  return {
    room: ({ maxPeers } = {}) => {
      const roomKey = newRoomSecret()
      const tag = new SignalTag({ room: roomKey })
      return {
        host: (wait) => weave((made) => made.host({ sessionName: 'laws', roomKey, maxPeers }, wait)),
        join: (wait) => weave((made) => made.join(tag, wait)),
        rejoin: (seam) => weave((made) => made.join(tag), weaves.find((known) => known.seam === seam)?.identity),
      }
    },
    settle: (promise) => withinMs(systemClock, 25_000, promise, () => new Error('nothing came within 25 s')),
    quiet: () => sleep(systemClock, quietMs),
    capability: () => loom(undefined).loom.capability(),
    loseLink: async (a, b) => {
      for (const { seam, sever } of weaves) if (seam === a || seam === b) sever()
    },
    close: async () => {
      await Promise.all(weaves.map(({ seam }) => seam.close()))
      for (const { seam, loom: made } of weaves) expect(made.diagnostics(seam).openLinks).toBe(0)
    },
  }
}

/** How long the looms of a harness wait for a peer whose link broke: a link that is cut here stays cut. */
export const LAWS_LOST_AFTER_MS = 2_000

export interface MeshHarnessOptions {
  /** A loom of one peer; `lostAfterMs` is {@link LAWS_LOST_AFTER_MS}. */
  readonly loom: (peerIdentity: PeerIdentity | undefined) => HarnessLoom
  /** Within which everything under way has arrived, milliseconds. Default 400: other suites may be at work beside this one. */
  readonly quietMs?: number
}

export interface HarnessLoom {
  readonly loom: MeshLoom
  /** Cuts every link of the loom without a word, and for good. */
  readonly sever: () => void
}

interface Weave extends HarnessLoom {
  readonly seam: Seam
  readonly identity: PeerIdentity
}
