import { OverloadedError, PeerNotConnectedError } from '../base/errors.ts'
import type { Delivery, PeerId } from './contract.ts'
import { MAX_WAITING_SENDS, type SendCredit } from './credit.ts'

/** What a fabric provides per peer: the way out to it. */
export interface SeamLink {
  /**
   * Takes a frame, in call order. Returns nothing when it took it at once, else a promise that settles
   * when it did; a rejection means that nothing was sent. Never throws.
   */
  send(frame: Uint8Array, delivery: Delivery, signal: AbortSignal | undefined): Promise<void> | void
  /** Tells the other end that `bytes` of its credit are free again. In order with nothing, but never lost. Never throws. */
  grant(bytes: number): void
  /** False while the transport's own buffer has no room for a frame of `bytes`: it waits here until {@link Lane.flush}. Absent: there is always room. */
  hasRoom?(bytes: number): boolean
}

interface WaitingSend {
  readonly frame: Uint8Array
  readonly cost: number
  readonly signal: AbortSignal | undefined
  readonly resolve: (taken: boolean | Promise<boolean>) => void
  readonly reject: (reason: unknown) => void
  readonly onAbort: () => void
}

/** The frames of one view to one peer: in order, within its credit, at the transport's pace. */
export class Lane {
  readonly peer: PeerId
  readonly link: SeamLink
  readonly credit: SendCredit
  readonly #waiting: WaitingSend[] = []
  #lossyDropped = 0

  constructor(peer: PeerId, link: SeamLink, credit: SendCredit) {
    this.peer = peer
    this.link = link
    this.credit = credit
  }

  /** Lossy frames dropped here because the view had no room for them. */
  get lossyDropped(): number {
    return this.#lossyDropped
  }

  /**
   * `true` when the link took the frame at once; else a promise of whether it did (`false`: the peer
   * left first). Throws `OverloadedError` when {@link MAX_WAITING_SENDS} sends wait already.
   */
  send(frame: Uint8Array, cost: number, delivery: Delivery, signal: AbortSignal | undefined): true | Promise<boolean> {
    if (this.#waiting.length === 0 && this.#mayGo(cost)) return this.#handOver(frame, cost, delivery, signal)
    if (delivery === 'lossy') {
      this.#lossyDropped++
      return true
    }
    if (this.#waiting.length >= MAX_WAITING_SENDS) {
      throw new OverloadedError(
        `${MAX_WAITING_SENDS} sends to ${this.peer} wait for it to read: this one was refused; await earlier sends`,
      )
    }
    return new Promise((resolve, reject) => {
      const entry: WaitingSend = {
        frame,
        cost,
        signal,
        resolve,
        reject,
        onAbort: () => {
          this.#waiting.splice(this.#waiting.indexOf(entry), 1)
          reject(signal?.reason)
          this.flush()
        },
      }
      signal?.addEventListener('abort', entry.onAbort, { once: true })
      this.#waiting.push(entry)
    })
  }

  /** The other end freed `bytes` of credit. */
  granted(bytes: number): void {
    this.credit.grant(bytes)
    this.flush()
  }

  /** Sends what waits, as far as credit and transport let it. */
  flush(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#mayGo(next.cost); next = this.#waiting[0]) {
      this.#waiting.shift()
      next.signal?.removeEventListener('abort', next.onAbort)
      next.resolve(this.#handOver(next.frame, next.cost, 'reliable', next.signal))
    }
  }

  /** The peer is gone (`null`) or the seam is torn: settles what waits. */
  end(torn: Error | null): void {
    for (const entry of this.#waiting.splice(0)) {
      entry.signal?.removeEventListener('abort', entry.onAbort)
      if (torn === null) entry.resolve(false)
      else entry.reject(torn)
    }
  }

  #mayGo(cost: number): boolean {
    return this.credit.allows(cost) && this.link.hasRoom?.(cost) !== false
  }

  #handOver(
    frame: Uint8Array,
    cost: number,
    delivery: Delivery,
    signal: AbortSignal | undefined,
  ): true | Promise<boolean> {
    const spent = delivery === 'reliable' ? cost : 0
    this.credit.spend(spent)
    const taking = this.link.send(frame, delivery, signal)
    if (taking === undefined) return true
    return taking.then(
      () => true,
      (error: unknown) => {
        this.granted(spent)
        if (error instanceof PeerNotConnectedError) return false
        throw error
      },
    )
  }
}
