import { sleep, throwIfAborted } from '../base/abort.ts'
import { answered, type WaitBound } from '../base/bounded-wait.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { ConfigError, InsecureContextError, JoinTimeoutError, SeamTornError } from '../base/errors.ts'
import { watchNetwork } from '../base/network-wake.ts'
import { observable, until } from '../base/observable.ts'
import { fullJitterMs, systemRandom } from '../base/random.ts'
import type { CloseReason, Seam } from './contract.ts'
import { EndpointHealth } from './endpoint-health.ts'
import type { ConnectionProgress, KeepConnectedOptions, KeptSeam } from './keep-connected.ts'
import { SelfHealingSeam } from './self-healing-seam.ts'
import { type Joiner, ServerClusterReconnect } from './server-cluster-reconnect.ts'

/** Pause before an attempt: evenly from 0 up to this, doubled with every attempt in a row, up to the cap. Milliseconds. */
export const RECONNECT_BASE_MS = 250
export const RECONNECT_CAP_MS = 15_000

/** A connection that held this long was a good one: the pauses start over. Milliseconds. */
export const STEADY_CONNECTION_MS = 5_000

/** Lost connections with frames unread; while there are as many, the next one waits for the reader. */
export const MAX_UNREAD_CONNECTIONS = 4

const CONNECT_TIMEOUT_MS = 30_000
const ATTEMPT_TIMEOUT_MS = 20_000

type Phase = ConnectionProgress['phase']
type KeptBySelf<T> = SelfHealingSeam<KeptSeam<T>['progress']>

/** The loop behind `keepConnected`: one attempt, one pause or one connection at a time. */
export class Keeper<T> {
  readonly #loom: Joiner<T, Seam>
  readonly #options: KeepConnectedOptions<T>
  readonly #cluster: ServerClusterReconnect<T>
  readonly #health: EndpointHealth<T>
  readonly #clock: Clock
  readonly #progress
  readonly #lifetime: AbortController = new AbortController()
  #seam: KeptBySelf<T> | null = null
  #attempt = 0
  #lastError: unknown = null
  #askedAtMs = 0
  #connectedAtMs = 0
  #aloneTimer: unknown
  #isWoken = false

  constructor(loom: Joiner<T, Seam>, options: KeepConnectedOptions<T>) {
    for (const name of ['connectTimeoutMs', 'attemptTimeoutMs', 'aloneTimeoutMs'] as const) {
      const ms = options[name]
      if (ms !== undefined && !(ms > 0)) throw new RangeError(`${name} is a time above zero, not ${ms}`)
    }
    this.#loom = loom
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#cluster = new ServerClusterReconnect(options)
    this.#health = new EndpointHealth(options.endpoints, this.#clock)
    this.#progress = observable<ConnectionProgress<T>>(this.#report('connecting'))
    if (options.onProgress !== undefined) this.#progress.subscribe(options.onProgress)
  }

  /** The first connection, within its bound. */
  async start(signal: AbortSignal | undefined): Promise<KeptSeam<T>> {
    const ms = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    try {
      throwIfAborted(signal)
      const connecting = this.#connect(this.#lifetime.signal)
      const connection = await inTime(connecting, { clock: this.#clock, ms, signal }, () => this.#tooLate(ms))
      this.#checkIdentity(connection)
      const seam = new SelfHealingSeam(connection.selfId, this.#progress, {
        onLost: (reason) => void this.#comeBack(reason),
        onPeers: (count) => this.#watchAlone(count),
        onTorn: () => this.#end(),
      })
      this.#seam = seam
      this.#goOn(seam, connection)
      return seam
    } catch (error) {
      this.#end()
      throw error
    }
  }

  /* ── Connecting ────────────────────────────────────────────────────────────────────────────── */

  /** Attempts, with pauses between them, until one succeeds. Rejects when aborted, and for good. */
  async #connect(signal: AbortSignal): Promise<Seam> {
    const { wake = watchNetwork } = this.#options
    let attemptNow: () => void = () => {}
    this.#isWoken = false
    const unwatch = wake(() => {
      this.#isWoken = true
      attemptNow()
    })
    try {
      for (;;) {
        await this.#pause(signal, (cutShort) => (attemptNow = cutShort))
        this.#attempt++
        this.#tell('connecting')
        try {
          return await this.#join(signal)
        } catch (error) {
          throwIfAborted(signal)
          this.#lastError = error
          if (isForGood(error)) throw error
          this.#health.failed(this.#cluster.currentEndpoint(), error)
          this.#moveOn()
        }
      }
    } finally {
      unwatch()
    }
  }

  /** None before the very first attempt. A wake during an attempt counts for the pause after it. */
  async #pause(signal: AbortSignal, whenWoken: (cutShort: () => void) => void): Promise<void> {
    if (this.#attempt === 0 && this.#seam === null) return
    const { random = systemRandom } = this.#options
    const early = new AbortController()
    const cutShort = (): void => early.abort()
    signal.addEventListener('abort', cutShort, { once: true })
    whenWoken(cutShort)
    if (this.#isWoken) cutShort()
    const ms = fullJitterMs(random, this.#attempt, RECONNECT_BASE_MS, RECONNECT_CAP_MS)
    if (!this.#isWoken) this.#tell('waiting', ms)
    try {
      await sleep(this.#clock, ms, early.signal)
    } catch {
      throwIfAborted(signal)
      this.#attempt = 0
    } finally {
      this.#isWoken = false
      signal.removeEventListener('abort', cutShort)
    }
  }

  async #join(signal: AbortSignal): Promise<Seam> {
    const ms = this.#options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS
    const attempt = new AbortController()
    this.#askedAtMs = this.#clock.now()
    try {
      const joining = this.#cluster.connect(this.#loom, { signal: attempt.signal })
      return await inTime(joining, { clock: this.#clock, ms, signal }, () => {
        return new JoinTimeoutError(`the endpoint did not answer within ${ms} ms: nothing was joined; try another one`)
      })
    } catch (error) {
      attempt.abort(error)
      throw error
    }
  }

  /** Goes to the next endpoint, past those that failed lately where another did not. */
  #moveOn(): void {
    const [cluster, health] = [this.#cluster, this.#health]
    const { isAnyWell } = health
    cluster.onTransportTear()
    for (let asked = 1; isAnyWell && asked < health.size; asked++) {
      if (health.isWell(cluster.currentEndpoint())) return
      cluster.advanceEndpoint()
    }
  }

  #tooLate(ms: number): Error {
    if (this.#lastError instanceof Error) return this.#lastError
    return new JoinTimeoutError(
      `no endpoint answered within ${ms} ms: nothing was joined; check the network, then retry`,
    )
  }

  /* ── Connected, and not ────────────────────────────────────────────────────────────────────── */

  #goOn(seam: KeptBySelf<T>, connection: Seam): void {
    this.#lastError = null
    this.#connectedAtMs = this.#clock.now()
    this.#health.answered(this.#cluster.currentEndpoint(), this.#clock.now() - this.#askedAtMs)
    this.#tell('connected')
    seam.mount(connection)
  }

  async #comeBack(reason: CloseReason): Promise<void> {
    const seam = this.#seam as KeptBySelf<T>
    const { signal } = this.#lifetime
    const wasSteady = this.#clock.now() - this.#connectedAtMs >= STEADY_CONNECTION_MS
    this.#lastError = reason.kind === 'error' ? reason.cause : new SeamTornError('the connection was lost')
    if (wasSteady) this.#attempt = 0
    else this.#health.failed(this.#cluster.currentEndpoint(), this.#lastError)
    try {
      this.#moveOn()
      if (seam.unread.get() >= MAX_UNREAD_CONNECTIONS) {
        this.#tell('held')
        await until(seam.unread, (count) => count < MAX_UNREAD_CONNECTIONS, { signal })
      }
      const connection = await this.#connect(signal)
      if (signal.aborted) return discard(connection)
      this.#checkIdentity(connection)
      this.#goOn(seam, connection)
    } catch (cause) {
      seam.tear({ kind: 'error', cause })
    }
  }

  #checkIdentity(connection: Seam): void {
    const was = this.#seam?.selfId ?? connection.selfId
    if (connection.selfId === was) return
    discard(connection)
    throw new ConfigError(`the loom joined as ${was} and now as ${connection.selfId}: give it a peerIdentity`)
  }

  #watchAlone(peerCount: number): void {
    const { aloneTimeoutMs } = this.#options
    this.#clock.clearTimeout(this.#aloneTimer)
    if (aloneTimeoutMs === undefined || peerCount > 1) return
    this.#aloneTimer = this.#clock.setTimeout(() => this.#seam?.drop(), aloneTimeoutMs)
  }

  #end(): void {
    this.#lifetime.abort()
    this.#clock.clearTimeout(this.#aloneTimer)
    this.#tell('closed')
  }

  #tell(phase: Phase, nextAttemptInMs: number | null = null): void {
    this.#progress.set(this.#report(phase, nextAttemptInMs))
  }

  #report(phase: Phase, nextAttemptInMs: number | null = null): ConnectionProgress<T> {
    const endpoint = this.#cluster.currentEndpoint()
    const endpoints = this.#health.states.get()
    return { phase, endpoint, attempt: this.#attempt, nextAttemptInMs, lastError: this.#lastError, endpoints }
  }
}

/** `joining`, within its bound; a connection that comes too late is closed. */
async function inTime(joining: Promise<Seam>, bound: WaitBound, late: () => Error): Promise<Seam> {
  try {
    return await answered(joining, bound, late)
  } catch (error) {
    joining.then(discard, () => {})
    throw error
  }
}

function discard(connection: Seam): void {
  connection.close().catch(() => {})
}

/** Not `TypeError`: that is what platforms call a network that fails. */
function isForGood(error: unknown): boolean {
  return error instanceof RangeError || error instanceof ConfigError || error instanceof InsecureContextError
}
