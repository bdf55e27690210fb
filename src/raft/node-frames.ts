import { reportUncaught } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { NodeId, RaftTransport } from './contract.ts'
import type { RaftMessage } from './core/message.ts'
import { RaftLinks } from './raft-links.ts'
import type { RaftMetrics } from './raft-metrics.ts'

/** What a node is told of its peers. */
export interface FrameListener {
  message(from: NodeId, message: RaftMessage): void
  reachable(peer: NodeId): void
  /** Bytes that are no frame, or one whose names are not known here. */
  refused(from: NodeId, gate: 'frame-malformed' | 'frame-unknown-name', bytes: number): void
  /** A frame of this node's, or one for it, got lost in its own transport. */
  dropped(peer: NodeId, reason: string): void
}

/** Between a node and its transport: messages on the one side, frames on the other. */
export class NodeFrames {
  readonly #transport: RaftTransport
  readonly #links: RaftLinks
  readonly #listener: FrameListener
  readonly #incoming: AsyncIterator<{ readonly from: NodeId; readonly frame: Uint8Array }>
  readonly #stopWatching: (() => void)[] = []
  readonly #sent = { frames: 0, bytes: 0 }
  readonly #received = { frames: 0, bytes: 0 }
  /** Frames dropped on this side of the core, by gate or by the transport's reason. */
  readonly #dropped: Map<string, number> = new Map()
  #closed = false

  /** Says and hears something from now on; the listener is told nothing before this has returned. */
  constructor(transport: RaftTransport, random: Random, listener: FrameListener) {
    this.#transport = transport
    this.#links = new RaftLinks(random)
    this.#listener = listener
    this.#incoming = transport.incoming[Symbol.asyncIterator]()
    this.#links.keep(transport.peers.get())
    const watch = transport.watchDrops?.((peer, reason) => {
      this.#drop(reason)
      listener.dropped(peer, reason)
    })
    if (watch !== undefined) this.#stopWatching.push(watch)
    this.#stopWatching.push(
      transport.peers.listen((peers, before) => {
        this.#links.keep(peers)
        for (const peer of peers) if (before?.has(peer) !== true) listener.reachable(peer)
      }),
    )
    void this.#read()
  }

  send(to: NodeId, message: RaftMessage): void {
    this.#put(to, this.#links.encode(to, message))
  }

  /** What passed here, and what did not; `others` is what was dropped elsewhere. */
  read(others: ReadonlyMap<string, number>): Pick<RaftMetrics, 'sent' | 'received' | 'dropped'> {
    const dropped = new Map([...others, ...this.#dropped])
    return { sent: { ...this.#sent }, received: { ...this.#received }, dropped }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const stop of this.#stopWatching) stop()
    await this.#incoming.return?.()
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const result = await this.#incoming.next()
        if (result.done === true || this.#closed) return
        this.#hear(result.value.from, result.value.frame)
      }
    } catch (error) {
      // A transport that throws is broken, not the node: it goes on unheard, as behind a cut.
      reportUncaught(error)
    }
  }

  #hear(from: NodeId, frame: Uint8Array): void {
    this.#received.frames++
    this.#received.bytes += frame.length
    const { message, refusal, answer } = this.#links.hear(from, frame)
    if (answer !== null) this.#put(from, answer)
    if (message !== null) this.#listener.message(from, message)
    else if (refusal !== null) {
      this.#drop(refusal)
      this.#listener.refused(from, refusal, frame.length)
    }
  }

  #put(to: NodeId, frame: Uint8Array): void {
    this.#sent.frames++
    this.#sent.bytes += frame.length
    this.#transport.send(to, frame)
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }
}
