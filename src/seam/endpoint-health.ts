import type { Clock } from '../base/clock.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'

/** How long an endpoint that failed is passed over while another one did not, milliseconds. */
export const ENDPOINT_REST_MS = 60_000

/** How one endpoint of a list has answered so far. */
export interface EndpointState {
  /** When it last gave a sign of life, milliseconds since the Unix epoch; `null`: never. */
  readonly lastAnswerAtMs: number | null
  /** From question to answer, milliseconds, the last time. */
  readonly latencyMs: number | null
  /** In a row, since the last answer. */
  readonly failures: number
  /** Why it last failed; `null` where it answered since. */
  readonly lastError: unknown
}

/** How the endpoints of a list do, for who chooses between them and for who shows them. */
export class EndpointHealth<T> {
  readonly #clock: Clock
  readonly #states
  readonly #failedAtMs: Map<T, number> = new Map()

  constructor(endpoints: readonly T[], clock: Clock) {
    this.#clock = clock
    const unheard: EndpointState = { lastAnswerAtMs: null, latencyMs: null, failures: 0, lastError: null }
    this.#states = observable<ReadonlyMap<T, EndpointState>>(new Map(endpoints.map((endpoint) => [endpoint, unheard])))
  }

  /** In the order of the list. */
  get states(): ReadableAtom<ReadonlyMap<T, EndpointState>> {
    return this.#states
  }

  get size(): number {
    return this.#states.get().size
  }

  get isAnyWell(): boolean {
    return [...this.#states.get().keys()].some((endpoint) => this.isWell(endpoint))
  }

  isWell(endpoint: T): boolean {
    const failedAtMs = this.#failedAtMs.get(endpoint)
    return failedAtMs === undefined || this.#clock.now() - failedAtMs >= ENDPOINT_REST_MS
  }

  failed(endpoint: T, lastError: unknown): void {
    this.#failedAtMs.set(endpoint, this.#clock.now())
    const failures = (this.#states.get().get(endpoint)?.failures ?? 0) + 1
    this.#change(endpoint, { failures, lastError })
  }

  /** `latencyMs`: as measured this time, if it was. */
  answered(endpoint: T, latencyMs: number | null = null): void {
    this.#failedAtMs.delete(endpoint)
    const answer = { lastAnswerAtMs: this.#clock.wallNow(), failures: 0, lastError: null }
    this.#change(endpoint, latencyMs === null ? answer : { ...answer, latencyMs })
  }

  #change(endpoint: T, change: Partial<EndpointState>): void {
    const states = this.#states.get()
    const state = states.get(endpoint)
    if (state !== undefined) this.#states.set(new Map(states).set(endpoint, { ...state, ...change }))
  }
}
