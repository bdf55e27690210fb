import type { Delivery } from './contract.ts'
import { VIEW_CREDIT_BYTES } from './contract.ts'

/**
 * Credit, as pure bookkeeping. A receiver lets each sender have {@link VIEW_CREDIT_BYTES} sent and not
 * yet taken by the reader. The sender spends on every reliable frame and waits when it has too little;
 * the receiver grants back what its reader took, in steps, so that grants stay rare. Lossy frames may
 * never arrive, so nothing is spent on them: the receiver drops those that its reader is too slow for.
 */

/** A frame costs its payload, and at least this, so that empty frames are not free. Bytes. */
export const MIN_FRAME_COST = 64

/** Taken bytes a receiver keeps to itself before it grants them. */
export const GRANT_STEP_BYTES: number = VIEW_CREDIT_BYTES / 4

/**
 * A frame that comes while more than this waits unread proves that its sender ignores its credit. Twice
 * the credit: after a link was replaced, what was under way on the old one may still wait.
 */
export const CUT_OFF_BYTES: number = VIEW_CREDIT_BYTES * 2

/** Sends that may wait per peer of a view; one more is refused with `OverloadedError`. */
export const MAX_WAITING_SENDS = 65_536

/** What the sends that wait for one peer of a view may cost together, bytes; the first of them is taken whatever it costs. */
export const MAX_WAITING_BYTES = 67_108_864

export function frameCost(payloadBytes: number): number {
  return payloadBytes < MIN_FRAME_COST ? MIN_FRAME_COST : payloadBytes
}

/** The sender's half: what is under way to one receiver. */
export class SendCredit {
  #outstanding = 0

  /** Bytes spent and not granted back. */
  get outstanding(): number {
    return this.#outstanding
  }

  /**
   * Whether a frame may go now. One larger than what is left goes when the receiver has taken all but
   * the step that it may keep to itself, so any frame goes sooner or later.
   */
  allows(cost: number): boolean {
    return this.#outstanding + cost <= VIEW_CREDIT_BYTES || this.#outstanding < GRANT_STEP_BYTES
  }

  spend(cost: number): void {
    this.#outstanding += cost
  }

  /** A grant from the receiver, or the cost of a frame that was not sent after all. More than was spent counts as all. */
  grant(bytes: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - bytes)
  }
}

/** The receiver's half: what one sender has waiting for the reader. */
export class ReceiveCredit {
  #unread = 0
  #unreadLossy = 0
  #taken = 0
  #returned = false

  /** Books an arrival. `drop`: a lossy frame too many; `cut-off`: the sender ignores its credit. */
  arrived(cost: number, delivery: Delivery): 'accept' | 'drop' | 'cut-off' {
    if (delivery === 'lossy') {
      if (this.#unreadLossy + cost > VIEW_CREDIT_BYTES) return 'drop'
      this.#unreadLossy += cost
      return 'accept'
    }
    if (this.#unread > CUT_OFF_BYTES) return 'cut-off'
    this.#unread += cost
    return 'accept'
  }

  /** Books that the reader took a frame. Returns the bytes to grant now, mostly 0. */
  took(cost: number, delivery: Delivery): number {
    if (this.#returned) return 0
    if (delivery === 'lossy') {
      this.#unreadLossy -= cost
      return 0
    }
    this.#unread -= cost
    this.#taken += cost
    if (this.#taken < GRANT_STEP_BYTES) return 0
    const grant = this.#taken
    this.#taken = 0
    return grant
  }

  /** Closes the book: all that was not granted, read or not, is to be granted now. */
  giveBack(): number {
    if (this.#returned) return 0
    this.#returned = true
    return this.#unread + this.#taken
  }
}
