import type { Tag, WaitOptions } from './contract.ts'
import type { ResumeToken } from './resume-token.ts'

/** Draws the index of the next endpoint, in [0, `size`). */
export type EndpointSelector = (size: number) => number

/** One endpoint after the other, from `startIndex` (default 0), and around again. */
export function roundRobin(startIndex = 0): EndpointSelector {
  if (!Number.isSafeInteger(startIndex) || startIndex < 0) {
    throw new RangeError(`the start of a round robin is a whole number from 0: ${startIndex}`)
  }
  let next = startIndex
  return (size) => {
    const index = next % size
    next = (index + 1) % size
    return index
  }
}

/** What {@link ServerClusterReconnect.connect} connects with: a loom, or anything that joins by tag. */
export interface Joiner<T, S> {
  join(tag: T, options?: WaitOptions): Promise<S>
}

/**
 * Keeps a joiner's place in a fixed list of servers. It targets one endpoint at a time and goes to the
 * next when the transport tears; the resume token is kept beside it and survives the change of endpoint,
 * because it names a room and no server.
 *
 * The caller runs the loop: connect, and after a tear `onTransportTear()`, connect again, resume with
 * `pendingToken()`, `clearToken()`. Nothing happens in the background, so there is nothing to close.
 */
export class ServerClusterReconnect<T = Tag> {
  readonly #endpoints: readonly T[]
  readonly #selector: EndpointSelector
  #index: number
  #token: ResumeToken | null = null

  /**
   * The list is copied, and the selector (default {@link roundRobin}) asked at once for the first
   * endpoint. Throws a `RangeError` for an empty list, and for a selector that points outside it.
   */
  constructor(options: { readonly endpoints: readonly T[]; readonly selector?: EndpointSelector | undefined }) {
    if (options.endpoints.length === 0) throw new RangeError('the list of endpoints is empty: name at least one server')
    this.#endpoints = [...options.endpoints]
    this.#selector = options.selector ?? roundRobin()
    this.#index = this.#select()
  }

  /** The endpoint now targeted. */
  currentEndpoint(): T {
    return this.#endpoints[this.#index] as T
  }

  /** Targets what the selector names. Throws a `RangeError`, the target unchanged, where that is outside the list. */
  advanceEndpoint(): void {
    this.#index = this.#select()
  }

  /** The transport tore: targets the next endpoint. The token stays. */
  onTransportTear(): void {
    this.advanceEndpoint()
  }

  /** `loom.join` of the endpoint targeted at the time of the call, neither retried nor wrapped. */
  connect<S>(loom: Joiner<T, S>, options?: WaitOptions): Promise<S> {
    return loom.join(this.currentEndpoint(), options)
  }

  /** Keeps the token that an admission gave, in place of an earlier one. */
  setToken(token: ResumeToken): void {
    this.#token = token
  }

  /** The token to present on the next connection, or `null`. */
  pendingToken(): ResumeToken | null {
    return this.#token
  }

  /** Forgets the token: call it once a resume has consumed it. */
  clearToken(): void {
    this.#token = null
  }

  #select(): number {
    const size = this.#endpoints.length
    const index = this.#selector(size)
    if (!Number.isInteger(index) || index < 0 || index >= size) {
      throw new RangeError(`the selector named endpoint ${index} of ${size}: it has to return 0 to ${size - 1}`)
    }
    return index
  }
}
