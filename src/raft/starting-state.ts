import { answered, type WaitBound } from '../base/bounded-wait.ts'
import type { Clock } from '../base/clock.ts'
import { ConfigError, CorruptStateError, StorageFailedError } from '../base/errors.ts'
import type { NodeId, RaftState, RaftStorage } from './contract.ts'
import type { DurableState } from './core/replica.ts'
import { ClientSessionTable } from './core/sessions.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { checkRestoredState } from './storage/restored-state.ts'

/** Longest that a storage may take to give up what it holds, and to take a node's first record, milliseconds. */
export const STARTING_TIMEOUT_MS = 60_000

/**
 * What `storage` holds for node `id`, checked; an unnamed storage is this node's from now on. Rejects with
 * `ConfigError` (another node's), {@link CorruptStateError}, `StorageFailedError` (also past
 * {@link STARTING_TIMEOUT_MS}) or the signal's reason.
 */
export async function startingState(
  storage: RaftStorage,
  id: NodeId,
  { clock, signal }: { clock: Clock; signal: AbortSignal | undefined },
): Promise<DurableState> {
  const bound: WaitBound = { clock, ms: STARTING_TIMEOUT_MS, signal }
  signal?.throwIfAborted()
  const state = await answered(storage.load(), bound, mute)
  if (state !== null && state.nodeId !== null && state.nodeId !== id) {
    throw new ConfigError(
      `the storage is of node ${state.nodeId}, not of ${id}: nothing was started; open this node's own`,
    )
  }
  const durable = restored(state)
  if (state === null || state.nodeId === null) {
    await answered(storage.write({ nodeId: id }), bound, mute)
  }
  return durable
}

function mute(): StorageFailedError {
  const message = `the storage did not answer within ${STARTING_TIMEOUT_MS} ms: no node was started; open it again`
  return new StorageFailedError(message, { outcome: 'refused' })
}

/** What a node starts from; `CorruptStateError` for what no node can have left behind. */
function restored(state: RaftState | null): DurableState {
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
  try {
    if (snapshot !== null) ClientSessionTable.fromBytes(snapshot.sessions)
  } catch (cause) {
    throw new CorruptStateError('snapshot', 'its client sessions cannot be read', { cause })
  }
  return { term, vote, leader, commit, entries, floor: snapshot }
}

/** A storage in memory, for who leaves it out. The fabric has proved `id`: nothing is signed with it here. */
export function volatileStorage(id: NodeId): Promise<RaftStorage> {
  const sign = (): Promise<Uint8Array> =>
    Promise.reject(new TypeError('a storage that was left out has no key to sign with'))
  return InMemoryRaftStorage.create({ peerIdentity: { id, publicKey: new Uint8Array(0), sign } })
}
