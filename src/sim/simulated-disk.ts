import type { Clock } from '../base/clock.ts'
import { ClosedError } from '../base/errors.ts'
import { type Random, randomBetween } from '../base/random.ts'
import type { RaftState, RaftStorage, RaftWrite } from '../raft/contract.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import { copyWrite } from '../raft/storage/record-copy.ts'
import type { PeerIdentity } from '../seam/contract.ts'
import { checkDiskFaults, NO_DISK_FAULTS, type DiskFaults } from './disk-faults.ts'
import { seededRandom } from './seeded-random.ts'
import { testIdentity } from './test-identity.ts'
import { tornBatch } from './torn-batch.ts'

export interface SimulatedDiskOptions extends Partial<DiskFaults> {
  readonly clock: Clock
  /** The same seed, faults and program give the same run. */
  readonly seed: number | string
  /** Default: the test identity named `node`. */
  readonly peerIdentity?: PeerIdentity | undefined
}

interface PendingWrite {
  readonly batch: RaftWrite
  readonly dueMs: number
  readonly fails: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * A {@link RaftStorage} on a disk with seeded faults: writes take time to become durable, stall and fail, and what is
 * not yet durable is lost in a {@link crash}. Without faults it keeps every law of storages; `torn` alone breaks one
 * (a write is all or nothing), in such a way that a node refuses what is left or can live with it.
 *
 * A test restarts a node with {@link reopen}, which hands the same disk to a new handle.
 */
export class SimulatedDisk implements RaftStorage {
  readonly #clock: Clock
  readonly #random: Random
  #faults: DiskFaults
  /** What is durable, in a handle that nobody else has. */
  readonly #durable: InMemoryRaftStorage
  /** In call order, and so by due time. */
  #pending: PendingWrite[] = []
  #timer: unknown = undefined
  #stalledUntilMs = -Infinity
  /** Why every further call is refused. */
  #ended: ClosedError | null = null
  #waitingForIdle: (() => void)[] = []

  /** A new disk, never written to. Rejects with `RangeError` for faults that are no durations or probabilities. */
  static async create(options: SimulatedDiskOptions): Promise<SimulatedDisk> {
    const { clock, seed, peerIdentity = testIdentity('node'), ...faults } = options
    const checked = checkDiskFaults({ ...NO_DISK_FAULTS, ...faults })
    return new SimulatedDisk(clock, seededRandom(seed), checked, await InMemoryRaftStorage.create({ peerIdentity }))
  }

  private constructor(clock: Clock, random: Random, faults: DiskFaults, durable: InMemoryRaftStorage) {
    this.#clock = clock
    this.#random = random
    this.#faults = faults
    this.#durable = durable
  }

  get peerIdentity(): PeerIdentity {
    return this.#durable.peerIdentity
  }

  /** The faults in force. */
  get faults(): DiskFaults {
    return this.#faults
  }

  /** Writes that are not durable yet. */
  get pendingWrites(): number {
    return this.#pending.length
  }

  /** Changes some faults for the writes from now on. */
  setFaults(faults: Partial<DiskFaults>): void {
    this.#faults = checkDiskFaults({ ...this.#faults, ...faults })
  }

  /** Nothing becomes durable for the next `ms`, whatever is under way. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#clock.now() + ms)
  }

  async load(): Promise<RaftState | null> {
    if (this.#ended !== null) throw this.#ended
    await this.#idle()
    return this.#durable.load()
  }

  write(batch: RaftWrite): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    const fails = this.#happens(this.#faults.fail)
    const dueMs = Math.max(this.#pending.at(-1)?.dueMs ?? -Infinity, this.#clock.now() + this.#delayMs())
    return new Promise((resolve, reject) => {
      this.#pending.push({ batch: copyWrite(batch), dueMs, fails, resolve, reject })
      if (this.#timer === undefined) this.#sync()
    })
  }

  /** Resolves when what is under way is durable. */
  async close(): Promise<void> {
    this.#ended ??= closed()
    await this.#idle()
  }

  /**
   * Ends the handle as a loss of power does: the first few of the writes under way (their number is drawn) are
   * durable all the same, the rest is lost, and none is ever answered.
   */
  crash(): void {
    this.#ended ??= closed()
    this.#clock.clearTimeout(this.#timer)
    const pending = this.#pending
    this.#pending = []
    const survivors = randomBetween(this.#random, 0, pending.length + 1)
    for (const { batch } of pending.slice(0, survivors)) this.#store(batch).catch(() => {})
    const lost = pending[survivors]
    if (lost !== undefined && this.#happens(this.#faults.torn)) {
      this.#store(tornBatch(lost.batch, this.#random)).catch(() => {})
    }
  }

  /** The same disk, identity and faults in a new handle. This one crashes, unless it was closed before. */
  reopen(): SimulatedDisk {
    this.crash()
    return new SimulatedDisk(this.#clock, this.#random, this.#faults, this.#durable.reopen())
  }

  /** Makes durable what is due, and waits for the next. */
  #sync(): void {
    this.#timer = undefined
    const nowMs = this.#clock.now()
    while (nowMs >= this.#stalledUntilMs) {
      const next = this.#pending[0]
      if (next === undefined || next.dueMs > nowMs) break
      this.#pending.shift()
      if (next.fails) this.#durable.failNextWrite()
      this.#store(next.batch).then(next.resolve, next.reject)
    }
    const [next] = this.#pending
    if (next !== undefined) {
      const dueMs = Math.max(next.dueMs, this.#stalledUntilMs)
      this.#timer = this.#clock.setTimeout(() => this.#sync(), dueMs - nowMs)
      return
    }
    for (const resolve of this.#waitingForIdle.splice(0)) resolve()
  }

  #store(batch: RaftWrite): Promise<void> {
    return this.#durable.write(batch)
  }

  #idle(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve()
    return new Promise((resolve) => void this.#waitingForIdle.push(resolve))
  }

  #delayMs(): number {
    const { syncMs, jitterMs, stall, stallMs } = this.#faults
    const delayMs = syncMs + (jitterMs > 0 ? this.#random() * jitterMs : 0)
    return this.#happens(stall) ? delayMs + stallMs : delayMs
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random() < probability
  }
}

function closed(): ClosedError {
  return new ClosedError('the disk is closed or has crashed: nothing was stored; open it again')
}
