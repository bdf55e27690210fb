import type { RaftState, RaftStorage, RaftWrite } from '../../raft/contract.ts'
import { InMemoryRaftStorage } from '../../raft/storage/in-memory-raft-storage.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import type { RaftStorageHarness } from '../raft-storage-laws.ts'

/** One way to be wrong: each member replaces what a sound storage does. */
export interface Fault {
  write?(inner: InMemoryRaftStorage, batch: RaftWrite): Promise<void>
  load?(inner: InMemoryRaftStorage): Promise<RaftState | null>
  reopen?(inner: InMemoryRaftStorage): Promise<InMemoryRaftStorage>
  open?(): Promise<InMemoryRaftStorage>
  close?(inner: InMemoryRaftStorage): Promise<void>
  failNextWrite?(): void
}

class FaultyStorage implements RaftStorage {
  readonly inner: InMemoryRaftStorage
  readonly #fault: Fault

  constructor(inner: InMemoryRaftStorage, fault: Fault) {
    this.inner = inner
    this.#fault = fault
  }

  get peerIdentity(): RaftStorage['peerIdentity'] {
    return this.inner.peerIdentity
  }

  load(): Promise<RaftState | null> {
    return this.#fault.load?.(this.inner) ?? this.inner.load()
  }

  write(batch: RaftWrite): Promise<void> {
    return this.#fault.write?.(this.inner, batch) ?? this.inner.write(batch)
  }

  close(): Promise<void> {
    return this.#fault.close?.(this.inner) ?? this.inner.close()
  }
}

/** Making keys takes longer than all the rest: a few serve all, in turn. */
const identities = Promise.all([createPeerIdentity(), createPeerIdentity(), createPeerIdentity()])
let opened = 0

async function newStorage(): Promise<InMemoryRaftStorage> {
  const peerIdentity = (await identities)[opened++ % 3]
  return InMemoryRaftStorage.create({ peerIdentity })
}

/** A storage in memory with one fault. */
export function faultyHarness(fault: Fault): RaftStorageHarness {
  const innerOf = (storage: RaftStorage): InMemoryRaftStorage => (storage as FaultyStorage).inner
  return {
    open: async () => new FaultyStorage(await (fault.open?.() ?? newStorage()), fault),
    async reopen(storage) {
      const inner = innerOf(storage)
      return new FaultyStorage(await (fault.reopen?.(inner) ?? inner.reopen()), fault)
    },
    failNextWrite: (storage) =>
      fault.failNextWrite === undefined ? innerOf(storage).failNextWrite() : fault.failNextWrite(),
    close: async () => {},
  }
}
