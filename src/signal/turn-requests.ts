import type { Clock } from '../base/clock.ts'

/** A TURN server and what it lets in by for a while: an `RTCIceServer`. */
export interface TurnServer {
  readonly urls: string[]
  readonly username: string
  readonly credential: string
}

/** How long {@link TurnRequests.servers} waits for the server's answer, milliseconds: a link waits for it. */
export const TURN_TIMEOUT_MS = 3_000
/** Part of their time for which credentials are handed out again: a link that is made with them needs some. */
const REUSED_FOR = 0.5

/** Asks a signalling server for TURN credentials when some are needed, and keeps those it gave while they are good. */
export class TurnRequests {
  readonly #clock: Clock
  readonly #ask: () => void
  #kept: readonly TurnServer[] = []
  #keptUntilMs: number = -Infinity
  #waiting: ((servers: readonly TurnServer[]) => void)[] = []
  #timer: unknown

  constructor(clock: Clock, ask: () => void) {
    this.#clock = clock
    this.#ask = ask
  }

  /** None where the server refuses, says nothing in time, or is lost. Never rejects. */
  servers(): Promise<readonly TurnServer[]> {
    if (this.#clock.now() < this.#keptUntilMs) return Promise.resolve(this.#kept)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length > 1) return
      this.#timer = this.#clock.setTimeout(() => this.settle(), TURN_TIMEOUT_MS)
      this.#ask()
    })
  }

  granted(server: TurnServer, ttlSeconds: number): void {
    this.#kept = [server]
    this.#keptUntilMs = this.#clock.now() + ttlSeconds * 1_000 * REUSED_FOR
    this.settle(this.#kept)
  }

  /** Answers all who wait. */
  settle(servers: readonly TurnServer[] = []): void {
    this.#clock.clearTimeout(this.#timer)
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve(servers)
  }
}
