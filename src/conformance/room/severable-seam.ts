import { PeerNotConnectedError, SeamTornError } from '../../base/errors.ts'
import { observable, sameMembers, type ReadableAtom } from '../../base/observable.ts'
import type { PeerId, Seam, SendOptions, Swatch } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'

/** Which of a session's peers cannot reach one another. All of its {@link SeverableSeam}s share one. */
export class Severances {
  readonly #cut: Set<string> = new Set()
  readonly #hushed: Set<string> = new Set()
  readonly changed: ReturnType<typeof observable<number>> = observable(0)

  isCut(a: PeerId, b: PeerId): boolean {
    return this.#cut.has(pairOf(a, b))
  }

  isHushed(a: PeerId, b: PeerId): boolean {
    return this.#hushed.has(pairOf(a, b))
  }

  /** Neither lists the other any more. */
  cut(a: PeerId, b: PeerId): void {
    this.#cut.add(pairOf(a, b))
    this.#tell()
  }

  /** What either sends the other waits. */
  hush(a: PeerId, b: PeerId): void {
    this.#hushed.add(pairOf(a, b))
    this.#tell()
  }

  heal(): void {
    this.#cut.clear()
    this.#hushed.clear()
    this.#tell()
  }

  #tell(): void {
    this.changed.set(this.changed.get() + 1)
  }
}

/** A seam whose links can be lost and found again, on a fabric that knows no such thing. */
export class SeverableSeam extends DelegateSeam {
  readonly #severances: Severances
  readonly #peers = observable<ReadonlySet<PeerId>>(new Set(), sameMembers)
  readonly #held: (() => void)[] = []

  constructor(inner: Seam, severances: Severances) {
    super(inner)
    this.#severances = severances
    this.#relist()
    inner.peers.listen(() => this.#relist())
    severances.changed.listen(() => this.#relist())
  }

  override get peers(): ReadableAtom<ReadonlySet<PeerId>> {
    return this.#peers
  }

  override get incoming(): AsyncIterable<Swatch> {
    return { [Symbol.asyncIterator]: () => this.#reachable() }
  }

  override async broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
    if (this.state.get().kind === 'torn') throw new SeamTornError()
    const others = [...this.#peers.get()].filter((peer) => peer !== this.selfId)
    await Promise.all(others.map((peer) => this.sendTo(peer, payload, options)))
  }

  override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    if (this.#severances.isCut(this.selfId, peer)) return Promise.reject(new PeerNotConnectedError(peer))
    if (!this.#severances.isHushed(this.selfId, peer)) return this.inner.sendTo(peer, payload, options)
    this.#held.push(() => void this.inner.sendTo(peer, payload, options).catch(() => {}))
    return Promise.resolve()
  }

  async *#reachable(): AsyncGenerator<Swatch, undefined> {
    for await (const swatch of this.inner.incoming) {
      if (!this.#severances.isCut(this.selfId, swatch.sender)) yield swatch
    }
    return undefined
  }

  #relist(): void {
    const listed = [...this.inner.peers.get()].filter((peer) => !this.#severances.isCut(this.selfId, peer))
    this.#peers.set(new Set(listed))
    const isHushed = listed.some((peer) => this.#severances.isHushed(this.selfId, peer))
    if (!isHushed) for (const send of this.#held.splice(0)) send()
  }
}

function pairOf(a: PeerId, b: PeerId): string {
  return JSON.stringify([a, b].toSorted())
}
