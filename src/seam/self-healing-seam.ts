import { throwIfAborted } from '../base/abort.ts'
import { PayloadTooLargeError, PeerNotConnectedError, SeamTornError } from '../base/errors.ts'
import { observable, type ReadableAtom, sameMembers } from '../base/observable.ts'
import type { CloseReason, PeerId, Seam, SeamState, SendOptions, Swatch } from './contract.ts'
import { JoinedStream } from './joined-stream.ts'

/** What a {@link SelfHealingSeam} tells the one who mounts its connections. */
export interface HealingHandlers {
  /** There is no connection; another one is to be mounted. */
  onLost(reason: CloseReason): void
  /** How many peers the connection lists, oneself included. */
  onPeers(count: number): void
  /** It is torn. */
  onTorn(): void
}

/**
 * One seam over one connection after the other, itself a seam each. Credit, order and waiting sends are the
 * connection's; this carries over what outlives it: the state, the stream of frames, and what is refused meanwhile.
 */
export class SelfHealingSeam<P> implements Seam {
  readonly selfId: PeerId
  readonly progress: P
  readonly #handlers: HealingHandlers
  readonly #peers
  readonly #state = observable<SeamState>({ kind: 'weaving' }, (a, b) => a.kind === b.kind)
  readonly #stream = new JoinedStream((cause) => void this.close({ kind: 'error', cause }))
  /** The last one, also while it is lost: its budgets are the best guess at the next one's. */
  #connection: Seam | null = null
  #isConnected = false
  #isTorn = false
  #unlisten: readonly (() => void)[] = []
  #closing: Promise<void> | null = null

  constructor(selfId: PeerId, progress: P, handlers: HealingHandlers) {
    this.selfId = selfId
    this.progress = progress
    this.#handlers = handlers
    this.#peers = observable<ReadonlySet<PeerId>>(new Set([selfId]), sameMembers)
  }

  get peers(): ReadableAtom<ReadonlySet<PeerId>> {
    return this.#peers
  }

  get state(): ReadableAtom<SeamState> {
    return this.#state
  }

  get incoming(): AsyncIterable<Swatch> {
    return this.#stream
  }

  /** Connections whose frames are not all read yet. */
  get unread(): ReadableAtom<number> {
    return this.#stream.unread
  }

  get maxPayloadBytes(): number | null {
    return this.#connection?.maxPayloadBytes ?? null
  }

  get maxFrameBytes(): number | null {
    return this.#connection?.maxFrameBytes ?? this.maxPayloadBytes
  }

  get maxLossyPayloadBytes(): number | null {
    return this.#connection?.maxLossyPayloadBytes ?? null
  }

  async broadcast(payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    throwIfAborted(options.signal)
    if (this.#isTorn) throw new SeamTornError()
    if (!this.#isConnected) return this.#checkSize(payload, options)
    try {
      await this.#connection?.broadcast(payload, options)
    } catch (error) {
      // Its peers left, which for a broadcast is as good as done.
      if (this.#isTorn || !(error instanceof SeamTornError)) throw error
    }
  }

  async sendTo(peer: PeerId, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    throwIfAborted(options.signal)
    if (this.#isTorn) throw new SeamTornError()
    if (peer === this.selfId) throw new RangeError('a frame to oneself: a seam sends to other peers only')
    try {
      await this.#connection?.sendTo(peer, payload, options)
    } catch (error) {
      throw this.#isTorn || !(error instanceof SeamTornError) ? error : new PeerNotConnectedError(peer)
    }
  }

  close(reason: CloseReason = { kind: 'normal' }): Promise<void> {
    this.#closing ??= this.tear(reason) ? (this.#connection?.close(reason) ?? Promise.resolve()) : Promise.resolve()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Goes on over `connection`, from where the last one was lost. */
  mount(connection: Seam): void {
    this.#connection = connection
    this.#isConnected = true
    this.#stream.add(connection.incoming)
    this.#unlisten = [
      connection.peers.listen((peers) => this.#showPeers(peers)),
      connection.state.listen((state) => this.#onState(state)),
    ]
    this.#showPeers(connection.peers.get())
    this.#onState(connection.state.get())
  }

  /** Gives the connection up. */
  drop(): void {
    this.#connection?.close({ kind: 'unreachable' }).catch(() => {})
  }

  /** The end, with or without a connection. False where it had come already. */
  tear(reason: CloseReason): boolean {
    if (this.#isTorn) return false
    this.#isTorn = true
    this.#disconnect()
    this.#state.set({ kind: 'torn', reason })
    this.#stream.end()
    this.#handlers.onTorn()
    return true
  }

  #onState(state: SeamState): void {
    if (!this.#isConnected) return
    if (state.kind !== 'torn') {
      this.#state.set(state)
    } else if (state.reason.kind === 'normal' || state.reason.kind === 'remote-requested') {
      // Closed, not lost: coming back would, for one, throw out the tab that took this one's place.
      this.tear(state.reason)
    } else {
      this.#disconnect()
      this.#state.set({ kind: 'weaving' })
      this.#handlers.onLost(state.reason)
    }
  }

  #showPeers(peers: ReadonlySet<PeerId>): void {
    this.#peers.set(peers)
    this.#handlers.onPeers(peers.size)
  }

  #disconnect(): void {
    this.#isConnected = false
    for (const stop of this.#unlisten) stop()
    this.#unlisten = []
    this.#peers.set(new Set([this.selfId]))
  }

  #checkSize(payload: Uint8Array, { delivery }: SendOptions): void {
    const max = delivery === 'lossy' ? this.maxLossyPayloadBytes : this.maxPayloadBytes
    if (max !== null && payload.length > max) throw new PayloadTooLargeError(payload.length, max)
  }
}
