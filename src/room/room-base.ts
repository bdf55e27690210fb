import type { Clock } from '../base/clock.ts'
import type { CloseReason, PeerId, Seam } from '../seam/contract.ts'
import { MuxSeam } from '../seam/mux-seam.ts'
import { NamedMux } from '../seam/named-mux.ts'
import { ControlLine } from './control-line.ts'
import type { RoomMessage } from './core/message.ts'

/** Channels of the mux that a room puts on its seam. A game's own are 1 to 3, so neither takes the other's frames for its own. */
const CONTROL_TAG = 16
const FRAMES_TAG = 17
const CHANNELS_TAG = 18

export interface RoomBaseListener {
  onLinks(peers: ReadonlySet<PeerId>): void
  onTorn(): void
  onMessage(from: PeerId, message: RoomMessage): void
}

/** What a room has of the seam that it is on. */
export class RoomBase {
  readonly seam: Seam
  readonly control: ControlLine
  /** Under the room's own frames. */
  readonly frames: Seam
  readonly #clock: Clock
  readonly #channel: Seam
  readonly #named: NamedMux
  #unlisten: readonly (() => void)[] = []
  #told: ReadonlySet<PeerId> = new Set()
  /** Who is left, where somebody has gone of whom the listener is still to be told. */
  #ebbed: ReadonlySet<PeerId> | null = null
  #ebb: unknown

  constructor(seam: Seam, clock: Clock) {
    const mux = new MuxSeam(seam)
    this.seam = seam
    this.#clock = clock
    this.#channel = mux.channel(CONTROL_TAG)
    this.control = new ControlLine(this.#channel, clock)
    this.frames = mux.channel(FRAMES_TAG)
    this.#named = new NamedMux(mux.channel(CHANNELS_TAG))
  }

  get isTorn(): boolean {
    return this.seam.state.get().kind === 'torn'
  }

  channel(name: string): Seam {
    return this.#named.channel(name)
  }

  /** Tells who is linked, now and from here on, and what they say. */
  listen(listener: RoomBaseListener): void {
    const tell = (linked: ReadonlySet<PeerId>): void => {
      this.#clock.clearTimeout(this.#ebb)
      this.#ebbed = null
      this.#told = linked
      listener.onLinks(linked)
    }
    const links = (): void => {
      const linked = this.#linked()
      // Whoever goes and comes at once has been away.
      if (this.#ebbed !== null && !isWithin(linked, this.#ebbed)) tell(this.#ebbed)
      if (isWithin(this.#told, linked)) tell(linked)
      else this.#ebbed = linked
      // Its last words may have arrived and not be read yet.
      this.#clock.clearTimeout(this.#ebb)
      if (this.#ebbed !== null) this.#ebb = this.#clock.setTimeout(() => tell(linked), 0)
    }
    this.#unlisten = [
      this.#channel.peers.listen(links),
      this.seam.state.listen(({ kind }) => {
        if (kind !== 'torn') return
        tell(this.#linked())
        listener.onTorn()
      }),
    ]
    void this.control.read((from, message) => {
      if (this.#unlisten.length > 0) listener.onMessage(from, message)
    })
    links()
  }

  /** Tells nothing more. */
  release(): void {
    for (const stop of this.#unlisten) stop()
    this.#clock.clearTimeout(this.#ebb)
    this.#unlisten = []
  }

  close(reason: CloseReason): Promise<void> {
    this.release()
    return this.seam.close(reason)
  }

  #linked(): ReadonlySet<PeerId> {
    return new Set([...this.#channel.peers.get()].filter((peer) => peer !== this.seam.selfId))
  }
}

function isWithin(part: ReadonlySet<PeerId>, whole: ReadonlySet<PeerId>): boolean {
  return [...part].every((peer) => whole.has(peer))
}
