import type { Clock } from '../base/clock.ts'
import type { PeerId, Seam } from '../seam/contract.ts'
import { decodeRoomMessage, encodeRoomMessage } from './codec.ts'
import type { RoomMessage } from './core/message.ts'

/** Control frames that may wait for one peer; one more is dropped, and what it said is healed by the next ping. */
export const MAX_WAITING_CONTROL_FRAMES = 256

/** The channel on which rooms speak with one another. */
export class ControlLine {
  readonly #channel: Seam
  readonly #clock: Clock
  readonly #waiting: Map<PeerId, { count: number; sinceMs: number }> = new Map()
  readonly #underWay: Set<Promise<void>> = new Set()
  #malformedFrames = 0
  #droppedFrames = 0

  constructor(channel: Seam, clock: Clock) {
    this.#channel = channel
    this.#clock = clock
  }

  get malformedFrames(): number {
    return this.#malformedFrames
  }

  get droppedFrames(): number {
    return this.#droppedFrames
  }

  /** Never fails: who is not there any more needs no telling, and who misses something is healed. */
  send(to: PeerId, message: RoomMessage): void {
    const waiting = this.#waiting.get(to) ?? { count: 0, sinceMs: this.#clock.now() }
    if (waiting.count >= MAX_WAITING_CONTROL_FRAMES) {
      this.#droppedFrames++
      return
    }
    waiting.count++
    this.#waiting.set(to, waiting)
    const sending = this.#channel
      .sendTo(to, encodeRoomMessage(message, this.#clock.now()))
      .catch(() => {})
      .finally(() => {
        this.#underWay.delete(sending)
        waiting.count--
        waiting.sinceMs = this.#clock.now()
        if (waiting.count === 0) this.#waiting.delete(to)
      })
    this.#underWay.add(sending)
  }

  /** Everything sent so far was taken by its link, or never will be. */
  async drained(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  /** Peers whose link has taken no frame for `ms`. */
  stalledFor(ms: number): ReadonlySet<PeerId> {
    const nowMs = this.#clock.now()
    return new Set([...this.#waiting].filter(([, { sinceMs }]) => nowMs - sinceMs >= ms).map(([peer]) => peer))
  }

  /** Hands on every message until the channel ends. */
  async read(onMessage: (from: PeerId, message: RoomMessage) => void): Promise<void> {
    for await (const { sender, payload } of this.#channel.incoming) {
      const message = decodeRoomMessage(payload, this.#clock.now())
      if (message === null) this.#malformedFrames++
      else onMessage(sender, message)
    }
  }
}
