import { OverloadedError, PeerNotConnectedError } from '../base/errors.ts'
import type { Delivery, PeerId } from './contract.ts'
import { MAX_WAITING_BYTES, MAX_WAITING_SENDS, type SendCredit } from './credit.ts'

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
  readonly #waiting: Set<WaitingSend> = new Set()
  #waitingBytes = 0
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
   * left first). Throws `OverloadedError` where it would have to wait among more than
   * {@link MAX_WAITING_SENDS} sends, or {@link MAX_WAITING_BYTES}.
   */
  send(frame: Uint8Array, cost: number, delivery: Delivery, signal: AbortSignal | undefined): true | Promise<boolean> {
    if (this.#waiting.size === 0 && this.#mayGo(cost)) return this.#handOver(frame, cost, delivery, signal)
    if (delivery === 'lossy') {
      this.#lossyDropped++
      return true
    }
    if (this.#isFullFor(cost)) {
      throw new OverloadedError(
        `${this.#waiting.size} sends to ${this.peer} wait, of ${this.#waitingBytes} bytes: this one was refused; await earlier ones`,
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
          this.#remove(entry)
          reject(signal?.reason)
          this.flush()
        },
      }
      signal?.addEventListener('abort', entry.onAbort, { once: true })
      this.#waiting.add(entry)
      this.#waitingBytes += cost
    })
  }

  /** The other end freed `bytes` of credit. */
  granted(bytes: number): void {
    this.credit.grant(bytes)
    this.flush()
  }

  /** Sends what waits, as far as credit and transport let it. */
  flush(): void {
    for (const next of this.#waiting) {
      if (!this.#mayGo(next.cost)) return
      this.#remove(next)
      next.resolve(this.#handOver(next.frame, next.cost, 'reliable', next.signal))
    }
  }

  /** The peer is gone (`null`) or the seam is torn: settles what waits. */
  end(torn: Error | null): void {
    for (const entry of this.#waiting) {
      this.#remove(entry)
      if (torn === null) entry.resolve(false)
      else entry.reject(torn)
    }
  }

  #remove(entry: WaitingSend): void {
    this.#waiting.delete(entry)
    this.#waitingBytes -= entry.cost
    entry.signal?.removeEventListener('abort', entry.onAbort)
  }

  #isFullFor(cost: number): boolean {
    const count = this.#waiting.size
    return count >= MAX_WAITING_SENDS || (count > 0 && this.#waitingBytes + cost > MAX_WAITING_BYTES)
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
