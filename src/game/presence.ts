import { observable, type ReadableAtom } from '../base/observable.ts'
import type { PeerId, Seam } from '../seam/contract.ts'
import { type Announcement, decodePresence, encodePresence } from './presence-frame.ts'

/**
 * Who in the room is what, over a channel of its own. Tells each peer that appears what we are, and all of
 * them when that changes; keeps what each listed peer said last. Presence is available, not agreed: it says
 * whom to try, and the log says what became of it.
 */
export class Presence {
  readonly #channel: Seam
  readonly #reader: AsyncIterator<{ readonly sender: PeerId; readonly payload: Uint8Array }>
  readonly #heard = observable<ReadonlyMap<PeerId, Announcement>>(new Map())
  readonly #lines = new Map<PeerId, Line>()
  readonly #unlisten: () => void
  /** Nothing is said before it is known what to say: whoever waits for our word would take it for our last. */
  #mine: Announcement | null = null
  #malformedFrames = 0
  #closed = false

  constructor(channel: Seam) {
    this.#channel = channel
    this.#reader = channel.incoming[Symbol.asyncIterator]()
    this.#unlisten = channel.peers.listen((peers) => this.#onPeers(peers))
    this.#onPeers(channel.peers.get())
    void this.#read()
  }

  /** What every peer now listed said last, in the order they took up their role. */
  get heard(): ReadableAtom<ReadonlyMap<PeerId, Announcement>> {
    return this.#heard
  }

  get malformedFrames(): number {
    return this.#malformedFrames
  }

  /** Tells everybody what we are from here on. Never waits and never fails: it is said anew to who appears. */
  announce(announcement: Announcement): void {
    this.#mine = announcement
    for (const line of this.#lines.values()) this.#tell(line)
  }

  /** Stops listening and telling. The channel stays its owner's. */
  close(): void {
    this.#closed = true
    this.#unlisten()
    this.#lines.clear()
    void this.#reader.return?.()
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.next()
      if (done === true) return
      this.#onFrame(value.sender, value.payload)
    }
  }

  #onFrame(sender: PeerId, payload: Uint8Array): void {
    const frame = decodePresence(payload)
    if (frame === null) {
      this.#malformedFrames++
      return
    }
    const line = this.#lines.get(sender)
    if (line === undefined || this.#closed) return
    const heard = new Map(this.#heard.get())
    // Whoever takes up another role goes to the end of the line.
    if (heard.get(sender)?.role !== frame.announcement.role) heard.delete(sender)
    this.#heard.set(heard.set(sender, frame.announcement))
    if (frame.asks) this.#tell(line)
  }

  #onPeers(peers: ReadonlySet<PeerId>): void {
    const gone = [...this.#lines.keys()].filter((peer) => !peers.has(peer))
    for (const peer of gone) this.#lines.delete(peer)
    if (gone.some((peer) => this.#heard.get().has(peer))) {
      this.#heard.set(new Map([...this.#heard.get()].filter(([peer]) => peers.has(peer))))
    }
    for (const peer of peers) {
      if (peer === this.#channel.selfId || this.#lines.has(peer)) continue
      const line: Line = { peer, due: false, sending: false, greeted: false }
      this.#lines.set(peer, line)
      this.#tell(line)
    }
  }

  /** One frame under way per peer; what changes meanwhile follows as one. */
  #tell(line: Line): void {
    line.due = true
    const announcement = this.#mine
    if (announcement === null || line.sending || this.#lines.get(line.peer) !== line) return
    line.due = false
    line.sending = true
    const frame = encodePresence({ announcement, asks: !line.greeted })
    line.greeted = true
    const sent = (): void => {
      line.sending = false
      if (line.due) this.#tell(line)
    }
    // A send fails where the peer or the seam is gone: then nobody is left to tell.
    this.#channel.sendTo(line.peer, frame).then(sent, sent)
  }
}

/** What is owed to one listed peer. */
interface Line {
  readonly peer: PeerId
  /** It is to be told, after the frame under way. */
  due: boolean
  sending: boolean
  /** It was asked for its own announcement. */
  greeted: boolean
}
