import type { NodeId } from '../../contract.ts'
import type { RaftMessage } from '../../core/message.ts'
import type { RaftCore } from '../../core/raft-core.ts'
import { DiskImage } from './disk-image.ts'
import type { Watch } from './invariants.ts'
import { KvStore } from './kv-store.ts'
import type { LocalClock } from './local-clock.ts'

/** Frames that wait for a frozen machine; further ones are lost. */
export const MAX_HELD_FRAMES = 500

/** One simulated machine: what survives a crash, and what lives until then. */
export class Machine {
  readonly id: NodeId
  readonly number: number
  readonly clock: LocalClock
  readonly disk: DiskImage = new DiskImage()
  /** What runs on it; `null` while it is down. */
  life: Life | null = null
  /** The one that runs, or ran before it went down. */
  lastLife: Life | null = null
  /** Its disk was torn and refused: it never comes up again. */
  isLost = false
  diskStalledUntilMs = 0
  lastWriteMs = 0

  constructor(id: NodeId, number: number, clock: LocalClock) {
    this.id = id
    this.number = number
    this.clock = clock
  }
}

/** From a start to the crash that ends it. What was scheduled for another life finds another object here. */
export class Life {
  readonly core: RaftCore
  readonly watch: Watch
  readonly store: KvStore = new KvStore()
  /** When its timer rings, simulated milliseconds; `Infinity` while none is armed. */
  wakeAtMs: number = Infinity
  /** The deadline that timer is for, local milliseconds. */
  dueMs: number = Infinity
  roundIsDue = false
  /** `null` unless the page is frozen: then what has come meanwhile. */
  held: { readonly from: NodeId; readonly message: RaftMessage }[] | null = null
  frozenAtMs = 0
  /** Writes that became durable while it was frozen: the newest. */
  heldWrite = 0
  isPaused = false
  /** A write that its crash caught was lost: those after it are too. */
  isTorn = false
  /** Timers ring only at whole multiples of this, as in a hidden tab, milliseconds. */
  timerGrainMs = 1

  constructor(core: RaftCore, watch: Watch) {
    this.core = core
    this.watch = watch
  }
}
