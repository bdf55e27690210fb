import type { Clock } from '../../../base/clock.ts'
import type { PeerId, PeerIdentity } from '../../../seam/contract.ts'
import type { ResumeToken } from '../../../seam/resume-token.ts'
import { testIdentity } from '../../../sim/index.ts'
import type { EndReason } from '../../contract.ts'
import { Life } from './life.ts'
import type { RoomWorld } from './room-world.ts'

/** One person's device: its clock, what its storage keeps, and the process that runs on it, if one does. */
export class Device implements Clock {
  readonly name: string
  readonly identity: PeerIdentity
  life: Life | null = null
  /** What a page finds after a reload. */
  token: ResumeToken | null = null
  /** Of its last freeze. `untilMs` is infinite during it. */
  frozen: { fromMs: number; untilMs: number } = { fromMs: 0, untilMs: 0 }
  /** Is in no room and never was: holds only what it stole. */
  readonly isStranger: boolean
  readonly #world: RoomWorld
  readonly #waiting: (() => void)[] = []
  #aheadMs: number
  #wallAheadMs = 0
  #lives = 0

  constructor(world: RoomWorld, name: string, options: { isStranger: boolean }) {
    this.#world = world
    this.name = name
    this.identity = testIdentity(name)
    this.isStranger = options.isStranger
    this.#aheadMs = Math.floor(world.random() * 1e6)
  }

  /* ── Its clock ─────────────────────────────────────────────────────────────────────────────── */

  now(): number {
    return this.#world.nowMs + this.#aheadMs
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#world.nowMs + this.#wallAheadMs
  }

  setTimeout(run: () => void, ms: number): unknown {
    return this.#world.after(ms, run)
  }

  clearTimeout(handle: unknown): void {
    this.#world.cancel(handle)
  }

  skip(ms: number): void {
    this.#aheadMs += ms
  }

  moveWall(ms: number): void {
    this.#wallAheadMs = ms
  }

  /* ── Its page ──────────────────────────────────────────────────────────────────────────────── */

  /** At once, or in order when the page thaws. */
  whenAwake(run: () => void): void {
    if (this.isFrozen) this.#waiting.push(run)
    else run()
  }

  get isFrozen(): boolean {
    return this.frozen.untilMs === Number.POSITIVE_INFINITY
  }

  freeze(): void {
    this.frozen = { fromMs: this.#world.nowMs, untilMs: Number.POSITIVE_INFINITY }
  }

  thaw(): void {
    if (!this.isFrozen) return
    this.frozen.untilMs = this.#world.nowMs
    for (const run of this.#waiting.splice(0)) run()
  }

  found(): void {
    this.life = new Life(this.#world, this, this.nextPeer())
    this.life.found()
  }

  /** A page opens and comes in, with `token` if there is one. */
  come(token: ResumeToken | null = this.token): void {
    if (this.life !== null) return
    this.#world.trace(() => `${this.name} comes${token === null ? '' : ` with ${token.peerId}'s token`}`)
    this.life = new Life(this.#world, this, this.nextPeer())
    this.life.join(token)
  }

  /** Its next process is known by this id. */
  nextPeer(): PeerId {
    return this.#world.mix.drawnIds === true ? `${this.name}.${++this.#lives}` : this.name
  }

  keep(token: ResumeToken | null): void {
    if (!this.isStranger) this.token = token
  }

  /** `null`: without a word. */
  ended(life: Life, reason: EndReason | null): void {
    if (this.life !== life) return
    this.life = null
    this.#waiting.length = 0
    this.thaw()
    this.#world.ended(life, reason)
  }
}
