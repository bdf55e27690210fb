import type { RaftStorage } from '../raft/contract.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import type { PeerIdentity, Seam } from '../seam/contract.ts'
import { hasLog, isSolitary } from './founding.ts'

/**
 * Logs of sessions without a storage, each kept for as long as its seam: a call that failed may have left
 * votes behind, and a peer id must never come back without them.
 */
const memories = new WeakMap<Seam, RaftStorage>()

export async function memoryOf(seam: Seam): Promise<RaftStorage> {
  const known = memories.get(seam)
  if (known !== undefined) return known
  const fresh = await InMemoryRaftStorage.create({ peerIdentity: unprovenIdentity(seam.selfId) })
  // Another call on the same seam may have been quicker.
  const memory = memories.get(seam) ?? fresh
  memories.set(seam, memory)
  return memory
}

/** Forgets the log that a failed call left behind, where no other peer's vote or seat can depend on it. */
export async function forgetIfAlone(seam: Seam): Promise<void> {
  const state = (await memories.get(seam)?.load()) ?? null
  if (!hasLog(state) || isSolitary(state, seam.selfId)) memories.delete(seam)
}

/** The fabric has proved the id; nothing is signed with it here. */
function unprovenIdentity(id: string): PeerIdentity {
  return {
    id,
    publicKey: new Uint8Array(0),
    sign: () => Promise.reject(new TypeError('a session without a storage has no key to sign with')),
  }
}
