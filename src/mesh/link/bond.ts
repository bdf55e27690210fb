import type { Delivery } from '../../seam/contract.ts'
import type { SeamLink } from '../../seam/lane.ts'
import { FrameMemory } from './frame-memory.ts'
import { encodeAck, encodeCredit, encodeResume } from './link-frames.ts'

/**
 * What holds two peers together while links come and go. Both ends count the reliable frames that they
 * send and receive, and keep what they sent until the other end acknowledges it. When another link
 * between the same two sessions is proved, each end says which bond it knows and how much it has
 * received, and the other sends the rest again: nothing is lost, doubled or overtaken. No frame carries
 * a number, since a link is ordered and reliable: counting is enough.
 *
 * A bond is named after the link on which it began. Where the two ends name different ones, one of them
 * has forgotten the other: both begin anew, under the name of the link they meet on.
 *
 * Pure: no clock, no promise. Whoever owns it tells it of links and of frames.
 */
export class Bond implements SeamLink {
  #id: string
  #carrier: Carrier | null = null
  /** Name of the carrier's link. */
  #link = ''
  /** Whether the carrier's other end has said what it received, so that frames may go. */
  #resumed = false
  readonly #onRoom: () => void
  /** Frames not acknowledged, oldest first, from {@link #head} on. The first {@link #out} of them are on the carrier. */
  #kept: Uint8Array[] = []
  #head = 0
  #out = 0
  #keptBytes = 0
  #memory = new FrameMemory()
  #acknowledged = 0
  /** Frames of this bond that have been on any carrier, in all: more than that cannot have arrived. */
  #sent = 0
  #received = 0
  #untoldBytes = 0
  #untoldFrames = 0
  /** Lossy frames dropped while nothing carried them. */
  lossyDropped = 0

  /** Begins on `link`. `onRoom`: there is room again where {@link hasRoom} said no. */
  constructor(link: string, onRoom: () => void) {
    this.#id = link
    this.#onRoom = onRoom
  }

  /** Reliable frames kept, and their bytes. */
  get kept(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#kept.length - this.#head, bytes: this.#keptBytes }
  }

  /** Whether the other end has said what it received: its frames count from then on. */
  get isResumed(): boolean {
    return this.#resumed
  }

  carriedBy(carrier: Carrier): boolean {
    return this.#carrier === carrier
  }

  /* ── Links ─────────────────────────────────────────────────────────────────────────────────── */

  /** Moves to `carrier`, whose key is proved and whose link both ends call `link`. What the former one still says counts no more. */
  attach(carrier: Carrier, link: string): void {
    this.#carrier = carrier
    this.#link = link
    this.#resumed = false
    this.#out = 0
    carrier.send(encodeResume({ bond: this.#id, received: this.#received }), 'reliable')
  }

  /** The link is gone. What is sent from now on waits for the next one. */
  detach(carrier: Carrier): void {
    if (this.#carrier !== carrier) return
    this.#carrier = null
    this.#resumed = false
  }

  /**
   * What the other end said first on the carrier. `renewed`: it knows another bond, and nothing of this
   * one will arrive any more. `impossible`: it lies, and the link is to be dropped.
   */
  resume(said: { readonly bond: string; readonly received: number }): 'continued' | 'renewed' | 'impossible' {
    if (this.#resumed) return 'impossible'
    const known = said.bond === this.#id
    if (known && !this.#acknowledge(said.received)) return 'impossible'
    this.#resumed = true
    // A bond that began on this very link is new already.
    const renewed = !known && this.#id !== this.#link
    if (renewed) this.#beginAnew()
    this.#pump()
    return renewed ? 'renewed' : 'continued'
  }

  /** The other end has received so many frames of this bond. False where that cannot be: it lies. */
  acknowledge(received: number): boolean {
    if (!this.#resumed || !this.#acknowledge(received)) return false
    this.#onRoom()
    return true
  }

  /** Books a reliable frame of so many bytes. False before the other end has said what it received: no frame may come then. */
  arrived(bytes: number): boolean {
    if (!this.#resumed) return false
    this.#received++
    this.#untoldFrames++
    this.#untoldBytes += bytes
    if (this.#untoldBytes >= ACK_STEP_BYTES || this.#untoldFrames >= ACK_STEP_FRAMES) this.#tellReceived()
    return true
  }

  /** The carrier has room again. */
  writable(): void {
    this.#pump()
    this.#onRoom()
  }

  /** Hands everything that waits to the carrier, however full it is: the last words before a close. */
  flush(): void {
    if (!this.#resumed) return
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#transmit(next)
  }

  /* ── What a seam asks of its link ──────────────────────────────────────────────────────────── */

  send(frame: Uint8Array, delivery: Delivery): void {
    if (delivery === 'reliable') this.#keep(frame)
    else if (this.#carrier !== null && this.#resumed) this.#carrier.send(frame, delivery)
    else this.lossyDropped++
  }

  grant(bytes: number): void {
    // In one message with it.
    if (this.#resumed && this.#untoldFrames > 0) this.#tellReceived()
    this.#keep(encodeCredit(bytes))
  }

  hasRoom(bytes: number): boolean {
    const { frames } = this.kept
    if (frames >= MAX_KEPT_FRAMES || (frames > 0 && this.#keptBytes + bytes > MAX_KEPT_BYTES)) return false
    if (this.#carrier === null || !this.#resumed) return true
    return this.#next() === undefined && this.#carrier.hasRoom(bytes)
  }

  memory(bytes: number): Uint8Array | undefined {
    return this.#memory.take(bytes)
  }

  get sendsLossyApart(): boolean {
    return this.#carrier?.sendsLossyApart === true
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #tellReceived(): void {
    this.#untoldBytes = this.#untoldFrames = 0
    this.#carrier?.hold(encodeAck(this.#received))
  }

  #keep(frame: Uint8Array): void {
    const first = this.#next() === undefined
    this.#kept.push(frame)
    this.#keptBytes += frame.length
    if (first && this.#resumed) this.#transmit(frame)
  }

  /** The oldest frame that is not on the carrier. */
  #next(): Uint8Array | undefined {
    return this.#kept[this.#head + this.#out]
  }

  #transmit(frame: Uint8Array): void {
    this.#out++
    this.#sent = Math.max(this.#sent, this.#acknowledged + this.#out)
    this.#carrier?.send(frame, 'reliable')
  }

  #pump(): void {
    if (!this.#resumed) return
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (this.#carrier?.hasRoom(next.length) !== true) return
      this.#transmit(next)
    }
  }

  #acknowledge(received: number): boolean {
    if (received > this.#sent) return false
    const fresh = received - this.#acknowledged
    // What was said over a link that the other end has left since may be out of date.
    if (fresh <= 0) return true
    for (const end = this.#head + fresh; this.#head < end; this.#head++) {
      const frame = this.#kept[this.#head] as Uint8Array
      this.#keptBytes -= frame.length
      this.#memory.release(frame)
      this.#kept[this.#head] = NOTHING
    }
    this.#acknowledged = received
    this.#out = Math.max(0, this.#out - fresh)
    // Moved together once half is empty, so that each frame is moved once at the most.
    if (this.#head > this.#kept.length / 2) {
      this.#kept = this.#kept.slice(this.#head)
      this.#head = 0
    }
    return true
  }

  #beginAnew(): void {
    this.#id = this.#link
    this.#kept = []
    this.#memory = new FrameMemory()
    this.#head = this.#out = this.#keptBytes = this.#acknowledged = this.#sent = 0
    this.#received = this.#untoldBytes = this.#untoldFrames = 0
  }
}

/**
 * What is kept for a peer until it acknowledges it: beyond either bound {@link Bond.hasRoom} says no. A
 * peer that reads has less than a view's credit under way, so that neither is met while a link stands.
 */
export const MAX_KEPT_BYTES = 2_097_152
export const MAX_KEPT_FRAMES = 65_536

/**
 * How much arrives before it is acknowledged without a grant that could take it along: far enough below what may be kept
 * that no end waits for it.
 */
export const ACK_STEP_BYTES = 524_288
export const ACK_STEP_FRAMES = 1_024

/** A proved link, as far as a bond uses it. */
export interface Carrier {
  /** Takes a frame, in call order; a lossy one may be dropped. Never throws. */
  send(frame: Uint8Array, delivery: Delivery): void
  /** As {@link send}, reliably, of a small frame that may wait for others until the turn of the event loop is over. */
  hold(frame: Uint8Array): void
  hasRoom(bytes: number): boolean
  /** As of {@link SeamLink}. */
  readonly sendsLossyApart?: boolean
}

const NOTHING = new Uint8Array()
