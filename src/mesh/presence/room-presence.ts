import { sleep } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { RoomFullError, RoomNotFoundError, SignalingUnavailableError } from '../../base/errors.ts'
import { watchNetwork } from '../../base/network-wake.ts'
import { observable, type ReadableAtom } from '../../base/observable.ts'
import { fullJitterMs, type Random } from '../../base/random.ts'
import type { WaitOptions } from '../../seam/contract.ts'
import type { CreateRoom, SignalAddress } from '../../signal/protocol.ts'
import type { Attachment, AttachOptions } from '../../signal/signal-client.ts'
import type { SignalSocketConstructor } from '../../signal/signal-socket.ts'
import type { Presence, PresenceHandlers, RelayPort, ServerHealth, SignallingStatus } from './presence.ts'
import type { RoomAddress } from '../seal/room-address.ts'
import { RoomSearch, type Candidate } from './room-search.ts'

/**
 * One weave's presence in its room: attached to one server of the list at a time. Everybody starts at
 * the first server, so that who comes finds who is there. When a server is lost the others are searched
 * for the room, and where none knows it, it is opened anew on the next one that answers; whoever else
 * lost that server does the same and they meet again. From time to time it looks around: away from the first
 * server, whether the room is to be found on an earlier one, and moves there; and everywhere, whether
 * somebody is in the room on another server who is not of this mesh yet, and goes to fetch them.
 */
export class RoomPresence implements Presence {
  readonly #options: RoomPresenceOptions
  readonly #search: RoomSearch
  readonly #lifetime: AbortController = new AbortController()
  readonly #status = observable<SignallingStatus>({ kind: 'searching', attempt: 0, lastError: null })
  readonly #servers = observable<readonly ServerHealth[]>([])
  readonly #relay: RelayPort
  readonly #unwatch: readonly (() => void)[]
  #attachment: Attachment | null = null
  #attachedAtMs = 0
  /** Ends with the attachment. */
  #stay: AbortController = new AbortController()
  /** Attachments in a row that did not hold. */
  #unsteady = 0
  /** Whether to look at the earlier servers without waiting until it is time. */
  #isSought = false
  /** The pause and the attempt that are under way while no server is attached to. */
  #turn: AbortController | null = null

  constructor(options: RoomPresenceOptions) {
    this.#options = options
    this.#search = new RoomSearch(options, (lost) => this.#onLost(lost))
    const { wake = watchNetwork } = options
    this.#unwatch = [wake(() => this.#onWake()), this.#search.health.states.subscribe(() => this.#tellServers())]
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

  get servers(): ReadableAtom<readonly ServerHealth[]> {
    return this.#servers
  }

  /**
   * Attaches for the first time. `new`: on the first server that answers, where nobody else may be in the room.
   * `no`: where the room is. `if-missing`: where the room is, else on the first server that answers.
   * Rejects as `openAttachment` does, and then nothing is left open.
   */
  async enter(create: CreateRoom, options: WaitOptions = {}): Promise<void> {
    this.#adopt(create === 'new' ? await this.#search.found(options) : await this.#search.find(create, options))
    this.#search.isMember = true
  }

  /** Whether any server knows the room; a server that does not answer does not. */
  async exists(options: WaitOptions = {}): Promise<boolean> {
    try {
      const candidate = await this.#search.round('no', options)
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

  /** From the server attached to. */
  async turnServers(): Promise<readonly RTCIceServer[]> {
    return (await this.#attachment?.turnServers()) ?? []
  }

  /** Idempotent. No handler runs after it. */
  close(): void {
    for (const unwatch of this.#unwatch) unwatch()
    this.#lifetime.abort(new SignalingUnavailableError('signalling was closed'))
    this.#turn?.abort(this.#lifetime.signal.reason)
    this.#stay.abort()
    const attachment = this.#attachment
    this.#attachment = null
    attachment?.close()
  }

  /* ── Attached ──────────────────────────────────────────────────────────────────────────────── */

  #adopt(candidate: Candidate): void {
    const { clock, handlers } = this.#options
    if (this.#lifetime.signal.aborted) {
      candidate.attachment.close()
      return
    }
    this.#stay.abort()
    const stay = new AbortController()
    this.#stay = stay
    const former = this.#attachment
    this.#attachment = candidate.attachment
    former?.close('moved')
    this.#search.target(candidate.server)
    this.#search.maxPeers = candidate.attachment.maxPeers
    this.#attachedAtMs = clock.now()
    // Who came past an earlier server that was merely late may be alone where nobody else goes.
    this.#isSought = this.#unsteady === 0
    this.#setStatus({ kind: 'attached', url: candidate.server.url })
    // Whoever is told may close this, or lose the server by what it sends.
    if (!stay.signal.aborted) handlers.onAttached(candidate.present)
    if (stay.signal.aborted) return
    candidate.start()
    void this.#lookAround(candidate.server, stay.signal)
  }

  #onLost(lost: Candidate): void {
    if (this.#attachment !== lost.attachment) return
    this.#attachment = null
    this.#stay.abort()
    this.#options.handlers.onDetached()
    void this.#comeBack()
  }

  /** Until attached again or closed. Never rejects. */
  async #comeBack(): Promise<void> {
    const { clock, random } = this.#options
    // A server that takes peers in only to drop them must not be asked in a tight loop.
    this.#unsteady = clock.now() - this.#attachedAtMs >= STEADY_MS ? 0 : this.#unsteady + 1
    this.#search.moveOn()
    let lastError: unknown = null
    for (let attempt = this.#unsteady === 0 ? 0 : this.#unsteady + 2; !this.#lifetime.signal.aborted;) {
      const turn = new AbortController()
      const { signal } = turn
      this.#turn = turn
      this.#setStatus({ kind: 'searching', attempt, lastError })
      try {
        if (attempt !== WOKEN)
          await sleep(clock, fullJitterMs(random, attempt, REATTACH_BASE_MS, REATTACH_CAP_MS), signal)
        this.#adopt(await this.#search.find('if-missing', { signal }))
        return
      } catch (error) {
        attempt = signal.aborted ? WOKEN : attempt + 1
        if (!signal.aborted) lastError = error
      } finally {
        this.#turn = null
      }
    }
  }

  probe(): void {
    this.#attachment?.probe?.()
  }

  /** Peers are missed that nothing reaches: they may be on an earlier server, where everybody goes in the end. */
  seek(): void {
    this.#isSought = true
  }

  /** The network may be another one: what holds is asked for a sign of life, what is under way begins anew, at once. */
  #onWake(): void {
    this.probe()
    this.#turn?.abort()
  }

  /** Until no longer attached `here`. Never rejects. */
  async #lookAround(here: SignalServerEntry, signal: AbortSignal): Promise<void> {
    const { clock, random, servers, handlers } = this.#options
    const place = servers.indexOf(here)
    const isHome = place === 0
    const baseMs = isHome ? LOOK_OUT_BASE_MS : HOMING_BASE_MS
    const pauseMs = (attempt: number): number => baseMs + fullJitterMs(random, attempt, HOMING_BASE_MS, HOMING_CAP_MS)
    let dueMs = clock.now() + pauseMs(0)
    for (let attempt = 1; servers.length > 1;) {
      const stepMs = LOOK_STEP_MS + fullJitterMs(random, 0, LOOK_STEP_MS, LOOK_STEP_MS)
      try {
        await sleep(clock, isHome ? dueMs - clock.now() : stepMs, signal)
      } catch {
        return
      }
      if (clock.now() < dueMs && !this.#isSought) continue
      this.#isSought = false
      dueMs = clock.now() + pauseMs(attempt++)
      for (const [index, server] of servers.entries()) {
        if (signal.aborted) return
        if (index === place) continue
        const other = await this.#search.attach(server, 'no', { signal }).catch(() => null)
        if (other === null) continue
        const worthIt = index < place || other.present.some((at) => handlers.knows?.(at) !== true)
        if (worthIt && !signal.aborted) return this.#adopt(other)
        other.attachment.close('moved')
      }
    }
  }

  /* ── Told ──────────────────────────────────────────────────────────────────────────────────── */

  #setStatus(status: SignallingStatus): void {
    this.#status.set(status)
    this.#tellServers()
  }

  #tellServers(): void {
    const status = this.#status.get()
    const home = status.kind === 'attached' ? status.url : null
    const states = [...this.#search.health.states.get()]
    this.#servers.set(states.map(([{ url }, state]) => ({ url, isAttached: url === home, ...state })))
  }
}

/** Pauses before looking for a server again: full jitter, doubled each time, up to the cap. */
export const REATTACH_BASE_MS = 250
export const REATTACH_CAP_MS = 15_000

/** An attachment that held this long starts the pauses over. */
export const STEADY_MS = 5_000

/** The attempt that needs no pause; the next one is the first again. */
const WOKEN = -1

/** With so much unsent in the socket, relayed bytes wait: signalling goes the same way and must not be late. */
const RELAY_UNSENT_BYTES = 131_072

/** Away from the first server: how soon an earlier one is looked at where that is wanted; as much again at random. */
const LOOK_STEP_MS = 1_000

/** Pauses between looks at the other servers of the list: away from the first one, and there. */
const HOMING_BASE_MS = 15_000
const LOOK_OUT_BASE_MS = 60_000
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
  /** As of `keepConnected`: calls its listener when the page is online again, shown or thawed. Default: the page's own events. */
  readonly wake?: ((attemptNow: () => void) => () => void) | undefined
  readonly handlers: PresenceHandlers
}
