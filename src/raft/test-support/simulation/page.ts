import type { Clock } from '../../../base/clock.ts'
import { observable, sameMembers } from '../../../base/observable.ts'
import type { NodeId, RaftStorage, RaftTransport } from '../../contract.ts'
import type { LocalClock } from './local-clock.ts'

/** Added to each timer: one that rounding lets ring too early is set for no time at all, again and again. */
const NEVER_EARLY_MS = 0.001

/**
 * The page that one node runs in. While it is frozen, no timer of its rings and no frame, peer or finished write comes
 * to it; when it thaws, all of that does at once.
 */
export class Page {
  #held: (() => void)[] | null = null

  get isFrozen(): boolean {
    return this.#held !== null
  }

  freeze(): void {
    this.#held ??= []
  }

  thaw(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const run of held) run()
  }

  /** Now, or when it thaws. */
  run(task: () => void): void {
    if (this.#held === null) task()
    else this.#held.push(task)
  }

  /** What its node takes for the time. */
  clock(simulated: Clock, local: LocalClock): Clock {
    const clock: Clock = {
      now: () => local.now(simulated.now()),
      wallNow: () => local.wall(simulated.now()),
      setTimeout: (run, ms) => {
        const atMs = simulated.now()
        const timer = { isArmed: true, handle: undefined as unknown }
        const ring = (): void => {
          if (timer.isArmed) run()
        }
        const delayMs = local.when(clock.now() + ms, atMs) - atMs
        timer.handle = simulated.setTimeout(() => this.run(ring), delayMs + NEVER_EARLY_MS)
        return timer
      },
      clearTimeout: (handle) => {
        if (handle === undefined) return
        const timer = handle as { isArmed: boolean; readonly handle: unknown }
        timer.isArmed = false
        simulated.clearTimeout(timer.handle)
      },
    }
    return clock
  }

  /** Links are told of apart from it: those that come up meanwhile are bound. */
  transport(inner: RaftTransport): RaftTransport {
    const peers = observable<ReadonlySet<NodeId>>(inner.peers.get(), sameMembers)
    inner.peers.listen((now) => this.run(() => peers.set(now)))
    return {
      selfId: inner.selfId,
      peers,
      get maxFrameBytes(): number | null {
        return inner.maxFrameBytes
      },
      incoming: { [Symbol.asyncIterator]: () => this.#heard(inner.incoming[Symbol.asyncIterator]()) },
      send: (to, frame) => inner.send(to, frame),
      close: () => inner.close(),
    }
  }

  storage(inner: RaftStorage): RaftStorage {
    return {
      peerIdentity: inner.peerIdentity,
      load: () => inner.load(),
      write: async (batch) => {
        try {
          await inner.write(batch)
        } finally {
          if (this.isFrozen) await this.#thawed()
        }
      },
      close: () => inner.close(),
    }
  }

  #heard<T>(source: AsyncIterator<T>): AsyncIterator<T> {
    return {
      next: async () => {
        const result = await source.next()
        if (this.isFrozen) await this.#thawed()
        return result
      },
      return: async () => (await source.return?.()) ?? { done: true, value: undefined },
    }
  }

  #thawed(): Promise<void> {
    return new Promise((resolve) => this.run(resolve))
  }
}
