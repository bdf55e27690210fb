import { ClosedError, StorageFailedError } from '../../base/errors.ts'
import type { PeerIdentity } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import type { RaftState, RaftStorage, RaftWrite, StoredEntry, StoredSnapshot } from '../contract.ts'
import { copyEntry, copySnapshot } from './record-copy.ts'
import { checkRaftWrite, extentOf, isEmptyWrite } from './raft-write.ts'
import { checkRestoredState } from './restored-state.ts'

/**
 * A {@link RaftStorage} that lives as long as the page: for tests, and for a node that will never come back under
 * the same id. A write takes effect before `write` returns; its promise only tells. Arrays are copied in and out.
 *
 * A test restarts a node with {@link reopen}, which hands the same medium to a new handle, and makes the medium
 * fail with {@link failNextWrite}.
 */
export class InMemoryRaftStorage implements RaftStorage {
  readonly peerIdentity: PeerIdentity
  readonly #medium: Medium
  /** Why every further call fails: closed, or a write has failed. */
  #ended: Error | null = null
  #failNext: StorageFailedError | null = null

  /** `peerIdentity` left out: an ephemeral one (`createPeerIdentity`). */
  static async create(options: { peerIdentity?: PeerIdentity | undefined } = {}): Promise<InMemoryRaftStorage> {
    return new InMemoryRaftStorage(options.peerIdentity ?? (await createPeerIdentity()), new Medium())
  }

  private constructor(peerIdentity: PeerIdentity, medium: Medium) {
    this.peerIdentity = peerIdentity
    this.#medium = medium
  }

  load(): Promise<RaftState | null> {
    if (this.#ended instanceof ClosedError) return Promise.reject(this.#ended)
    try {
      return Promise.resolve(this.#medium.read())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  write(batch: RaftWrite): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    try {
      if (this.#failNext !== null) throw this.#failNext
      this.#medium.write(batch)
      return Promise.resolve()
    } catch (error) {
      this.#ended = new StorageFailedError(
        'an earlier write failed: nothing was stored; start again from the storage',
        {
          outcome: 'refused',
          cause: error,
        },
      )
      return Promise.reject(error)
    }
  }

  close(): Promise<void> {
    this.#ended = new ClosedError('the storage is closed: nothing was stored; open it again')
    return Promise.resolve()
  }

  /** The same medium and identity in a new handle; this one is closed, as if its process had died. */
  reopen(): InMemoryRaftStorage {
    void this.close()
    return new InMemoryRaftStorage(this.peerIdentity, this.#medium)
  }

  /** Makes the next write fail, nothing of it stored, and with it every later one of this handle. */
  failNextWrite(
    error: StorageFailedError = new StorageFailedError('the test made this write fail', { outcome: 'refused' }),
  ): void {
    this.#failNext = error
  }
}

type Scalars = { -readonly [K in keyof Omit<RaftState, 'entries' | 'snapshot'>]: RaftState[K] }

/** What survives its handles. */
class Medium {
  #written = false
  readonly #scalars: Scalars = { nodeId: null, gameId: null, lineage: null, term: 0, vote: null, leader: null }
  #entries: StoredEntry[] = []
  #snapshot: StoredSnapshot | null = null

  read(): RaftState | null {
    if (!this.#written) return null
    const { leader } = this.#scalars
    return checkRestoredState({
      ...this.#scalars,
      leader: leader === null ? null : { ...leader },
      entries: this.#entries.map(copyEntry),
      snapshot: this.#snapshot === null ? null : copySnapshot(this.#snapshot),
    })
  }

  write(batch: RaftWrite): void {
    checkRaftWrite(batch, extentOf({ entries: this.#entries, snapshot: this.#snapshot }))
    if (isEmptyWrite(batch)) return
    this.#written = true
    const { truncateFrom, snapshot, entries } = batch
    if (truncateFrom !== undefined)
      this.#entries.length = Math.max(0, Math.min(this.#entries.length, truncateFrom - this.#first()))
    if (snapshot !== undefined) this.#keepSnapshot(snapshot)
    if (entries !== undefined) for (const entry of entries) this.#entries.push(copyEntry(entry))
    const scalars = this.#scalars
    if (batch.nodeId !== undefined) scalars.nodeId = batch.nodeId
    if (batch.gameId !== undefined) scalars.gameId = batch.gameId
    if (batch.lineage !== undefined) scalars.lineage = batch.lineage
    if (batch.term !== undefined) scalars.term = batch.term
    if (batch.vote !== undefined) scalars.vote = batch.vote
    if (batch.leader !== undefined)
      scalars.leader = batch.leader === null ? null : { term: batch.leader.term, id: batch.leader.id }
    if (batch.commit !== undefined) scalars.commit = batch.commit
  }

  #keepSnapshot(snapshot: StoredSnapshot | null): void {
    this.#snapshot = snapshot === null ? null : copySnapshot(snapshot)
    if (snapshot !== null) this.#entries = this.#entries.filter((entry) => entry.index > snapshot.index)
  }

  #first(): number {
    return this.#entries[0]?.index ?? 1
  }
}
