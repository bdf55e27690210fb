import { sleep } from '../../base/abort.ts'
import { fromUtf8 } from '../../base/bytes.ts'
import { RoomNotFoundError, SignalingUnavailableError } from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import { seededRandom, SimulatedNetwork, testIdentity, VirtualClock } from '../../sim/index.ts'
import type { Seam, WaitOptions } from '../contract.ts'
import { type ConnectionProgress, keepConnected, type KeepConnectedOptions, type KeptSeam } from '../keep-connected.ts'

/** `dead` never answers; `deaf` connects after a minute, whatever becomes of its caller; a number: slow, by so many milliseconds. */
export type Behaviour = 'up' | 'refusing' | 'empty' | 'dead' | 'deaf' | 'broken' | number

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
  /** The endpoint of each attempt. */
  readonly asked: string[] = []
  /** Every connection that was made, whoever has it. */
  readonly connections: Seam[] = []
  readonly progress: ConnectionProgress<string>[] = []
  /** Makes an attempt happen now; its listeners are those that were not ended. */
  readonly wakers: Set<() => void> = new Set()
  identity = 'bob'
  /** What endpoints throw that are `broken`. */
  fault: unknown = new Error('broken')
  /** Called when a connection is handed over. */
  onConnected: ((connection: Seam) => void) | null = null
  readonly #random = seededRandom(1)

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

  /** Every endpoint behaves like that from now on. */
  all(behaviour: Behaviour): void {
    for (const endpoint of ['a', 'b', 'c']) this.behaviours.set(endpoint, behaviour)
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

  /** Which were asked since the last call. */
  endpointsAsked(): string[] {
    return this.asked.splice(0)
  }

  /** What would stay behind: timers, listeners of the network, connections. */
  get leftOpen(): { timers: number; wakers: number; connections: number } {
    return { timers: this.clock.pendingTimers, wakers: this.wakers.size, connections: this.open }
  }

  get open(): number {
    return this.connections.filter((connection) => connection.state.get().kind !== 'torn').length
  }

  async #join(endpoint: string, { signal }: WaitOptions = {}): Promise<Seam> {
    this.asked.push(endpoint)
    const behaviour = this.behaviours.get(endpoint) ?? 'up'
    if (behaviour === 'refusing') throw new SignalingUnavailableError(`${endpoint} refuses`)
    if (behaviour === 'empty') throw new RoomNotFoundError(`nobody at ${endpoint}`)
    if (behaviour === 'broken') throw this.fault
    if (behaviour === 'dead') await sleep(this.clock, 3_600_000, signal)
    if (behaviour === 'deaf') await sleep(this.clock, 60_000)
    if (typeof behaviour === 'number') await sleep(this.clock, behaviour, signal)
    const wait = behaviour === 'deaf' ? {} : { signal }
    const connection = await this.network.loom({ peerIdentity: testIdentity(this.identity) }).join(TAG, wait)
    this.connections.push(connection)
    this.onConnected?.(connection)
    return connection
  }
}

export const NOTHING_OPEN = { timers: 0, wakers: 0, connections: 0 }

export const woven = (seam: Seam): Promise<unknown> => until(seam.state, ({ kind }) => kind === 'woven')
export const torn = (seam: Seam): Promise<unknown> => until(seam.state, ({ kind }) => kind === 'torn')

/** Ann and bob, connected. */
export async function connected(
  options?: Partial<KeepConnectedOptions<string>>,
): Promise<{ doubles: EndpointDoubles; ann: Seam; bob: KeptSeam<string> }> {
  const doubles = new EndpointDoubles()
  const ann = await doubles.host()
  const bob = await doubles.run(doubles.keep(options))
  doubles.endpointsAsked()
  return { doubles, ann, bob }
}

/** What arrives on `seam`, as `sequence text`. */
export function texts(seam: Seam): string[] {
  const seen: string[] = []
  void (async () => {
    for await (const { sequence, payload } of seam.incoming) seen.push(`${sequence} ${fromUtf8(payload)}`)
    seen.push('end')
  })()
  return seen
}
