import type { RaftStorage } from '../raft/contract.ts'
import { volatileStorage } from '../raft/starting-state.ts'
import type { Seam } from '../seam/contract.ts'
import { hasLog, isSolitary } from './founding.ts'

/**
 * Logs of sessions without a storage, each kept for as long as its seam: a call that failed may have left
 * votes behind, and a peer id must never come back without them.
 */
const memories = new WeakMap<Seam, RaftStorage>()

export async function memoryOf(seam: Seam): Promise<RaftStorage> {
  const known = memories.get(seam)
  if (known !== undefined) return known
  const fresh = await volatileStorage(seam.selfId)
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
