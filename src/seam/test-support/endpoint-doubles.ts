import { sleep } from '../../base/abort.ts'
import { RoomNotFoundError, SignalingUnavailableError } from '../../base/errors.ts'
import { seededRandom, SimulatedNetwork, testIdentity, VirtualClock } from '../../sim/index.ts'
import type { Seam, WaitOptions } from '../contract.ts'
import { type ConnectionProgress, keepConnected, type KeepConnectedOptions, type KeptSeam } from '../keep-connected.ts'

/** `dead` never answers; `deaf` connects after a minute, whatever becomes of its caller; a number: slow, by so many milliseconds. */
export type Behaviour = 'up' | 'refusing' | 'empty' | 'dead' | 'deaf' | number

const TAG = { sessionName: 'oak', peerKey: 'oak' }

/** Endpoints of one room, in which ann is; bob comes and goes through them. All under virtual time. */
export class EndpointDoubles {
  readonly clock: VirtualClock = new VirtualClock()
  readonly network: SimulatedNetwork = new SimulatedNetwork({
    clock: this.clock,
    seed: 1,
    latencyMs: 5,
    peerLossMs: 1_000,
  })
  readonly behaviours: Map<string, Behaviour> = new Map()
  /** `endpoint@ms` of each attempt. */
  readonly asked: string[] = []
  /** Every connection that was made, whoever has it. */
  readonly connections: Seam[] = []
  readonly progress: ConnectionProgress<string>[] = []
  /** Makes an attempt happen now; its listeners are those that were not ended. */
  readonly wakers: Set<() => void> = new Set()
  identity = 'bob'
  readonly #random = seededRandom(1)
  /** Times are told from here on. */
  originMs = 0

  host(): Promise<Seam> {
    return this.run(this.network.loom({ peerIdentity: testIdentity('ann') }).host(TAG))
  }

  keep(options: Partial<KeepConnectedOptions<string>> = {}): Promise<KeptSeam<string>> {
    const wake = (listener: () => void): (() => void) => {
      this.wakers.add(listener)
      return () => this.wakers.delete(listener)
    }
    const join = (endpoint: string, wait?: WaitOptions): Promise<Seam> => this.#join(endpoint, wait)
    const onProgress = (progress: ConnectionProgress<string>): void => void this.progress.push(progress)
    const { clock } = this
    const given = { endpoints: ['a', 'b', 'c'], clock, random: this.#random, wake, onProgress, ...options }
    return keepConnected({ join }, given)
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { limitMs: 600_000 })
  }

  failure(promise: Promise<unknown>): Promise<unknown> {
    return this.run(
      promise.then(
        () => null,
        (error: unknown) => error,
      ),
    )
  }

  /** Bob's connection is lost. */
  lose(): void {
    this.network.crash('bob')
  }

  wake(): void {
    for (const waker of this.wakers) waker()
  }

  /** What was asked since the last call, without its times. */
  endpointsAsked(): string[] {
    return this.asked.splice(0).map((entry) => entry.split('@')[0] as string)
  }

  get open(): number {
    return this.connections.filter((connection) => connection.state.get().kind !== 'torn').length
  }

  async #join(endpoint: string, { signal }: WaitOptions = {}): Promise<Seam> {
    this.asked.push(`${endpoint}@${this.clock.now() - this.originMs}`)
    const behaviour = this.behaviours.get(endpoint) ?? 'up'
    if (behaviour === 'refusing') throw new SignalingUnavailableError(`${endpoint} refuses`)
    if (behaviour === 'empty') throw new RoomNotFoundError(`nobody at ${endpoint}`)
    if (behaviour === 'dead') await sleep(this.clock, 3_600_000, signal)
    if (behaviour === 'deaf') await sleep(this.clock, 60_000)
    if (typeof behaviour === 'number') await sleep(this.clock, behaviour, signal)
    const wait = behaviour === 'deaf' ? {} : { signal }
    const connection = await this.network.loom({ peerIdentity: testIdentity(this.identity) }).join(TAG, wait)
    this.connections.push(connection)
    return connection
  }
}
