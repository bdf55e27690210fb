import type { Clock } from '../base/clock.ts'
import type { PeerIdentity } from '../seam/contract.ts'
import type { SignalAddress } from '../signal/protocol.ts'
import { CallLimits } from './presence/call-limits.ts'
import { Introducer, type SayingLink } from './presence/introducer.ts'
import type { Introduction } from './link/introduction-frames.ts'
import type { IntroductionGate } from './presence/introductions.ts'
import { decodeEnvelope, encodeEnvelope } from './presence/link-envelope.ts'
import type { MeshInput } from './mesh-steps.ts'
import type { Presence, PresenceHandlers } from './presence/presence.ts'
import type { RoomAddress } from './seal/room-address.ts'
import { saysSealKey } from './seal/seal-signal.ts'
import { SignalSeal, type SealGate } from './seal/signal-seal.ts'

/**
 * What one weave and the other members of its room say before and beside their links: sealed, through the
 * room's presence or a linked peer, and a call no more often than anybody may.
 */
export class MeshSignalling {
  readonly presence: Presence
  readonly #options: MeshSignallingOptions
  readonly #introducer: Introducer
  readonly #seal: SignalSeal
  readonly #calls: CallLimits
  refusedCalls = 0

  constructor(options: MeshSignallingOptions) {
    this.#options = options
    const { self, clock, events } = options
    this.#calls = new CallLimits(clock.now())
    this.#introducer = new Introducer({
      selfId: self.peer,
      clock,
      link: options.link,
      serve: (to, body) => this.presence.send(to, body),
      deliver: (from, body) => this.#seal.open(from, body),
      reach: (input) => events.onInput(input),
      onTooLarge: ({ peer }) => events.onUnsent(`signalling for ${peer} was too large to be carried`),
    })
    this.presence = options.presence(self, {
      onAttached: (present) => this.#onPresence({ kind: 'attached', present }),
      onDetached: () => this.#onPresence({ kind: 'detached' }),
      onJoined: (at) => this.#onPresence({ kind: 'joined', at }),
      onLeft: (at, why) => this.#onPresence({ kind: 'left', at, why }),
      onSignal: (from, body) => this.#introducer.tell({ kind: 'served', from, body }),
      onRelayed: () => events.onMalformed(),
      knows: (at) => options.isListed(at) || this.#introducer.knows(at),
    })
    this.#seal = new SignalSeal({
      key: options.sealKey,
      room: options.room,
      identity: options.identity,
      session: self.session,
      clock,
      events: {
        onSealed: (to, body) => this.#introducer.tell({ kind: 'send', to, body }),
        onOpened: (from, body) => this.#onSignal(from, body),
        onUnsent: (to, why) => events.onUnsent(`signalling for ${to.peer} could not be sent: ${why}`),
      },
    })
  }

  get refusedSignals(): ReadonlyMap<SealGate, number> {
    return this.#seal.refused
  }

  get refusedIntroductions(): ReadonlyMap<IntroductionGate, number> {
    return this.#introducer.refused
  }

  /** Who reaches whom, for who asks. */
  get ways(): Introducer['ways'] {
    return this.#introducer.ways
  }

  /** Says `body` to the other end of a link; `opens`: for the first time. */
  say(to: SignalAddress, link: string, opens: boolean, body: string): void {
    this.#seal.seal(to, encodeEnvelope({ opens, link, body }))
  }

  /** Another attempt to reach a member begins. */
  attempt(to: SignalAddress): void {
    this.#introducer.tell({ kind: 'attempt', to })
  }

  /** `carries`: bytes of others may go over it. */
  linked(link: string, at: SignalAddress, carries: boolean): void {
    this.#introducer.linked(link, at, carries)
    this.#options.events.onWays()
  }

  unlinked(link: string): void {
    this.#introducer.tell({ kind: 'unlinked', link })
    this.#options.events.onWays()
  }

  path(link: string, open: boolean): void {
    this.#introducer.tell({ kind: 'path', link, open })
    this.#options.events.onWays()
  }

  heard(link: string, said: Introduction): void {
    this.#introducer.heard(link, said)
    if (said.kind === 'roster') this.#options.events.onWays()
  }

  close(): void {
    this.presence.close()
    this.#seal.close()
  }

  #onPresence(input: MeshInput & { kind: 'attached' | 'detached' | 'joined' | 'left' }): void {
    this.#introducer.tell(input)
    this.#options.events.onInput(input)
  }

  #onSignal(from: SignalAddress, said: string): void {
    const { clock, events, takesRelayed } = this.#options
    const envelope = decodeEnvelope(said)
    if (envelope === null) return events.onMalformed()
    const { link, body } = envelope
    if (envelope.opens) {
      if (!this.#calls.take(from.peer, clock.now())) {
        this.refusedCalls++
        return
      }
      const route = takesRelayed && saysSealKey(body) ? 'relayed' : 'direct'
      events.onInput({ kind: 'dialled', at: from, link, route })
    }
    events.onSignal(from, link, body)
  }
}

export interface MeshSignallingOptions {
  readonly self: SignalAddress
  readonly identity: PeerIdentity
  readonly presence: (self: SignalAddress, handlers: PresenceHandlers) => Presence
  readonly room: RoomAddress
  readonly sealKey: CryptoKey
  /** Calls for links through a relay are known as such. */
  readonly takesRelayed: boolean
  readonly clock: Clock
  /** The link of that name, while it is open. */
  readonly link: (id: string) => SayingLink | undefined
  readonly isListed: (at: SignalAddress) => boolean
  readonly events: MeshSignallingEvents
}

export interface MeshSignallingEvents {
  onInput(input: MeshInput): void
  /** Said by that member about a link; whether the link is with it, the receiver knows. */
  onSignal(from: SignalAddress, link: string, body: string): void
  /** `why` is a sentence for people. */
  onUnsent(why: string): void
  /** Who is linked with whom has changed. */
  onWays(): void
  onMalformed(): void
}
