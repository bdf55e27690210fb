import { throwIfAborted } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { RoomFullError, RoomNotFoundError, RoomTakenError, SignalingUnavailableError } from '../../base/errors.ts'
import { observable, type ReadableAtom } from '../../base/observable.ts'
import type { Presence, PresenceHandlers, SignallingStatus } from '../../mesh/presence/presence.ts'
import type { RoomAddress } from '../../mesh/seal/room-address.ts'
import type { WaitOptions } from '../../seam/contract.ts'
import type { CreateRoom, SignalAddress } from '../../signal/protocol.ts'
import { decodePlace, decodeTabWords, encodePlace, isSameAddress, type TabPlace, type TabWords } from './tab-words.ts'

/**
 * One weave's presence among the tabs of a browser. Web Locks are the register of the room: who is in it holds
 * a lock that bears its address, and the browser takes it back the moment the tab is closed or dies. Who comes
 * reads the register behind a lock of its own, the door, so that two never come at once; then it says so in the
 * room's BroadcastChannel, where signals go to and fro as well.
 */
export class TabPresence implements Presence {
  readonly #options: TabPresenceOptions
  readonly #lifetime: AbortController = new AbortController()
  readonly #status = observable<SignallingStatus>({ kind: 'searching', attempt: 0, lastError: null })
  readonly #others: Map<string, SignalAddress> = new Map()
  readonly #left: Promise<void>
  #channel: BroadcastChannel | null = null

  constructor(options: TabPresenceOptions) {
    this.#options = options
    this.#left = new Promise((leave) => this.#lifetime.signal.addEventListener('abort', () => leave()))
  }

  get status(): ReadableAtom<SignallingStatus> {
    return this.#status
  }

  /** The door has {@link DOOR_BOUND_MS} to open. */
  async enter(create: CreateRoom, { signal }: WaitOptions = {}): Promise<void> {
    const { room, clock } = this.#options
    const late = new AbortController()
    const bound = clock.setTimeout(() => late.abort(closedDoor()), DOOR_BOUND_MS)
    const waits = [late.signal, this.#lifetime.signal, ...(signal === undefined ? [] : [signal])]
    const ended = AbortSignal.any(waits)
    try {
      await navigator.locks.request(doorOf(room), { signal: ended }, async () => {
        clock.clearTimeout(bound)
        await this.#enterBehindDoor(create, ended)
      })
    } finally {
      clock.clearTimeout(bound)
    }
  }

  async exists(): Promise<boolean> {
    return (await this.#register()).some(({ peer }) => peer !== this.#options.self.peer)
  }

  send(to: SignalAddress, body: string): void {
    this.#say({ kind: 'signal', from: this.#options.self, to, body })
  }

  close(): void {
    this.#lifetime.abort(new SignalingUnavailableError('the room was left'))
    this.#channel?.close()
    this.#channel = null
  }

  /* ── Coming in ─────────────────────────────────────────────────────────────────────────────── */

  async #enterBehindDoor(create: CreateRoom, ended: AbortSignal): Promise<void> {
    const { room, self, handlers } = this.#options
    const places = await this.#register()
    throwIfAborted(ended)
    const maxPeers = this.#judge(create, places)
    const channel = new BroadcastChannel(`selvage room ${room}`)
    this.#channel = channel
    channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#hear(data)
    const place: TabPlace = { ...self, maxPeers }
    await this.#hold(lockOf(room, place))
    throwIfAborted(ended)
    const others = places.filter(({ peer }) => peer !== self.peer)
    for (const other of others) this.#watch(other)
    this.#status.set({ kind: 'attached', url: THIS_BROWSER })
    handlers.onAttached([...this.#others.values()])
    this.#say({ kind: 'joined', place })
  }

  /** Who holds a place in the room. */
  async #register(): Promise<TabPlace[]> {
    const prefix = lockOf(this.#options.room, null)
    const { held = [] } = await navigator.locks.query()
    const places: TabPlace[] = []
    for (const { name = '', mode } of held) {
      // Who waits for a place to be given up is granted it, shared, for a moment.
      if (mode !== 'exclusive' || !name.startsWith(prefix)) continue
      const place = decodePlace(name.slice(prefix.length))
      if (place !== null) places.push(place)
    }
    return places
  }

  /** How many the room takes, or the reason not to come in. */
  #judge(create: CreateRoom, places: readonly TabPlace[]): number {
    const { self, maxPeers = DEFAULT_MAX_PEERS } = this.#options
    const others = new Set(places.map(({ peer }) => peer))
    others.delete(self.peer)
    if (others.size === 0) {
      if (create === 'no')
        throw new RoomNotFoundError('no tab of this browser is in the room: check the invite, or wait for its host')
      return maxPeers
    }
    if (create === 'new')
      throw new RoomTakenError('other tabs are in the room already: join it, or host under another key')
    const most = Math.min(...places.map((place) => place.maxPeers))
    if (others.size >= most) throw new RoomFullError('the room is full: wait for a peer to leave, then retry')
    return most
  }

  /** Resolves when the lock is held; it is until the room is left. */
  #hold(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const holding = (): Promise<void> => {
        resolve()
        return this.#left
      }
      navigator.locks.request(name, { signal: this.#lifetime.signal }, holding).catch(reject)
    })
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #watch(place: TabPlace): void {
    const key = lockOf(this.#options.room, place)
    const at = { peer: place.peer, session: place.session }
    this.#others.set(key, at)
    const gone = (): void => {
      if (this.#lifetime.signal.aborted || !this.#others.delete(key)) return
      this.#options.handlers.onLeft(at, 'gone')
    }
    // Rejects when the room is left, and then nobody waits for it.
    navigator.locks.request(key, { mode: 'shared', signal: this.#lifetime.signal }, gone).catch(() => {})
  }

  #hear(data: unknown): void {
    const words = decodeTabWords(data)
    const { self, handlers } = this.#options
    if (words === null || this.#lifetime.signal.aborted) return
    if (words.kind === 'signal') {
      if (isSameAddress(words.to, self)) handlers.onSignal(words.from, words.body)
      return
    }
    const { place } = words
    if (place.peer === self.peer || this.#others.has(lockOf(this.#options.room, place))) return
    if (this.#others.size >= MAX_TABS) return
    this.#watch(place)
    handlers.onJoined({ peer: place.peer, session: place.session })
  }

  #say(words: TabWords): void {
    this.#channel?.postMessage(words)
  }
}

/** How long who comes may wait for others who come. */
export const DOOR_BOUND_MS = 5_000

/** Tabs that a room is kept with; more are passed over. */
const MAX_TABS = 256

/** What the status says in place of a server. */
const THIS_BROWSER = 'broadcast-channel:'

const DEFAULT_MAX_PEERS = 8

export interface TabPresenceOptions {
  readonly room: RoomAddress
  readonly self: SignalAddress
  /** Of a room that this weave opens. Default 8. */
  readonly maxPeers?: number | undefined
  readonly clock: Clock
  readonly handlers: PresenceHandlers
}

function doorOf(room: RoomAddress): string {
  return `selvage door ${room}`
}

function lockOf(room: RoomAddress, place: TabPlace | null): string {
  return `selvage tab ${room} ${place === null ? '' : encodePlace(place)}`
}

function closedDoor(): Error {
  return new SignalingUnavailableError(
    `another tab has been coming into the room for ${DOOR_BOUND_MS} ms, so that this one did not: retry`,
  )
}
