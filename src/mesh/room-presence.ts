import { orAborted, sleep, throwIfAborted, withinMs } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { RoomFullError, RoomNotFoundError, RoomTakenError, SignalingUnavailableError } from '../base/errors.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'
import { fullJitterMs, type Random } from '../base/random.ts'
import type { WaitOptions } from '../seam/contract.ts'
import { ServerClusterReconnect } from '../seam/server-cluster-reconnect.ts'
import type { CreateRoom, SignalAddress } from '../signal/protocol.ts'
import { openAttachment, type Attachment, type AttachOptions } from '../signal/signal-client.ts'
import type { SignalSocketConstructor } from '../signal/signal-socket.ts'
import { newLinkId } from './link-envelope.ts'
import type { Presence, PresenceHandlers, RelayPort, SignallingStatus } from './presence.ts'
import type { RoomAddress } from './room-address.ts'

/**
 * One weave's presence in its room: attached to one server of the list at a time. Everybody starts at
 * the first server, so that who comes finds who is there. When a server is lost the others are searched
 * for the room, and where none knows it, it is opened anew on the next one that answers; whoever else
 * lost that server does the same and they meet again. Away from the first server it looks from time to
 * time whether the room is to be found on an earlier one, and moves there.
 */
export class RoomPresence implements Presence {
  readonly #options: RoomPresenceOptions
  readonly #cluster: ServerClusterReconnect<SignalServerEntry>
  readonly #lifetime: AbortController = new AbortController()
  /** Known to this weave and its servers alone, so that nobody else replaces its attachment. */
  readonly #sessionSecret: string = newLinkId() + newLinkId()
  readonly #status = observable<SignallingStatus>({ kind: 'searching', attempt: 0, lastError: null })
  readonly #relay: RelayPort
  #attachment: Attachment | null = null
  #maxPeers: number | undefined
  #attachedAtMs = 0

  constructor(options: RoomPresenceOptions) {
    this.#options = options
    this.#cluster = new ServerClusterReconnect({ endpoints: options.servers })
    this.#maxPeers = options.maxPeers
    const attachment = (): Attachment | null => this.#attachment
    this.#relay = {
      get maxBytes() {
        return attachment()?.maxRelayBytes ?? 0
      },
      get hasRoom() {
        return (attachment()?.unsentBytes ?? 0) < RELAY_UNSENT_BYTES
      },
      send: (to, payload) => attachment()?.relay(to, payload),
    }
  }

  get status(): ReadableAtom<SignallingStatus> {
    return this.#status
  }

  /**
   * Attaches for the first time. `new`: on the first server that answers, where nobody else may be in the room.
   * `no`: where the room is. `if-missing`: where the room is, else on the first server that answers.
   * Rejects as {@link openAttachment} does, and then nothing is left open.
   */
  async enter(create: CreateRoom, options: WaitOptions = {}): Promise<void> {
    this.#adopt(create === 'new' ? await this.#found(options) : await this.#search(create, options))
  }

  /** Whether any server knows the room; a server that does not answer does not. */
  async exists(options: WaitOptions = {}): Promise<boolean> {
    try {
      const candidate = await this.#round('no', options)
      candidate.attachment.close()
      return true
    } catch (error) {
      if (error instanceof RoomFullError) return true
      if (error instanceof RoomNotFoundError || error instanceof SignalingUnavailableError) return false
      throw error
    }
  }

  /** Hands `body` to a peer attached to the same server; without one it is lost. Throws where it is too large. */
  send(to: SignalAddress, body: string): void {
    this.#attachment?.send(to, body)
  }

  /** Through the server that both are attached to. */
  get relay(): RelayPort {
    return this.#relay
  }

  /** Idempotent. No handler runs after it. */
  close(): void {
    this.#lifetime.abort(new SignalingUnavailableError('signalling was closed'))
    const attachment = this.#attachment
    this.#attachment = null
    attachment?.close()
  }

  /* ── Looking for the room ──────────────────────────────────────────────────────────────────── */

  /**
   * A room is taken by others, not by this peer's own former session. That a session is one's own is the
   * server's word for what somebody claimed; believing it costs nothing, since who claims this id falsely
   * is linked with by nobody, and real members show under ids of their own.
   */
  async #found(options: WaitOptions): Promise<Candidate> {
    try {
      return await this.#round('new', options)
    } catch (taken) {
      if (!(taken instanceof RoomTakenError)) throw taken
      const candidate = await this.#round('if-missing', options).catch((error: unknown) => {
        throw error instanceof RoomFullError ? taken : error
      })
      if (candidate.present(this.#options.self.peer).length === 0) return candidate
      candidate.attachment.close()
      throw taken
    }
  }

  /** A pass over the list for the room, and where it is nowhere and may be made, another that makes it. */
  async #search(create: 'no' | 'if-missing', options: WaitOptions): Promise<Candidate> {
    const { clock, random } = this.#options
    const lastPassMs = clock.now() + SEARCH_BOUND_MS
    for (;;) {
      try {
        return await this.#round('no', options)
      } catch (error) {
        throwIfAborted(options.signal)
        if (create === 'if-missing' && isAbsence(error)) return this.#round('if-missing', options)
        // Members of a room whose server has just died are on their way to the next: look again shortly.
        const inMotion = error instanceof RoomNotFoundError && error.cause instanceof AggregateError
        if (!inMotion || clock.now() >= lastPassMs) throw error
        await sleep(clock, SEARCH_PAUSE_MS + fullJitterMs(random, 0, SEARCH_PAUSE_MS, SEARCH_PAUSE_MS), options.signal)
      }
    }
  }

  /** Asks one server after the other, beginning with the one now targeted. */
  async #round(create: CreateRoom, { signal }: WaitOptions): Promise<Candidate> {
    const failures: unknown[] = []
    for (let asked = 0; asked < this.#options.servers.length; asked++) {
      throwIfAborted(signal)
      try {
        return await this.#cluster.connect(
          { join: (server, options) => this.#attach(server, create, options) },
          { signal },
        )
      } catch (error) {
        throwIfAborted(signal)
        if (!isAbsence(error)) throw error
        failures.push(error)
        this.#cluster.onTransportTear()
      }
    }
    throw verdictOn(failures)
  }

  async #attach(server: SignalServerEntry, create: CreateRoom, { signal }: WaitOptions = {}): Promise<Candidate> {
    const { room, self, clock, WebSocket, attach = openAttachment } = this.#options
    const url = await urlWithTicket(server, clock, signal)
    const candidate = new Candidate(this.#options.handlers, (lost) => this.#onLost(lost))
    candidate.attachment = await attach({
      url,
      room,
      ...self,
      sessionSecret: this.#sessionSecret,
      create,
      maxPeers: this.#maxPeers,
      handlers: candidate,
      clock,
      signal,
      timeoutMs: ATTACH_BOUND_MS,
      WebSocket,
    })
    candidate.url = server.url
    // A room that holds nothing but this peer's own former session is one that nobody is in.
    if (create === 'no' && candidate.present(self.peer).length === 0) {
      candidate.attachment.close()
      throw new RoomNotFoundError(`nobody is in the room on ${server.url}: check the invite, or wait for its host`)
    }
    return candidate
  }

  /* ── Attached ──────────────────────────────────────────────────────────────────────────────── */

  #adopt(candidate: Candidate): void {
    const { clock, handlers, self } = this.#options
    if (this.#lifetime.signal.aborted) {
      candidate.attachment.close()
      return
    }
    const former = this.#attachment
    this.#attachment = candidate.attachment
    former?.close()
    this.#maxPeers = candidate.attachment.maxPeers
    this.#attachedAtMs = clock.now()
    this.#status.set({ kind: 'attached', url: candidate.url })
    handlers.onAttached(candidate.present(self.peer))
    candidate.start()
    if (candidate.url !== this.#options.servers[0]?.url) void this.#lookForTheWayHome(candidate)
  }

  #onLost(lost: Candidate): void {
    if (this.#attachment !== lost.attachment) return
    this.#attachment = null
    this.#options.handlers.onDetached()
    void this.#comeBack()
  }

  /** Until attached again or closed. Never rejects. */
  async #comeBack(): Promise<void> {
    const { clock, random } = this.#options
    const { signal } = this.#lifetime
    // A server that takes peers in only to drop them must not be asked in a tight loop.
    const steady = clock.now() - this.#attachedAtMs >= STEADY_MS
    this.#cluster.onTransportTear()
    let lastError: unknown = null
    for (let attempt = steady ? 0 : 3; !signal.aborted; attempt++) {
      this.#status.set({ kind: 'searching', attempt, lastError })
      try {
        await sleep(clock, fullJitterMs(random, attempt, REATTACH_BASE_MS, REATTACH_CAP_MS), signal)
        this.#adopt(await this.#search('if-missing', { signal }))
        return
      } catch (error) {
        lastError = error
      }
    }
  }

  async #lookForTheWayHome(away: Candidate): Promise<void> {
    const { clock, random, servers } = this.#options
    const { signal } = this.#lifetime
    const earlier = servers.slice(
      0,
      servers.findIndex((server) => server.url === away.url),
    )
    for (let attempt = 0; ; attempt++) {
      try {
        await sleep(clock, HOMING_BASE_MS + fullJitterMs(random, attempt, HOMING_BASE_MS, HOMING_CAP_MS), signal)
      } catch {
        return
      }
      for (const server of earlier) {
        if (this.#attachment !== away.attachment) return
        const home = await this.#attach(server, 'no', { signal }).catch(() => null)
        if (home === null) continue
        if (this.#attachment === away.attachment) this.#adopt(home)
        else home.attachment.close()
        return
      }
    }
  }
}

/** Bound on one server's answer, and on one ticket. The list is gone through one by one, so it is shorter than the client's own. */
export const ATTACH_BOUND_MS = 5_000

/** Pauses before looking for a server again: full jitter, doubled each time, up to the cap. */
export const REATTACH_BASE_MS = 250
export const REATTACH_CAP_MS = 15_000

/** An attachment that held this long starts the pauses over. */
export const STEADY_MS = 5_000

/**
 * How long a room is looked for that no server knows while some server does not answer: longer than who
 * lost that server pauses before it opens the room elsewhere.
 */
export const SEARCH_BOUND_MS = 5_000
const SEARCH_PAUSE_MS = 250

/** With so much unsent in the socket, relayed bytes wait: signalling goes the same way and must not be late. */
const RELAY_UNSENT_BYTES = 131_072

/** Pauses between looks at earlier servers of the list. */
const HOMING_BASE_MS = 15_000
const HOMING_CAP_MS = 120_000

export interface SignalServerEntry {
  readonly url: string
  readonly ticket?: (() => Promise<string>) | undefined
}

export interface RoomPresenceOptions {
  readonly servers: readonly SignalServerEntry[]
  readonly room: RoomAddress
  readonly self: SignalAddress
  readonly maxPeers?: number | undefined
  readonly clock: Clock
  readonly random: Random
  readonly WebSocket?: SignalSocketConstructor | undefined
  /** How to attach to one server. Default {@link openAttachment}: the servers are our own. */
  readonly attach?: ((options: AttachOptions) => Promise<Attachment>) | undefined
  readonly handlers: PresenceHandlers
}

/** An attachment until it is adopted: what it hears meanwhile is kept for then. */
class Candidate {
  attachment!: Attachment
  url = ''
  readonly #handlers: PresenceHandlers
  readonly #onLost: (lost: Candidate) => void
  #early: (() => void)[] | null = []

  constructor(handlers: PresenceHandlers, onLost: (lost: Candidate) => void) {
    this.#handlers = handlers
    this.#onLost = onLost
  }

  present(self: string): readonly SignalAddress[] {
    return this.attachment.peers.filter(({ peer }) => peer !== self)
  }

  start(): void {
    const early = this.#early ?? []
    this.#early = null
    for (const run of early) run()
  }

  onJoined(at: SignalAddress): void {
    this.#run(() => this.#handlers.onJoined(at))
  }

  onLeft(at: SignalAddress): void {
    this.#run(() => this.#handlers.onLeft(at))
  }

  onSignal(from: SignalAddress, body: string): void {
    this.#run(() => this.#handlers.onSignal(from, body))
  }

  onRelayed(from: SignalAddress, payload: Uint8Array): void {
    this.#run(() => this.#handlers.onRelayed(from, payload))
  }

  onLost(): void {
    this.#run(() => this.#onLost(this))
  }

  #run(event: () => void): void {
    if (this.#early === null) event()
    else this.#early.push(event)
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof RoomNotFoundError || error instanceof SignalingUnavailableError
}

/** What a pass over the list means when no server took this peer in. */
function verdictOn(failures: readonly unknown[]): Error {
  const silent = failures.filter((failure) => failure instanceof SignalingUnavailableError)
  const reasons = failures.map((failure) => (failure as Error).message).join('; ')
  if (silent.length === failures.length) {
    const cause = new AggregateError(failures, 'what each server answered')
    return new SignalingUnavailableError(
      `no signalling server could be reached, so nobody can be met: check the network, then retry (${reasons})`,
      { cause },
    )
  }
  const message = `no server knows the room, so there is nobody to meet: check the invite, or wait for its host (${reasons})`
  return new RoomNotFoundError(
    message,
    silent.length === 0 ? {} : { cause: new AggregateError(failures, 'what each server answered') },
  )
}

async function urlWithTicket(
  server: SignalServerEntry,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { url, ticket } = server
  if (ticket === undefined) return url
  const late = (): Error => new Error(`it took longer than ${ATTACH_BOUND_MS} ms`)
  try {
    const withTicket = new URL(url)
    withTicket.searchParams.set('ticket', await withinMs(clock, ATTACH_BOUND_MS, orAborted(ticket(), signal), late))
    return withTicket.href
  } catch (error) {
    throwIfAborted(signal)
    const message = `no ticket for signalling server ${url} could be had: nothing is attached there; retry, or try the next server`
    throw new SignalingUnavailableError(message, { cause: error })
  }
}
