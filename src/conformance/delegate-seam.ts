import { observable, type ReadableAtom } from '../base/observable.ts'
import type { Arriving, CloseReason, PeerId, Seam, SeamState, SendOptions, Swatch } from '../seam/contract.ts'

/** A seam that does as another does: for wrappers that change one thing. */
export class DelegateSeam implements Seam {
  readonly inner: Seam

  constructor(inner: Seam) {
    this.inner = inner
  }

  get selfId(): PeerId {
    return this.inner.selfId
  }

  get peers(): ReadableAtom<ReadonlySet<PeerId>> {
    return this.inner.peers
  }

  get state(): ReadableAtom<SeamState> {
    return this.inner.state
  }

  get maxPayloadBytes(): number | null {
    return this.inner.maxPayloadBytes
  }

  get maxFrameBytes(): number | null {
    return this.inner.maxFrameBytes ?? this.inner.maxPayloadBytes
  }

  get arriving(): ReadableAtom<ReadonlyMap<PeerId, Arriving>> {
    return this.inner.arriving ?? observable<ReadonlyMap<PeerId, Arriving>>(new Map())
  }

  get maxLossyPayloadBytes(): number | null {
    return this.inner.maxLossyPayloadBytes
  }

  get incoming(): AsyncIterable<Swatch> {
    return this.inner.incoming
  }

  broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
    return this.inner.broadcast(payload, options)
  }

  sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    return this.inner.sendTo(peer, payload, options)
  }

  close(reason?: CloseReason): Promise<void> {
    return this.inner.close(reason)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
