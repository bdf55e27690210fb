import { describeLaws } from '../conformance/describe-laws.ts'
import { raftStorageLaws, type RaftStorageHarness } from '../conformance/raft-storage-laws.ts'
import type { RaftStorage } from '../raft/contract.ts'
import { createPeerIdentity } from '../seam/peer-identity.ts'
import type { DiskFaults } from './disk-faults.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Every call makes the clock run until it is answered. */
class RunningDisk implements RaftStorage {
  readonly disk: SimulatedDisk
  readonly #clock: VirtualClock

  constructor(disk: SimulatedDisk, clock: VirtualClock) {
    this.disk = disk
    this.#clock = clock
  }

  get peerIdentity(): RaftStorage['peerIdentity'] {
    return this.disk.peerIdentity
  }

  load(): ReturnType<RaftStorage['load']> {
    return this.#answered(this.disk.load())
  }

  write(batch: Parameters<RaftStorage['write']>[0]): Promise<void> {
    return this.#answered(this.disk.write(batch))
  }

  close(): Promise<void> {
    return this.#answered(this.disk.close())
  }

  #answered<T>(answer: Promise<T>): Promise<T> {
    this.#clock.run(answer).catch(() => {})
    return answer
  }
}

function harness(faults: Partial<DiskFaults>): RaftStorageHarness {
  const clock = new VirtualClock()
  const diskOf = (storage: RaftStorage): SimulatedDisk => (storage as RunningDisk).disk
  let opened = 0
  return {
    async open() {
      const seed = ++opened
      const disk = await SimulatedDisk.create({ clock, seed, peerIdentity: await createPeerIdentity(), ...faults })
      return new RunningDisk(disk, clock)
    },
    reopen: async (storage) => {
      const disk = diskOf(storage).reopen()
      disk.setFaults({ fail: 0 })
      return new RunningDisk(disk, clock)
    },
    failNextWrite: (storage) => diskOf(storage).setFaults({ fail: 1 }),
    close: async () => {},
  }
}

describeLaws('the storage laws, on a simulated disk', raftStorageLaws, () => harness({}))
describeLaws('the storage laws, on a slow simulated disk', raftStorageLaws, () =>
  harness({ syncMs: 5, jitterMs: 20, stall: 0.1 }),
)
