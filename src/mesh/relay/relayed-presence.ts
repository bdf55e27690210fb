import { SignalingUnavailableError } from '../../base/errors.ts'
import type { ReadableAtom } from '../../base/observable.ts'
import type { WaitOptions } from '../../seam/contract.ts'
import type { CreateRoom, SignalAddress } from '../../signal/protocol.ts'
import type { BytePipe, BytePipeEvents } from './byte-pipe.ts'
import type { Presence, SignallingStatus } from '../presence/presence.ts'
import { RelayPipes } from './relay-pipes.ts'
import { RoomPresence, type RoomPresenceOptions } from '../presence/room-presence.ts'

/** A presence on signalling servers whose links go through the server too: it stays until they have said their last words. */
export class RelayedPresence implements Presence {
  readonly #presence: Presence
  readonly #pipes = new RelayPipes(() => this.#leaveIfDone())
  readonly #required: boolean
  #closed = false

  /** `required`: a server that does not relay is of no use. */
  constructor(options: RoomPresenceOptions, required: boolean) {
    this.#required = required
    const { handlers } = options
    const unlessClosed = (run: () => void): void => {
      if (!this.#closed) run()
    }
    this.#presence = new RoomPresence({
      ...options,
      handlers: {
        ...handlers,
        onAttached: (present) => {
          // Whatever was relayed went through the server attached to before.
          this.#pipes.lost()
          unlessClosed(() => handlers.onAttached(present))
        },
        onDetached: () => {
          this.#pipes.lost()
          unlessClosed(() => handlers.onDetached())
        },
        onJoined: (at) => unlessClosed(() => handlers.onJoined(at)),
        onLeft: (at, why) => {
          this.#pipes.left(at)
          unlessClosed(() => handlers.onLeft(at, why))
        },
        onSignal: (from, body) => unlessClosed(() => handlers.onSignal(from, body)),
        onRelayed: (from, payload) => this.#pipes.received(from, payload),
      },
    })
  }

  get status(): ReadableAtom<SignallingStatus> {
    return this.#presence.status
  }

  get servers(): Presence['servers'] {
    return this.#presence.servers
  }

  /** Like {@link Presence.enter}; a server that does not relay is of no use, and {@link SignalingUnavailableError}. */
  async enter(create: CreateRoom, options?: WaitOptions): Promise<void> {
    await this.#presence.enter(create, options)
    if (!this.#required || (this.#presence.relay?.maxBytes ?? 0) > 0) return
    this.#presence.close()
    throw new SignalingUnavailableError(
      'the signalling server does not relay, so nothing could be sent: allow it there, or name another server',
    )
  }

  exists(options?: WaitOptions): Promise<boolean> {
    return this.#presence.exists(options)
  }

  send(to: SignalAddress, body: string): void {
    this.#presence.send(to, body)
  }

  async turnServers(): Promise<readonly RTCIceServer[]> {
    return (await this.#presence.turnServers?.()) ?? []
  }

  /** A way to `at` for one link; `null` while attached to no server that relays. */
  openPipe(link: string, at: SignalAddress, events: BytePipeEvents): BytePipe | null {
    return this.#pipes.open(this.#presence.relay, link, at, events)
  }

  close(): void {
    this.#closed = true
    this.#leaveIfDone()
  }

  #leaveIfDone(): void {
    if (this.#closed && this.#pipes.isIdle) this.#presence.close()
  }
}
