import { StorageFailedError } from '../../base/errors.ts'
import { testIdentity } from '../../sim/index.ts'
import type { NodeId, RaftState, RaftStorage, RaftWrite } from '../contract.ts'
import { InMemoryRaftStorage } from '../storage/in-memory-raft-storage.ts'

/** A storage whose writes become durable, or fail, when the test says so, in call order. What fails stays failed. */
export class HeldStorage implements RaftStorage {
  /** What is durable. */
  readonly disk: InMemoryRaftStorage
  /** While `false` writes are durable at once. */
  holding = false
  readonly #held: { readonly batch: RaftWrite; readonly resolve: () => void; readonly reject: (e: Error) => void }[] =
    []
  #failed: StorageFailedError | null = null

  static async create(id: NodeId): Promise<HeldStorage> {
    return new HeldStorage(await InMemoryRaftStorage.create({ peerIdentity: testIdentity(id) }))
  }

  private constructor(disk: InMemoryRaftStorage) {
    this.disk = disk
  }

  get peerIdentity(): RaftStorage['peerIdentity'] {
    return this.disk.peerIdentity
  }

  /** Writes begun and not answered. */
  get underWay(): number {
    return this.#held.length
  }

  load(): Promise<RaftState | null> {
    return this.disk.load()
  }

  write(batch: RaftWrite): Promise<void> {
    if (this.#failed !== null) return Promise.reject(this.#failed)
    if (!this.holding) return this.disk.write(batch)
    return new Promise((resolve, reject) => this.#held.push({ batch: structuredClone(batch), resolve, reject }))
  }

  /** The oldest write is durable now. */
  async release(): Promise<void> {
    const write = this.#held.shift()
    if (write === undefined) return
    await this.disk.write(write.batch)
    write.resolve()
  }

  /** The oldest write fails, and so do all after it: `answers` tells in which order their callers hear of it. */
  fail(answers: 'oldest first' | 'newest first' = 'oldest first'): void {
    this.#failed = new StorageFailedError('the test made this write fail', { outcome: 'refused' })
    const failed = this.#held.splice(0)
    for (const { reject } of answers === 'oldest first' ? failed : failed.toReversed()) reject(this.#failed)
  }

  close(): Promise<void> {
    return this.disk.close()
  }
}
