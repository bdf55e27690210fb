import type { Clock } from '../base/clock.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { Seam, Tag, WaitOptions } from './contract.ts'
import type { EndpointState } from './endpoint-health.ts'
import { Keeper } from './keeper.ts'
import type { EndpointSelector, Joiner } from './server-cluster-reconnect.ts'

/**
 * Runs a `ServerClusterReconnect` by itself: connects, and whenever the connection is lost goes on to the next
 * endpoint, with full jitter before each attempt, until it is connected again or closed. What it gives is one seam:
 *
 * - `state` is `weaving` while there is no connection, and `peers` is oneself alone then. A send to a peer is refused
 *   (`PeerNotConnectedError`), a broadcast resolves and reaches nobody, and frames that were on their way to a peer are
 *   lost with its link: whoever needs more builds a room on it, whose channels keep frames for who is away.
 * - `incoming` is one stream over all connections; `sequence` counts on, and what had arrived over a lost connection is
 *   read before what comes over the next.
 * - It ends with `close()`; with a connection that was closed on purpose rather than lost (`normal`,
 *   `remote-requested`: the same identity joined elsewhere); and with an error that no retry can mend (`RangeError`,
 *   `ConfigError`, `InsecureContextError`), which is then the cause of the tear.
 *
 * Resolves when first connected. Rejects past `connectTimeoutMs` with what the last attempt failed of, with an error
 * that no retry can mend, and with the signal's reason; then nothing is left open. The loom has to join under the same
 * identity each time: a connection under another id is such an error.
 */
export function keepConnected<T = Tag>(loom: Joiner<T, Seam>, options: KeepConnectedOptions<T>): Promise<KeptSeam<T>> {
  return Promise.resolve().then(() => new Keeper(loom, options).start(options.signal))
}

/** A seam that comes back by itself, and tells how that goes. */
export interface KeptSeam<T = Tag> extends Seam {
  readonly progress: ReadableAtom<ConnectionProgress<T>>
}

export interface ConnectionProgress<T = Tag> {
  /** `held`: the reader has to take what lost connections left before there is a next one. `closed` is final. */
  readonly phase: 'connecting' | 'connected' | 'waiting' | 'held' | 'closed'
  /** The endpoint connected to, or the one that is tried now or next. */
  readonly endpoint: T
  /** Attempts in a row, the one under way included; a connection that held, and a wake, start it over. */
  readonly attempt: number
  /** While `waiting`: milliseconds until the next attempt, from when this was published. */
  readonly nextAttemptInMs: number | null
  /** Why there is no connection; `null` while there is one, and before anything has failed. */
  readonly lastError: unknown
  /** How each endpoint has done so far, in the order of the list. */
  readonly endpoints: ReadonlyMap<T, EndpointState>
}

export interface KeepConnectedOptions<T = Tag> extends WaitOptions {
  /** In the order to try them in; not empty. Copied. */
  readonly endpoints: readonly T[]
  /** Default: round robin. */
  readonly selector?: EndpointSelector | undefined
  /** Bound on the first connection, over as many attempts as it takes, milliseconds. Default 30,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Bound on each attempt, milliseconds. Default 20,000. */
  readonly attemptTimeoutMs?: number | undefined
  /**
   * A connection that lists nobody for this long, milliseconds, counts as lost. Default: never. For fabrics whose seams
   * outlive their links, such as a WebRTC mesh. The loom then has to make the room where it is missing, or two
   * peers who are both alone never meet: `{ join: (tag, wait) => loom.reopen(tag, wait) }`.
   */
  readonly aloneTimeoutMs?: number | undefined
  /**
   * Calls its listener whenever an attempt may succeed that would have failed before, and returns what ends that.
   * Default: in a page, when it is online again, shown, or thawed; elsewhere never.
   */
  readonly wake?: ((attemptNow: () => void) => () => void) | undefined
  /** Hears of every change of {@link KeptSeam.progress}, from before the first connection on. */
  readonly onProgress?: ((progress: ConnectionProgress<T>) => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}
