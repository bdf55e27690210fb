import { orAborted, throwIfAborted } from '../base/abort.ts'
import { systemClock, tracked, type Clock } from '../base/clock.ts'
import { LinkFailedError, RoomNotFoundError, RoomTakenError, SignalingUnavailableError } from '../base/errors.ts'
import { observable, until, type ReadableAtom } from '../base/observable.ts'
import { systemRandom, type Random } from '../base/random.ts'
import {
  DEFAULT_MAX_PAYLOAD_BYTES,
  type Availability,
  type Loom,
  type Pattern,
  type PeerId,
  type PeerIdentity,
  type Rendezvous,
  type Seam,
  type TransportCapability,
  type WaitOptions,
} from '../seam/contract.ts'
import { createPeerIdentity, lackingWebCrypto } from '../seam/peer-identity.ts'
import type { CreateRoom } from '../signal/protocol.ts'
import type { SignalSocketConstructor } from '../signal/signal-socket.ts'
import type { OpenBytePipe } from './relay/byte-pipe.ts'
import type { LinkDriver } from './link/link-driver.ts'
import type { RelayPolicy } from './mesh-steps.ts'
import { newRoomSecret, privateRoomAddress, publicRoomAddress, type RoomAddress } from './seal/room-address.ts'
import type { Presence, ServerHealth, SignallingStatus } from './presence/presence.ts'
import { RoomPresence, type RoomPresenceOptions, type SignalServerEntry } from './presence/room-presence.ts'
import { sealKeyOf } from './seal/seal-key.ts'
import { normalServerUrl, SignalTag, TAG_BOUNDS } from './seal/signal-tag.ts'
import type { LinkStatus } from './link/link-status.ts'
import { MeshSeam, type MeshDiagnostics } from './mesh-seam.ts'

/**
 * Seams that are meshes: every peer of a room is linked with every other, and signalling servers do no
 * more than introduce them. What carries the links, the fabric says ({@link MeshMeans}). One room per
 * weave; a loom may make any number.
 *
 * A public room (`roomKey`) is open to who knows its name, and is trust on first use: the servers can read
 * its signalling, and whoever comes first under the name is who the others meet. Without a key a room is
 * private: it is known only to who is given {@link invite}, and closed to the servers. Losing a signalling server never tears a seam: the loom attaches
 * to the next one of its list, and {@link signalling} tells how that goes.
 */
export class MeshLoom implements Loom<SignalTag> {
  readonly #options: MeshLoomOptions
  readonly #means: MeshMeans
  readonly #servers: readonly SignalServerEntry[]
  readonly #clock: Clock
  readonly #random: Random
  readonly #weaves: WeakMap<Seam, Weave> = new WeakMap()
  #identity: Promise<PeerIdentity> | null = null

  /** Throws a `TypeError` or `RangeError` for options that cannot work. Opens nothing. */
  constructor(options: MeshLoomOptions, means: MeshMeans) {
    if (typeof options.app !== 'string' || options.app === '')
      throw new TypeError('app names the application: at least one character')
    if (options.servers.length === 0 && means.serverless !== true)
      throw new RangeError('the list of signalling servers is empty: name at least one')
    if (options.servers.length > TAG_BOUNDS.servers)
      throw new RangeError(`a loom takes ${TAG_BOUNDS.servers} signalling servers at the most`)
    const { maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES } = options
    if (!Number.isSafeInteger(maxPayloadBytes) || maxPayloadBytes < 1)
      throw new RangeError(`maxPayloadBytes is a whole number of bytes, 1 at least: ${maxPayloadBytes}`)
    this.#options = options
    this.#means = means
    this.#servers = options.servers.map((server) =>
      typeof server === 'string'
        ? { url: normalServerUrl(server) }
        : { url: normalServerUrl(server.url), ticket: server.ticket },
    )
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
  }

  weave(rendezvous: Rendezvous<SignalTag>, options?: WaitOptions): Promise<Seam> {
    return rendezvous.kind === 'new' ? this.host(rendezvous.pattern, options) : this.join(rendezvous.tag, options)
  }

  /**
   * Resolves when attached to a server: whoever comes is linked from then on. Each server has 5 s to
   * answer. Rejects with
   * {@link RoomTakenError} where anybody else is in a public room of that key on any server,
   * {@link SignalingUnavailableError} where none can be reached.
   */
  async host(pattern: Pattern, options: WaitOptions = {}): Promise<Seam> {
    const { sessionName, roomKey, maxPeers = DEFAULT_MAX_PEERS } = pattern
    if (!Number.isInteger(maxPeers) || maxPeers < 2)
      throw new RangeError(`a room takes a whole number of peers, 2 at least: ${maxPeers}`)
    const tag = new SignalTag({
      room: roomKey ?? sessionName,
      secret: roomKey === undefined ? newRoomSecret() : undefined,
    })
    return this.#guarded(tag, this.#servers, maxPeers, options, async (weave) => {
      if (roomKey !== undefined && this.#servers.length > 1 && (await weave.exists(options))) {
        throw new RoomTakenError(`the room ${roomKey} exists already: join it, or host under another key`)
      }
      await weave.enter('new', options)
    })
  }

  /**
   * Resolves when the first link is proved; the others follow. Rejects with {@link RoomNotFoundError},
   * `RoomFullError`, {@link SignalingUnavailableError}, and {@link LinkFailedError} where peers are there
   * and no link to any could be made within `joinTimeoutMs`.
   */
  async join(tag: SignalTag, options: WaitOptions = {}): Promise<Seam> {
    return this.#guarded(tag, this.#serversOf(tag), undefined, options, (weave) =>
      this.#untilLinked(weave, 'no', options),
    )
  }

  /**
   * Comes back to a room that this peer is a member of and may be the first to come back to: looks for
   * it on every server and opens it, under the same address, where nobody is there. Resolves when
   * attached, like {@link host}. `maxPeers` (default 8) counts where the room is opened.
   */
  async reopen(tag: SignalTag, options: WaitOptions & { readonly maxPeers?: number | undefined } = {}): Promise<Seam> {
    const { maxPeers = DEFAULT_MAX_PEERS, signal } = options
    return this.#guarded(tag, this.#serversOf(tag), maxPeers, { signal }, (weave) =>
      weave.enter('if-missing', { signal }),
    )
  }

  /**
   * What to give to others so that they can {@link join}. Its `trust` says whether the room is closed to
   * the servers, or open to all who know its name. Throws a `TypeError` for a seam of another loom.
   */
  invite(seam: Seam): SignalTag {
    const { room, secret } = this.#weaveOf(seam).tag
    return new SignalTag({ room, secret, servers: this.#servers.map(({ url }) => url) })
  }

  /** Whether the seam's room can be found by others at the moment. */
  signalling(seam: Seam): ReadableAtom<SignallingStatus> {
    return this.#weaveOf(seam).meshSeam.signalling
  }

  /**
   * How each signalling server does, in the order of the list, as far as the seam's weave has asked it. Empty where
   * rooms are kept without servers.
   */
  servers(seam: Seam): ReadableAtom<readonly ServerHealth[]> {
    return this.#weaveOf(seam).meshSeam.servers ?? NO_SERVERS
  }

  /** The links of the seam, those in the making included. */
  links(seam: Seam): ReadableAtom<ReadonlyMap<PeerId, LinkStatus>> {
    return this.#weaveOf(seam).meshSeam.links
  }

  diagnostics(seam: Seam): MeshDiagnostics {
    return this.#weaveOf(seam).meshSeam.diagnostics
  }

  capability(): TransportCapability {
    return { roles: new Set([...this.#means.roles, 'data']), availability: this.availability() }
  }

  availability(): Availability {
    const lacking = this.#lacking()
    return lacking === null ? { kind: 'available' } : { kind: 'unavailable', reason: lacking.message }
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  /** Weaves, and on any failure closes everything before it rejects. */
  async #guarded(
    tag: SignalTag,
    servers: readonly SignalServerEntry[],
    maxPeers: number | undefined,
    { signal }: WaitOptions,
    meet: (weave: MeshSeam) => Promise<void>,
  ): Promise<Seam> {
    throwIfAborted(signal)
    const lacking = this.#lacking()
    if (lacking !== null) throw lacking
    const keys = await orAborted(this.#keysOf(tag), signal)
    const meshSeam = this.#open(tag, keys, servers, maxPeers)
    try {
      throwIfAborted(signal)
      await meet(meshSeam)
      throwIfAborted(signal)
    } catch (error) {
      await meshSeam.core.close({ kind: 'unreachable' })
      throw error
    }
    this.#weaves.set(meshSeam.core, { tag, meshSeam })
    return meshSeam.core
  }

  #keysOf(tag: SignalTag): Promise<[PeerIdentity, RoomAddress, CryptoKey]> {
    const { app, peerIdentity } = this.#options
    this.#identity ??= peerIdentity === undefined ? createPeerIdentity() : Promise.resolve(peerIdentity)
    const address = tag.secret === undefined ? publicRoomAddress(app, tag.room) : privateRoomAddress(app, tag.secret)
    return tracked(this.#clock, Promise.all([this.#identity, address, sealKeyOf(app, tag)]))
  }

  #open(
    tag: SignalTag,
    [identity, room, sealKey]: [PeerIdentity, RoomAddress, CryptoKey],
    servers: readonly SignalServerEntry[],
    maxPeers: number | undefined,
  ): MeshSeam {
    const { lostAfterMs, wake, WebSocket } = this.#options
    const { driver, relay, relayed, presence = onServers } = this.#means.weave()
    const [clock, random] = [this.#clock, this.#random]
    return new MeshSeam({
      presence: (self, handlers) =>
        presence({ servers, room, self, maxPeers, clock, random, WebSocket, wake, handlers }),
      room,
      sealKey,
      trust: tag.trust,
      identity,
      driver,
      relay,
      relayed,
      iceServers: this.#means.iceServers ?? noIceServers,
      iceTransportPolicy: this.#means.iceTransportPolicy ?? 'all',
      maxPayloadBytes: this.#options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES,
      clock,
      random,
      lostAfterMs,
      wake,
    })
  }

  /** Attaches where the room is and waits for the first link, all within one bound. */
  async #untilLinked(meshSeam: MeshSeam, create: CreateRoom, { signal }: WaitOptions): Promise<void> {
    const { joinTimeoutMs = JOIN_TIMEOUT_MS } = this.#options
    const late = new AbortController()
    const bound = this.#clock.setTimeout(() => late.abort(), joinTimeoutMs)
    const forwardAbort = (): void => late.abort()
    signal?.addEventListener('abort', forwardAbort, { once: true })
    try {
      await meshSeam.enter(create, { signal: late.signal })
      await until(meshSeam.changed, () => isLinked(meshSeam) || !meshSeam.hasProspects, { signal: late.signal })
    } catch (error) {
      throwIfAborted(signal)
      throw late.signal.aborted ? timedOut(meshSeam, joinTimeoutMs) : error
    } finally {
      this.#clock.clearTimeout(bound)
      signal?.removeEventListener('abort', forwardAbort)
    }
    if (isLinked(meshSeam)) return
    if (meshSeam.lastFailure !== null) throw noLink(meshSeam.lastFailure)
    throw new RoomNotFoundError(
      'everybody left the room before a link was made: check the invite, or wait for its host',
    )
  }

  /** The servers that both the loom and the tag name, in the loom's order; all of the loom's where the tag names none. */
  #serversOf(tag: SignalTag): readonly SignalServerEntry[] {
    if (!(tag instanceof SignalTag)) throw new TypeError('a MeshLoom joins by SignalTag')
    if (tag.servers.length === 0 || this.#means.serverless === true) return this.#servers
    const shared = this.#servers.filter(({ url }) => tag.servers.includes(url))
    if (shared.length > 0) return shared
    throw new SignalingUnavailableError(
      `the tag names none of the servers this loom may use: nothing was asked (${tag.servers.join(', ')}); list one of them in servers`,
    )
  }

  #weaveOf(seam: Seam): Weave {
    const weave = this.#weaves.get(seam)
    if (weave === undefined) throw new TypeError('this seam was not woven by this loom')
    return weave
  }

  #lacking(): Error | null {
    return lackingWebCrypto() ?? this.#means.lacking?.() ?? null
  }
}

export interface MeshLoomOptions {
  /** Names the application: rooms of different applications never meet. */
  readonly app: string
  /** Signalling servers, `ws:` or `wss:`, in the order that every peer of the application uses. 1 to 8. */
  readonly servers: readonly (string | SignalServerEntry)[]
  /** Default: one that lives as long as the loom. */
  readonly peerIdentity?: PeerIdentity | undefined
  /** Bound on `join`, from the call to the first proved link, milliseconds. Default 30,000. */
  readonly joinTimeoutMs?: number | undefined
  /** How long a peer whose link broke stays listed while the link is made again, milliseconds. Default 15,000. */
  readonly lostAfterMs?: number | undefined
  /**
   * Largest payload that is sent and taken, bytes; also what of one peer is put together at a time. The same for every
   * peer of the application: who sends more is cut off. Default 64 MiB.
   */
  readonly maxPayloadBytes?: number | undefined
  /** Calls its listener when links should be tried at once, and returns what ends that. Default: the page is online again, shown, thawed or on another network. */
  readonly wake?: ((attemptNow: () => void) => () => void) | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** For platforms without one. */
  readonly WebSocket?: SignalSocketConstructor | undefined
}

/** What carries the links of a {@link MeshLoom}. */
export interface MeshMeans {
  /** Called once a weave. */
  readonly weave: () => WeaveMeans
  /** Rooms are kept without servers: the loom's list may be empty. */
  readonly serverless?: boolean | undefined
  /** Asked before each link. Default: none. */
  readonly iceServers?: (() => Promise<readonly RTCIceServer[]>) | undefined
  readonly iceTransportPolicy?: RTCIceTransportPolicy | undefined
  /** For {@link TransportCapability}. */
  readonly roles: readonly string[]
  /** What this platform lacks for it, if anything. */
  readonly lacking?: (() => Error | null) | undefined
}

/** What one weave stands on. */
export interface WeaveMeans {
  readonly driver: LinkDriver
  /** Default `never`. */
  readonly relay?: RelayPolicy | undefined
  /** Pipes through what keeps the room, for pairs that cannot link directly. Absent: no link is relayed. */
  readonly relayed?: OpenBytePipe | undefined
  /** Opens the weave's presence in its room. Default: a {@link RoomPresence} on the signalling servers. */
  readonly presence?: ((options: RoomPresenceOptions) => Presence) | undefined
}

const NO_SERVERS: ReadableAtom<readonly ServerHealth[]> = observable([])

/** Peers a room takes unless the pattern says otherwise. */
const DEFAULT_MAX_PEERS = 8

const JOIN_TIMEOUT_MS = 30_000

interface Weave {
  readonly tag: SignalTag
  readonly meshSeam: MeshSeam
}

function isLinked(meshSeam: MeshSeam): boolean {
  return meshSeam.core.peers.get().size > 1
}

function timedOut(meshSeam: MeshSeam, ms: number): Error {
  if (meshSeam.signalling.get().kind === 'attached') {
    return noLink(meshSeam.lastFailure ?? `none was ready within ${ms} ms`)
  }
  return new SignalingUnavailableError(
    `no signalling server could be attached to within ${ms} ms: check the network, then retry`,
  )
}

function noLink(why: string): LinkFailedError {
  return new LinkFailedError(
    `the room was found, but no link to anybody in it could be made, so nothing was joined: ${why}`,
  )
}

function onServers(options: RoomPresenceOptions): Presence {
  return new RoomPresence(options)
}

async function noIceServers(): Promise<readonly RTCIceServer[]> {
  return []
}
