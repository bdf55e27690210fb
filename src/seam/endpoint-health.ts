import type { Clock } from '../base/clock.ts'

/** How long an endpoint that failed is passed over while another one did not, milliseconds. */
export const ENDPOINT_REST_MS = 60_000

/** Which endpoints of a list failed lately. */
export class EndpointHealth<T> {
  readonly #endpoints: readonly T[]
  readonly #clock: Clock
  readonly #failedAtMs: Map<T, number> = new Map()

  constructor(endpoints: readonly T[], clock: Clock) {
    this.#endpoints = [...endpoints]
    this.#clock = clock
  }

  get size(): number {
    return this.#endpoints.length
  }

  get isAnyWell(): boolean {
    return this.#endpoints.some((endpoint) => this.isWell(endpoint))
  }

  isWell(endpoint: T): boolean {
    const failedAtMs = this.#failedAtMs.get(endpoint)
    return failedAtMs === undefined || this.#clock.now() - failedAtMs >= ENDPOINT_REST_MS
  }

  failed(endpoint: T): void {
    this.#failedAtMs.set(endpoint, this.#clock.now())
  }

  succeeded(endpoint: T): void {
    this.#failedAtMs.delete(endpoint)
  }
}
