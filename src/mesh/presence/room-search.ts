import { orAborted, sleep, throwIfAborted, withinMs } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { RoomFullError, RoomNotFoundError, RoomTakenError, SignalingUnavailableError } from '../../base/errors.ts'
import { fullJitterMs } from '../../base/random.ts'
import { staggered } from '../../base/staggered.ts'
import type { WaitOptions } from '../../seam/contract.ts'
import { EndpointHealth } from '../../seam/endpoint-health.ts'
import { ServerClusterReconnect } from '../../seam/server-cluster-reconnect.ts'
import type { CreateRoom, LeftWhy, SignalAddress } from '../../signal/protocol.ts'
import { openAttachment, type Attachment } from '../../signal/signal-client.ts'
import { newLinkId } from './link-envelope.ts'
import type { PresenceHandlers } from './presence.ts'
import type { RoomPresenceOptions, SignalServerEntry } from './room-presence.ts'

/**
 * Looks for a room on the servers of a list, and opens it where it is nowhere. A pass asks one server after
 * the other, beginning with the one that is targeted; one that is slow to answer holds up nobody, for the next
 * is asked meanwhile. Which server to target next, `ServerClusterReconnect` says.
 */
export class RoomSearch {
  readonly health: EndpointHealth<SignalServerEntry>
  readonly #options: RoomPresenceOptions
  readonly #onLost: (lost: Candidate) => void
  readonly #cluster: ServerClusterReconnect<SignalServerEntry>
  /** Known to this weave and its servers alone, so that nobody else replaces its attachment. */
  readonly #sessionSecret: string = newLinkId() + newLinkId()
  /** Capacity of the room where this opens it. */
  maxPeers: number | undefined
  /** To a member a full room is one that it cannot come back to there. To who is none it is the answer. */
  isMember = false

  constructor(options: RoomPresenceOptions, onLost: (lost: Candidate) => void) {
    this.#options = options
    this.#onLost = onLost
    this.#cluster = new ServerClusterReconnect({ endpoints: options.servers })
    this.health = new EndpointHealth(options.servers, options.clock)
    this.maxPeers = options.maxPeers
  }

  /** The server attached to is gone: the next one is targeted. */
  moveOn(): void {
    this.#cluster.onTransportTear()
  }

  /** Attached there: after its loss the one behind it comes first. */
  target(server: SignalServerEntry): void {
    for (let i = 0; i < this.#options.servers.length && this.#cluster.currentEndpoint() !== server; i++)
      this.#cluster.advanceEndpoint()
  }

  /**
   * Opens the room on the first server that answers. A room is taken by others, not by this peer's own former session.
   * That a session is one's own is the server's word for what somebody claimed; believing it costs nothing, since who
   * claims this id falsely is linked with by nobody, and real members show under ids of their own.
   */
  async found(options: WaitOptions): Promise<Candidate> {
    try {
      return await this.round('new', options)
    } catch (taken) {
      if (!(taken instanceof RoomTakenError)) throw taken
      const candidate = await this.round('if-missing', options).catch((error: unknown) => {
        throw error instanceof RoomFullError ? taken : error
      })
      if (candidate.present.length === 0) return candidate
      candidate.attachment.close()
      throw taken
    }
  }

  /** A pass over the list for the room, and where it is nowhere and may be made, another that makes it. */
  async find(create: 'no' | 'if-missing', options: WaitOptions): Promise<Candidate> {
    const { clock, random } = this.#options
    const begunMs = clock.now()
    for (;;) {
      const passMs = clock.now()
      try {
        return await this.round('no', options)
      } catch (error) {
        throwIfAborted(options.signal)
        if (!this.#isAbsence(error)) throw error
        if (create === 'if-missing') return this.round('if-missing', options)
        // Members of a room whose server has just died are on their way to the next: look again shortly.
        const inMotion = error instanceof RoomNotFoundError && error.cause instanceof AggregateError
        const bound = clock.now() - passMs < ATTACH_BOUND_MS ? SEARCH_BOUND_MS : SILENT_SEARCH_BOUND_MS
        if (!inMotion || clock.now() >= begunMs + bound) throw error
        await sleep(clock, SEARCH_PAUSE_MS + fullJitterMs(random, 0, SEARCH_PAUSE_MS, SEARCH_PAUSE_MS), options.signal)
      }
    }
  }

  /** Asks every server, beginning with the one now targeted, and targets the one that takes this peer in. */
  async round(create: CreateRoom, { signal }: WaitOptions): Promise<Candidate> {
    const { clock, servers } = this.#options
    const cluster = this.#cluster
    const ask = (index: number, askSignal: AbortSignal): Promise<Candidate> => {
      if (index > 0) cluster.onTransportTear()
      const server = cluster.currentEndpoint()
      const joiner = { join: (to: SignalServerEntry, options?: WaitOptions) => this.attach(to, create, options) }
      return cluster.connect(joiner, { signal: askSignal }).catch((error: unknown) => {
        if (!this.#isAbsence(error) && !askSignal.aborted) this.target(server)
        throw error
      })
    }
    try {
      const candidate = await staggered(
        servers.map((_, index) => (askSignal: AbortSignal) => ask(index, askSignal)),
        {
          clock,
          headStartMs: HEAD_START_MS,
          isFinal: (error) => !this.#isAbsence(error),
          discard: (late) => late.attachment.close('moved'),
          signal,
        },
      )
      this.target(candidate.server)
      return candidate
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof AggregateError)) throw error
      // The pass is over: the next one begins where this one did.
      cluster.advanceEndpoint()
      throw verdictOn(error.errors)
    }
  }

  async attach(server: SignalServerEntry, create: CreateRoom, { signal }: WaitOptions = {}): Promise<Candidate> {
    const { room, self, clock, WebSocket, handlers, attach = openAttachment } = this.#options
    const candidate = new Candidate(server, self.peer, handlers, this.#onLost, this.health)
    let askedAtMs = clock.now()
    try {
      const url = await urlWithTicket(server, clock, signal)
      askedAtMs = clock.now()
      candidate.attachment = await attach({
        url,
        room,
        ...self,
        sessionSecret: this.#sessionSecret,
        create,
        maxPeers: this.maxPeers,
        handlers: candidate,
        clock,
        signal,
        timeoutMs: ATTACH_BOUND_MS,
        WebSocket,
      })
      this.health.answered(server, clock.now() - askedAtMs)
    } catch (error) {
      throwIfAborted(signal)
      if (error instanceof SignalingUnavailableError) this.health.failed(server, error)
      else this.health.answered(server, clock.now() - askedAtMs)
      throw error
    }
    // A room that holds nothing but this peer's own former session is one that nobody is in.
    if (create === 'no' && candidate.present.length === 0) {
      candidate.attachment.close('moved')
      throw new RoomNotFoundError(`nobody is in the room on ${server.url}: check the invite, or wait for its host`)
    }
    return candidate
  }

  #isAbsence(error: unknown): boolean {
    if (error instanceof RoomFullError) return this.isMember
    return error instanceof RoomNotFoundError || error instanceof SignalingUnavailableError
  }
}

/** Bound on one server's answer, and on one ticket. Shorter than the client's own, for there are others to ask. */
export const ATTACH_BOUND_MS = 5_000

/** How long a server may take to answer before the next one is asked beside it. */
export const HEAD_START_MS = 1_000

/**
 * How long a room is looked for that no server knows while some server does not answer: longer than who lost that
 * server pauses before it opens the room elsewhere; and where the server is silent rather than gone, than it takes
 * to notice that.
 */
export const SEARCH_BOUND_MS = 5_000
export const SILENT_SEARCH_BOUND_MS = 20_000
const SEARCH_PAUSE_MS = 250

/** An attachment until it is adopted: what it hears meanwhile is kept for then. */
export class Candidate {
  attachment!: Attachment
  readonly server: SignalServerEntry
  readonly #self: string
  readonly #handlers: PresenceHandlers
  readonly #onLost: (lost: Candidate) => void
  readonly #health: EndpointHealth<SignalServerEntry>
  #early: (() => void)[] | null = []

  constructor(
    server: SignalServerEntry,
    self: string,
    handlers: PresenceHandlers,
    onLost: (lost: Candidate) => void,
    health: EndpointHealth<SignalServerEntry>,
  ) {
    this.server = server
    this.#self = self
    this.#handlers = handlers
    this.#onLost = onLost
    this.#health = health
  }

  /** Who else was there, this peer's own former sessions left out. */
  get present(): readonly SignalAddress[] {
    return this.attachment.peers.filter(({ peer }) => peer !== this.#self)
  }

  start(): void {
    const early = this.#early ?? []
    this.#early = null
    for (const run of early) run()
  }

  onJoined(at: SignalAddress): void {
    this.#run(() => this.#handlers.onJoined(at))
  }

  onLeft(at: SignalAddress, why: LeftWhy): void {
    this.#run(() => this.#handlers.onLeft(at, why))
  }

  onSignal(from: SignalAddress, body: string): void {
    this.#run(() => this.#handlers.onSignal(from, body))
  }

  onRelayed(from: SignalAddress, payload: Uint8Array): void {
    this.#run(() => this.#handlers.onRelayed(from, payload))
  }

  onAnswered(latencyMs: number): void {
    this.#health.answered(this.server, latencyMs)
  }

  onLost(reason: SignalingUnavailableError): void {
    this.#health.failed(this.server, reason)
    this.#run(() => this.#onLost(this))
  }

  #run(event: () => void): void {
    if (this.#early === null) event()
    else this.#early.push(event)
  }
}

/** What a pass over the list means when no server took this peer in. */
function verdictOn(failures: readonly unknown[]): Error {
  const silent = failures.filter((failure) => failure instanceof SignalingUnavailableError)
  const reasons = failures.map((failure) => (failure as Error).message).join('; ')
  const cause = silent.length === 0 ? {} : { cause: new AggregateError(failures, 'what each server answered') }
  if (silent.length === failures.length) {
    return new SignalingUnavailableError(
      `no signalling server could be reached, so nobody can be met: check the network, then retry (${reasons})`,
      cause,
    )
  }
  const message = `no server knows the room, so there is nobody to meet: check the invite, or wait for its host (${reasons})`
  return new RoomNotFoundError(message, cause)
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
