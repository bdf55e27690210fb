import { OverloadedError, PeerNotConnectedError } from '../base/errors.ts'
import type { Delivery, PeerId } from './contract.ts'
import { frameCost, MAX_WAITING_BYTES, MAX_WAITING_SENDS, type SendCredit } from './credit.ts'
import type { Parts } from './parts.ts'

/** What a fabric provides per peer: the way out to it. */
export interface SeamLink {
  /**
   * Takes a frame, in call order. Returns nothing when it took it at once, else a promise that settles
   * when it did; a rejection means that nothing was sent. Never throws. `isPart` where the other end is to be told so
   * and the frame's header does not say it.
   */
  send(frame: Uint8Array, delivery: Delivery, signal: AbortSignal | undefined, isPart: boolean): Promise<void> | void
  /** Tells the other end that `bytes` of its credit are free again. In order with nothing, but never lost. Never throws. */
  grant(bytes: number): void
  /** False while the transport's own buffer has no room for a frame of `bytes`: it waits here until {@link Lane.flush}. Absent: there is always room. */
  hasRoom?(bytes: number): boolean
  /** Memory for the next reliable frame that is sent here and nowhere else, to be written over; where the link lends any. */
  memory?(bytes: number): Uint8Array | undefined
  /** Lossy frames pass what waits for room: {@link SeamLink.send} takes or drops them. Default false. */
  readonly sendsLossyApart?: boolean
}

interface WaitingSend {
  readonly load: Uint8Array | Parts
  readonly cost: number
  readonly signal: AbortSignal | undefined
  readonly onSent: ((bytes: number) => void) | undefined
  readonly resolve: (taken: boolean | Promise<boolean>) => void
  readonly reject: (reason: unknown) => void
  readonly onAbort: () => void
}

/** A large payload whose turn has come. */
interface Underway {
  readonly entry: WaitingSend
  readonly parts: Parts
  /** Bytes of the payload that have been handed to the link. */
  at: number
  /** The link has not taken the last part yet: one at a time, so that it has no more than that of ours in its line. */
  isTaking: boolean
}

/** The frames of one view to one peer: in order, within its credit, at the transport's pace. */
export class Lane {
  readonly peer: PeerId
  readonly link: SeamLink
  readonly credit: SendCredit
  readonly #waiting: Set<WaitingSend> = new Set()
  #waitingBytes = 0
  #underway: Underway | null = null
  #isFlushing = false
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

  /** As of {@link SeamLink.memory}, for a frame that goes at once: one that waits would hold on to what it is part of. */
  memory(bytes: number): Uint8Array | undefined {
    const goes = this.#waiting.size === 0 && this.#underway === null && this.#mayGo(bytes)
    return goes ? this.link.memory?.(bytes) : undefined
  }

  /**
   * `true` when the link took the frame at once; else a promise of whether it did (`false`: the peer
   * left first). Throws `OverloadedError` where it would have to wait among more than
   * {@link MAX_WAITING_SENDS} sends, or {@link MAX_WAITING_BYTES}.
   */
  send(frame: Uint8Array, cost: number, delivery: Delivery, signal: AbortSignal | undefined): true | Promise<boolean> {
    const isFree = this.#waiting.size === 0 && this.#underway === null
    if (isFree && this.#mayGo(cost)) return this.#handOver(frame, cost, delivery, signal)
    if (delivery === 'lossy') {
      if (this.#mayPass(cost)) return this.#handOver(frame, cost, delivery, signal)
      this.#lossyDropped++
      return true
    }
    return this.#wait(frame, cost, signal, undefined)
  }

  /** A large payload, in its order among the frames. Otherwise like {@link send}; `onSent` hears how much the link has taken. */
  sendParts(
    parts: Parts,
    signal: AbortSignal | undefined,
    onSent: ((bytes: number) => void) | undefined,
  ): Promise<boolean> {
    const sending = this.#wait(parts, parts.payload.length, signal, onSent)
    this.flush()
    return sending
  }

  /** The other end freed `bytes` of credit. */
  granted(bytes: number): void {
    this.credit.grant(bytes)
    this.flush()
  }

  /** Sends what waits, as far as credit and transport let it. */
  flush(): void {
    // What goes out may bring in a grant, or room, at once.
    if (this.#isFlushing) return
    this.#isFlushing = true
    this.#sendWaiting()
    this.#isFlushing = false
  }

  /** The peer is gone (`null`) or the seam is torn: settles what waits. */
  end(torn: Error | null): void {
    const underway = this.#underway
    this.#underway = null
    for (const entry of this.#waiting) {
      this.#remove(entry)
      settle(entry, torn)
    }
    if (underway === null) return
    unlisten(underway.entry)
    // A view may end and its base live on.
    if (torn !== null) this.#callOff(underway)
    settle(underway.entry, torn)
  }

  #wait(
    load: Uint8Array | Parts,
    cost: number,
    signal: AbortSignal | undefined,
    onSent: ((bytes: number) => void) | undefined,
  ): Promise<boolean> {
    if (this.#isFullFor(cost)) {
      throw new OverloadedError(
        `${this.#waiting.size} sends to ${this.peer} wait, of ${this.#waitingBytes} bytes: this one was refused; await earlier ones`,
      )
    }
    return new Promise((resolve, reject) => {
      const entry: WaitingSend = {
        load,
        cost,
        signal,
        onSent,
        resolve,
        reject,
        onAbort: () => {
          this.#abort(entry)
          reject(signal?.reason)
          this.flush()
        },
      }
      signal?.addEventListener('abort', entry.onAbort, { once: true })
      this.#waiting.add(entry)
      this.#waitingBytes += cost
    })
  }

  #sendWaiting(): void {
    if (!this.#sendParts()) return
    for (const next of this.#waiting) {
      if (!(next.load instanceof Uint8Array)) {
        this.#leaveLine(next)
        this.#underway = { entry: next, parts: next.load, at: 0, isTaking: false }
        if (!this.#sendParts()) return
        continue
      }
      if (!this.#mayGo(next.cost)) return
      this.#remove(next)
      next.resolve(this.#handOver(next.load, next.cost, 'reliable', next.signal))
    }
  }

  /** Whether what is behind may go. */
  #sendParts(): boolean {
    while (this.#underway !== null) if (!this.#sendPart(this.#underway)) return false
    return true
  }

  #sendPart(underway: Underway): boolean {
    const { parts, at } = underway
    const cost = frameCost(parts.pieceBytes(at))
    if (underway.isTaking || !this.#mayGo(cost)) return false
    const taken = this.#handOver(parts.frameAt(at), cost, 'reliable', undefined, true)
    underway.at += parts.pieceBytes(at)
    if (taken === true) return this.#partTaken(underway)
    underway.isTaking = true
    taken.then(
      (wasTaken) => {
        underway.isTaking = false
        if (this.#underway !== underway) return
        if (wasTaken) this.#partTaken(underway)
        else this.#finish(underway, () => underway.entry.resolve(false))
        this.flush()
      },
      (error: unknown) => {
        if (this.#underway !== underway) return
        this.#callOff(underway)
        this.#finish(underway, () => underway.entry.reject(error))
        this.flush()
      },
    )
    return false
  }

  #partTaken(underway: Underway): true {
    const { entry, parts, at } = underway
    entry.onSent?.(at)
    // Who hears of it may have ended this.
    if (this.#underway === underway && at === parts.payload.length) this.#finish(underway, () => entry.resolve(true))
    return true
  }

  #finish({ entry }: Underway, settleEntry: () => void): void {
    this.#underway = null
    unlisten(entry)
    settleEntry()
  }

  #abort(entry: WaitingSend): void {
    const underway = this.#underway
    if (underway?.entry !== entry) {
      this.#remove(entry)
      return
    }
    this.#underway = null
    this.#callOff(underway)
  }

  /** The rest will not come: the other end need not keep what has. */
  #callOff({ parts, at }: Underway): void {
    if (at > 0) void this.#handOver(parts.abortFrame(), 0, 'reliable', undefined, true, () => true)
  }

  #remove(entry: WaitingSend): void {
    this.#leaveLine(entry)
    unlisten(entry)
  }

  #leaveLine(entry: WaitingSend): void {
    this.#waiting.delete(entry)
    this.#waitingBytes -= entry.cost
  }

  #isFullFor(cost: number): boolean {
    const count = this.#waiting.size
    return count >= MAX_WAITING_SENDS || (count > 0 && this.#waitingBytes + cost > MAX_WAITING_BYTES)
  }

  /** Whether a lossy frame, which keeps to no order, may overtake what waits: not where the reader is who is waited for. */
  #mayPass(cost: number): boolean {
    if (this.link.sendsLossyApart === true && this.credit.allows(cost)) return true
    // Between the parts of a large payload.
    return this.#underway !== null && this.#waiting.size === 0 && this.link.hasRoom?.(cost) !== false
  }

  #mayGo(cost: number): boolean {
    return this.credit.allows(cost) && this.link.hasRoom?.(cost) !== false
  }

  #handOver(
    frame: Uint8Array,
    cost: number,
    delivery: Delivery,
    signal: AbortSignal | undefined,
    isPart = false,
    onRefused: (error: unknown) => boolean = leftOrThrow,
  ): true | Promise<boolean> {
    const spent = delivery === 'reliable' ? cost : 0
    this.credit.spend(spent)
    const taking = this.link.send(frame, delivery, signal, isPart)
    if (taking === undefined) return true
    return taking.then(
      () => true,
      (error: unknown) => {
        this.granted(spent)
        return onRefused(error)
      },
    )
  }
}

function leftOrThrow(error: unknown): false {
  if (error instanceof PeerNotConnectedError) return false
  throw error
}

function settle(entry: WaitingSend, torn: Error | null): void {
  if (torn === null) entry.resolve(false)
  else entry.reject(torn)
}

function unlisten({ signal, onAbort }: WaitingSend): void {
  signal?.removeEventListener('abort', onAbort)
}
