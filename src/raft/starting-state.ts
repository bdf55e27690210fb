import { ConfigError, CorruptStateError } from '../base/errors.ts'
import type { NodeId, RaftState, RaftStorage } from './contract.ts'
import type { DurableState } from './core/replica.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { checkRestoredState } from './storage/restored-state.ts'

/** What a node starts from; `CorruptStateError` for what no node can have left behind. */
export function restored(state: RaftState | null): DurableState {
  if (state === null) return { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
  const { term, vote, leader, commit = 0, entries, snapshot } = checkRestoredState(state)
  let timeMs = snapshot?.timeMs ?? 0
  for (const entry of entries) {
    if (!Number.isSafeInteger(entry.timeMs) || entry.timeMs < timeMs) {
      throw new CorruptStateError(
        `entry ${entry.index}`,
        'its time is not a whole number, or before that of what it follows',
      )
    }
    timeMs = entry.timeMs
  }
  return { term, vote, leader, commit, entries, floor: snapshot }
}

/** An identity nobody keeps: the node is gone when its process is. */
export function volatileStorage(id: NodeId): Promise<RaftStorage> {
  const sign = (): Promise<Uint8Array> =>
    Promise.reject(new ConfigError('a node without a storage has no key to sign with'))
  return InMemoryRaftStorage.create({ peerIdentity: { id, publicKey: new Uint8Array(0), sign } })
}
