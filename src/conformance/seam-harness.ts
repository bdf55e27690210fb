import { expect } from 'vitest'
import { until } from '../base/observable.ts'
import type { PeerId, Seam, Swatch, TransportCapability, WaitOptions } from '../seam/contract.ts'
import type { Law } from './law.ts'

/** What the laws of seams need of a fabric. Each law gets a harness of its own. */
export interface SeamHarness {
  /** A room that nobody is in. */
  room(options?: { maxPeers?: number }): LawRoom
  /** `promise`, within a bound that suits the fabric: virtual time, or a few real seconds. Then it rejects. */
  settle<T>(promise: Promise<T>): Promise<T>
  /** Time enough for everything under way to arrive: what has not come by then will not come. */
  quiet(): Promise<void>
  capability(): TransportCapability
  /** Closes every seam, failed or not, and all that they stand on. */
  close(): Promise<void>
  /** Breaks the link of two seams for good without a goodbye, as a lost network does. */
  loseLink?(a: Seam, b: Seam): Promise<void>
}

export interface LawRoom {
  host(options?: WaitOptions): Promise<Seam>
  /** Joins as a peer of its own. */
  join(options?: WaitOptions): Promise<Seam>
  /** Joins once more under the identity of `seam`, as its reloaded page would. */
  rejoin(seam: Seam): Promise<Seam>
}

export type SeamLaw = Law<SeamHarness>

/** A law of seams, told with a {@link SeamTrial}. */
export function seamLaw(
  id: string,
  title: string,
  tell: (trial: SeamTrial) => Promise<void>,
  needs?: SeamLaw['needs'],
): SeamLaw {
  return {
    id,
    title,
    ...(needs === undefined ? {} : { needs }),
    run: async (harness) => {
      const trial = new SeamTrial(harness)
      await tell(trial)
      trial.check()
    },
  }
}

/** What has arrived on a seam, in copies. */
export interface Reading {
  readonly frames: readonly Swatch[]
  /** Resolves with the first `count` frames. */
  take(count: number): Promise<readonly Swatch[]>
  /** Resolves when the stream ended by itself. */
  readonly ended: Promise<void>
  /** Ends the reading: the stream is free for the next reader. */
  stop(): Promise<void>
}

/**
 * One telling of a law: seams that have met, readers, waits within the harness's bounds. It watches every
 * seam for what holds at all times: oneself listed, nothing published twice, alone when torn.
 */
export class SeamTrial {
  readonly harness: SeamHarness
  readonly #violations: string[] = []

  constructor(harness: SeamHarness) {
    this.harness = harness
  }

  /** `count` seams of one room that all list each other. */
  async connect(count: number): Promise<Seam[]> {
    const { seams } = await this.meet(count)
    return seams
  }

  async pair(): Promise<[Seam, Seam]> {
    return (await this.connect(2)) as [Seam, Seam]
  }

  async trio(): Promise<[Seam, Seam, Seam]> {
    return (await this.connect(3)) as [Seam, Seam, Seam]
  }

  /** Like {@link connect}, with the room. */
  async meet(count: number, options: { maxPeers?: number } = {}): Promise<{ room: LawRoom; seams: Seam[] }> {
    const room = this.harness.room(options)
    const seams = [this.watch(await this.settle(room.host()))]
    while (seams.length < count) seams.push(this.watch(await this.settle(room.join())))
    for (const seam of seams)
      await this.listing(
        seam,
        seams.map((other) => other.selfId),
      )
    return { room, seams }
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.harness.settle(promise)
  }

  quiet(): Promise<void> {
    return this.harness.quiet()
  }

  /** What `promise` rejects with, `null` where it resolves. Itself never rejects, so it may be left alone for a while. */
  failure(promise: Promise<unknown>): Promise<unknown> {
    return this.settle(promise).then(
      () => null,
      (error: unknown) => error,
    )
  }

  /** Waits until `seam` lists exactly `peers`. */
  async listing(seam: Seam, peers: readonly PeerId[]): Promise<void> {
    const wanted = peers.toSorted()
    const waiting = until(seam.peers, (listed) => [...listed].toSorted().join('\n') === wanted.join('\n'))
    await this.settle(waiting).catch(() =>
      expect([...seam.peers.get()].toSorted(), `peers of ${seam.selfId}`).toEqual(wanted),
    )
  }

  read(seam: Seam): Reading {
    const frames: Swatch[] = []
    const wanting: { readonly count: number; readonly resolve: () => void }[] = []
    const iterator = seam.incoming[Symbol.asyncIterator]()
    const drain = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await iterator.next()
        if (done === true) return
        frames.push({
          payload: value.payload.slice(),
          sender: value.sender,
          sequence: value.sequence,
          delivery: value.delivery,
        })
        for (const want of wanting) if (want.count <= frames.length) want.resolve()
      }
    }
    const ended = drain()
    ended.catch((error: unknown) => this.#violations.push(`incoming of ${seam.selfId} threw ${String(error)}`))
    return {
      frames,
      take: async (count) => {
        if (frames.length < count) {
          const enough = new Promise<void>((resolve) => wanting.push({ count, resolve }))
          await this.settle(enough).catch(() =>
            expect(frames.length, `frames that reached ${seam.selfId}`).toBeGreaterThanOrEqual(count),
          )
        }
        return frames.slice(0, count)
      },
      ended,
      stop: async () => {
        await iterator.return?.()
      },
    }
  }

  watch(seam: Seam): Seam {
    let last: ReadonlySet<PeerId> | null = null
    const check = (peers: ReadonlySet<PeerId>): void => {
      if (!peers.has(seam.selfId)) this.#violations.push(`${seam.selfId} is missing from its own peers`)
      if (last !== null && [...last].toSorted().join('\n') === [...peers].toSorted().join('\n')) {
        this.#violations.push(`${seam.selfId} published the same peers twice`)
      }
      last = new Set(peers)
    }
    check(seam.peers.get())
    seam.peers.listen(check)
    return seam
  }

  /** Rejects with what the watch saw. */
  check(): void {
    expect(this.#violations).toEqual([])
  }
}
