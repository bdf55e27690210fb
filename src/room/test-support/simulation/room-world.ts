import type { Random } from '../../../base/random.ts'
import { seededRandom, verifyTestSignature } from '../../../sim/index.ts'
import { TimerHeap, type Timer } from '../../../sim/timer-heap.ts'
import type { EndReason } from '../../contract.ts'
import type { RoomEffect } from '../../core/membership.ts'
import type { RoomInput } from '../../core/room-core.ts'
import { memberOf } from '../../core/room-state.ts'
import { Device } from './device.ts'
import type { Life } from './life.ts'
import { Mesh } from './mesh.ts'
import type { Mix } from './mixes.ts'
import { type Before, RoomRules } from './rules.ts'
import { SETTINGS } from './settings.ts'

/** How long at most who is out stays out, milliseconds. */
const OUT_MS = 4000

/** Real cores, codec and keys on devices and a mesh that fail in every way, one event after the other, from one seed. */
export class RoomWorld {
  nowMs = 0
  steps = 0
  isCalm = false
  readonly mix: Mix
  readonly random: Random
  readonly mesh: Mesh
  readonly rules: RoomRules
  readonly persons: readonly Device[]
  readonly thief: Device
  readonly #timers = new TimerHeap()
  readonly #trace: ((line: string) => void) | undefined
  #underWay = 0
  #failure: unknown = null

  constructor(options: { seed: number; mix: Mix; trace?: ((line: string) => void) | undefined }) {
    this.mix = options.mix
    this.random = seededRandom(options.seed)
    this.#trace = options.trace
    this.mesh = new Mesh(this, this.random, this.mix, this.noticeMs)
    const [fewest, most] = this.mix.sizes
    const size = fewest + Math.floor(this.random() * (most - fewest + 1))
    this.persons = Array.from({ length: size }, (_, i) => new Device(this, `p${i}`, { isStranger: false }))
    this.thief = new Device(this, 'thief', { isStranger: true })
    this.rules = new RoomRules(this)
    for (const [i, device] of this.persons.entries()) {
      if (i === 0) device.found()
      else this.after(100 + this.random() * 1000, () => device.come())
    }
  }

  /** In touch for so long, a member is heard: three rounds of pings, or many where frames are lost. */
  get noticeMs(): number {
    const { loss, latencyMs } = this.mix
    return (loss === 0 ? 3 : 12) * (SETTINGS.intervalMs + 2 * latencyMs)
  }

  get lives(): Life[] {
    return this.persons.map(({ life }) => life).filter((life) => life !== null)
  }

  /** Those who could carry the room on. */
  get carriers(): Life[] {
    return this.lives.filter((life) => life.isAttached && memberOf(life.core.state, life.peer) !== undefined)
  }

  after(ms: number, run: () => void): Timer {
    return this.#timers.add(this.nowMs + Math.max(0, ms), run)
  }

  cancel(handle: unknown): void {
    this.#timers.cancel(handle as Timer)
  }

  /** Signing and checking: takes a moment, in which other things happen. */
  whenDone<T>(work: Promise<T>, then: (value: T) => void): void {
    this.#underWay++
    work.then(
      (value) => {
        this.#underWay--
        this.after(this.random() * KEYS_MS, () => then(value))
      },
      (error: unknown) => {
        this.#underWay--
        this.#failure ??= error
      },
    )
  }

  /** Runs what happens in the next `ms`, or until `done`. */
  async run(ms: number, done: () => boolean = () => false): Promise<void> {
    const untilMs = this.nowMs + ms
    while (!done()) {
      while (this.#underWay > 0) await Promise.resolve()
      if (this.#failure !== null) throw this.#failure
      const timer = this.#timers.peek()
      if (timer === undefined || timer.dueMs > untilMs) {
        this.nowMs = untilMs
        return
      }
      this.#timers.pop()
      this.nowMs = timer.dueMs
      timer.run()
    }
  }

  verify(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
    return verifyTestSignature(key, bytes, signature)
  }

  stepped(life: Life, input: RoomInput, before: Before, effects: readonly RoomEffect[]): void {
    this.steps++
    this.rules.stepped(life, input, before, effects)
  }

  ended(life: Life, reason: EndReason | null): void {
    this.rules.ended(life, reason)
    const outMs = (this.isCalm ? 0.1 : 1) * this.random() * OUT_MS
    if (!life.device.isStranger) this.after(outMs, () => life.device.come())
  }

  /** Since when two persons could hear each other without a break, awake both; `null` if they cannot now. */
  inTouchSinceMs(one: Device, other: Device): number | null {
    const reachMs = this.mesh.inReachSinceMs(one.name, other.name)
    if (reachMs === null || one.isFrozen || other.isFrozen) return null
    return Math.max(reachMs, one.frozen.untilMs, other.frozen.untilMs)
  }

  /** When two persons could hear each other last. */
  lastInTouchMs(one: Device, other: Device): number {
    const reachMs = this.mesh.lastInReachMs(one.name, other.name)
    const asleep = [one, other].filter(({ frozen }) => frozen.fromMs <= reachMs && reachMs <= frozen.untilMs)
    return Math.min(reachMs, ...asleep.map(({ frozen }) => frozen.fromMs))
  }

  /** From here on nothing fails. */
  calm(): void {
    this.isCalm = true
    this.trace(() => 'calm')
    this.thief.life?.vanish()
    this.mesh.calm({ loss: 0 })
    for (const device of this.persons) {
      device.thaw()
      device.life?.take({ kind: 'announce', presence: 'here' })
      device.life?.reattach(device.life.peer)
    }
  }

  trace(line: () => string): void {
    this.#trace?.(`${this.nowMs.toFixed(0).padStart(7)} ${line()}`)
  }
}

/** Longest time that a signature takes, milliseconds. */
const KEYS_MS = 20
