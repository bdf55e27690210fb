import { randomUUID } from 'node:crypto'
import { withinMs } from '../base/abort.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { fullJitterMs, systemRandom, type Random } from '../base/random.ts'
import type { Backplane, BackplaneEvent, BackplaneRequest, ServerId } from '../signal/backplane.ts'
import { connectRedis, type RedisConnection } from './redis-connection.ts'

export interface RedisBackplaneOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss:` for TLS. One primary, no Redis Cluster. */
  readonly url: string
  /** Of all keys and channels: services of different prefixes know nothing of each other. Default `selvage:`. */
  readonly prefix?: string | undefined
  /** How long a server that is not heard of keeps its peers in their rooms, milliseconds. Default 15,000. */
  readonly leaseMs?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

const DEFAULT_LEASE_MS = 15_000
/** Renewals that may fail in a row before a lease runs out. */
const BEATS_PER_LEASE = 3
/** Pauses before Redis is tried again: full jitter, doubled each time, up to the cap. */
const RETRY_BASE_MS = 100
const RETRY_CAP_MS = 3_000
/** How long giving everything up may take when a server closes, milliseconds. */
const CLOSE_LIMIT_MS = 2_000

/**
 * Rooms shared through Redis, by the official client `redis` (an optional peer dependency, loaded when this is
 * opened). Redis keeps who is in which room, decides, and hands signals on; nothing of it has to outlive it.
 *
 * When Redis goes away, or answers later than its lease allows, the backplane is down: it tries again by itself
 * and comes back under a new name, see {@link Backplane}.
 */
export class RedisBackplane implements Backplane {
  readonly #options: RedisBackplaneOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #beatMs: number
  #onEvent: (event: BackplaneEvent) => void = () => {}
  #run: { readonly server: ServerId; readonly connection: RedisConnection } | null = null
  #previous: ServerId | null = null
  /** The next beat, or the next try. */
  #timer: unknown
  #closed = false

  /** Throws a `RangeError` for a lease too short to be kept. */
  constructor(options: RedisBackplaneOptions) {
    const { leaseMs = DEFAULT_LEASE_MS, clock = systemClock, random = systemRandom } = options
    if (!(leaseMs >= 1_000)) throw new RangeError(`a lease lasts 1,000 ms at least: ${leaseMs}`)
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#beatMs = leaseMs / BEATS_PER_LEASE
  }

  /** Rejects with the client's error where Redis cannot be reached, and with words where the client is not installed. */
  async open(onEvent: (event: BackplaneEvent) => void): Promise<void> {
    this.#onEvent = onEvent
    await this.#begin()
  }

  ask(request: BackplaneRequest): void {
    const run = this.#run
    if (run === null) return
    this.#watch(run.connection, run.connection.carryOut(run.server, request))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    const run = this.#run
    this.#run = null
    if (run === null) return
    const cleared = run.connection.clear(run.server, 'at once')
    await withinMs(this.#clock, CLOSE_LIMIT_MS, cleared, () => new Error('Redis is slow')).catch(() => {})
    run.connection.destroy()
  }

  async #begin(): Promise<void> {
    const server = randomUUID()
    const { url, prefix = 'selvage:' } = this.#options
    // What is lost while it is still being made rejects there.
    let connection: RedisConnection | null = null
    connection = await connectRedis(url, prefix, {
      onEvent: (event) => {
        if (this.#run?.connection === connection) this.#onEvent(event)
      },
      onLost: () => this.#lose(connection),
    })
    try {
      await withinMs(this.#clock, this.#beatMs, this.#enlist(connection, server), () => new Error('Redis is slow'))
    } catch (error) {
      connection.destroy()
      throw error
    }
    if (this.#closed) {
      connection.destroy()
      return
    }
    const previous = this.#previous
    this.#run = { server, connection }
    this.#previous = server
    this.#onEvent({ kind: 'up', server })
    // What this server holds is restored by now; the rest of what stands under its old name is nobody's.
    if (previous !== null) this.#watch(connection, connection.clear(previous, 'at once'))
    this.#armBeat(connection)
  }

  async #enlist(connection: RedisConnection, server: ServerId): Promise<void> {
    await connection.prepare(server)
    await connection.begin(server, this.#beatMs * BEATS_PER_LEASE)
  }

  #armBeat(connection: RedisConnection): void {
    this.#timer = this.#clock.setTimeout(() => {
      const beat = this.#beat(connection).then(() => {
        if (this.#run?.connection === connection) this.#armBeat(connection)
      })
      this.#watch(
        connection,
        withinMs(this.#clock, this.#beatMs, beat, () => new Error('Redis is slow')),
      )
    }, this.#beatMs)
  }

  async #beat(connection: RedisConnection): Promise<void> {
    const run = this.#run
    if (run?.connection !== connection) return
    await connection.renew(run.server, this.#beatMs * BEATS_PER_LEASE)
    for (const other of await connection.servers()) {
      if (other !== run.server) await connection.clear(other, 'if its lease ran out')
    }
  }

  /** Whatever goes wrong with Redis, what is known of it is in doubt: begin again. */
  #watch(connection: RedisConnection, done: Promise<unknown>): void {
    done.catch(() => this.#lose(connection))
  }

  #lose(connection: RedisConnection | null): void {
    if (connection === null || this.#run?.connection !== connection) return
    this.#run = null
    this.#clock.clearTimeout(this.#timer)
    connection.destroy()
    this.#onEvent({ kind: 'down' })
    this.#retry(0)
  }

  #retry(attempt: number): void {
    const ms = fullJitterMs(this.#random, attempt, RETRY_BASE_MS, RETRY_CAP_MS)
    this.#timer = this.#clock.setTimeout(() => {
      this.#begin().catch(() => {
        if (!this.#closed) this.#retry(attempt + 1)
      })
    }, ms)
  }
}
