import { systemClock } from '../../src/base/clock.ts'
import { type SignalServer, startSignalServer } from '../../src/server/index.ts'

/** The signalling servers of one session, which die without a word and come back on their ports knowing nobody. */
export class SignalServers {
  readonly urls: readonly string[]
  readonly #running: Map<number, SignalServer>
  readonly #ports: readonly number[]
  readonly #returns: Map<number, unknown> = new Map()
  #changing: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(servers: readonly SignalServer[]) {
    this.urls = servers.map(({ url }) => url)
    this.#ports = servers.map(({ port }) => port)
    this.#running = new Map(servers.entries())
  }

  static async start(count: number): Promise<SignalServers> {
    return new SignalServers(await Promise.all(Array.from({ length: count }, () => startSignalServer())))
  }

  /** Resolves when they are dead; each comes back `forMs` later. One that is dead already stays so until then. */
  async kill(which: readonly number[], forMs: number): Promise<void> {
    const dying = which.flatMap((index) => this.#running.get(index) ?? [])
    for (const index of which) {
      this.#running.delete(index)
      systemClock.clearTimeout(this.#returns.get(index))
      this.#returns.set(
        index,
        systemClock.setTimeout(() => void (this.#changing = this.#changing.then(() => this.#revive(index))), forMs),
      )
    }
    await Promise.all(dying.map((server) => server.close({ abrupt: true })))
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const handle of this.#returns.values()) systemClock.clearTimeout(handle)
    await this.#changing
    await Promise.all([...this.#running.values()].map((server) => server.close({ abrupt: true })))
  }

  async #revive(index: number): Promise<void> {
    if (this.#closed || this.#running.has(index)) return
    this.#running.set(index, await startSignalServer({ port: this.#ports[index] }))
  }
}
