import { answered } from '../../base/bounded-wait.ts'
import type { Clock } from '../../base/clock.ts'

/**
 * The STUN and TURN servers of one link: the weave's own, and those that its signalling server gives. They are asked
 * for when the link is made and again whenever it looks for another path, since credentials run out.
 */
export class IceServers {
  readonly #options: IceServersOptions
  readonly #ended = new AbortController()
  #own: readonly RTCIceServer[] = []
  #given: readonly RTCIceServer[] = []
  #renewing: Promise<void> | null = null

  constructor(options: IceServersOptions) {
    this.#options = options
  }

  /** To make a link with. Rejects as {@link IceServersOptions.own} does. */
  async first(): Promise<readonly RTCIceServer[]> {
    await this.#ask()
    return this.#all
  }

  /**
   * Asks again and hands all to `use`: within {@link RENEW_BOUND_MS}, and once for all who want it meanwhile. What
   * fails, comes late or is not given any more stays as it was. Never rejects; `use` is not called after {@link close}.
   */
  renew(use: (servers: RTCIceServer[]) => void): Promise<void> {
    this.#renewing ??= this.#renew(use).finally(() => (this.#renewing = null))
    return this.#renewing
  }

  close(): void {
    this.#ended.abort()
  }

  get #all(): RTCIceServer[] {
    return [...this.#own, ...this.#given]
  }

  async #renew(use: (servers: RTCIceServer[]) => void): Promise<void> {
    const { clock, onKept } = this.#options
    const { signal } = this.#ended
    const late = (): Error => new Error('no ICE servers came in time')
    let kept = false
    await answered(this.#ask(), { clock, ms: RENEW_BOUND_MS, signal }, late).catch(() => (kept = true))
    if (signal.aborted) return
    try {
      use(this.#all)
    } catch {
      kept = true
    }
    if (kept) onKept()
  }

  /** What comes after a bound is there for the next time. */
  async #ask(): Promise<void> {
    const { own, given } = this.#options
    const asked = [
      own().then((servers) => void (this.#own = servers)),
      given().then((servers) => {
        // While no server is attached, or none gives any, those given before are the only hope, and may still be good.
        if (servers.length > 0) this.#given = servers
      }),
    ]
    await Promise.allSettled(asked)
    await Promise.all(asked)
  }
}

/** A part of the time that a restart has: a path is missing meanwhile. */
export const RENEW_BOUND_MS = 1_000

export interface IceServersOptions {
  readonly own: () => Promise<readonly RTCIceServer[]>
  /** By the signalling server: none where it gives none. */
  readonly given: () => Promise<readonly RTCIceServer[]>
  readonly clock: Clock
  /** A restart begins with some given before: those asked failed or were late, or `use` threw. */
  readonly onKept: () => void
}
