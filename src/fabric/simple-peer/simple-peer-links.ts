import type SimplePeer from 'simple-peer/simplepeer.min.js'
import { fingerprintsIn } from '../../mesh/link/fingerprints.ts'
import {
  CLOSE_BOUND_MS,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkOptions,
} from '../../mesh/link/link-driver.ts'
import { LossyChannel } from '../../mesh/link/lossy-channel.ts'
import type { Fingerprints } from '../../mesh/link/link-handshake.ts'
import { decodeLinkSignal, encodeLinkSignal, type LinkSignal } from '../../mesh/link/link-signal.ts'

/**
 * Links over simple-peer (an optional peer dependency). It signals and numbers its channel like native links
 * do, so that a peer with native links at the other end understands it. Frames go by `send`, not through its
 * stream, which holds back more than the channel does. It cannot look for a new path: a link that loses its
 * own is made anew.
 */
export function simplePeerLinks(): LinkDriver {
  return { open: (options) => new SimplePeerLink(options), sendsLossyApart: true }
}

class SimplePeerLink implements Link {
  readonly #options: LinkOptions
  readonly #ready: Promise<void>
  #peer: SimplePeer | null = null
  #channel: RTCDataChannel | null = null
  #lossy: LossyChannel | null = null
  #drainMarkBytes: number = LOW_WATER_BYTES
  #localFingerprints: readonly string[] = []
  #remoteFingerprints: readonly string[] = []
  #path: 'connected' | 'interrupted' = 'connected'
  #why = 'the other end closed the channel'
  #over = false
  #released: () => void = () => {}
  readonly #release: Promise<void>
  #closing: Promise<void> | null = null

  constructor(options: LinkOptions) {
    this.#options = options
    this.#release = new Promise((resolve) => (this.#released = resolve))
    this.#ready = this.#start()
  }

  get bufferedAmount(): number {
    return this.#peer?.bufferSize ?? 0
  }

  get drainMarkBytes(): number {
    return this.#drainMarkBytes
  }

  set drainMarkBytes(bytes: number) {
    this.#drainMarkBytes = bytes
    if (this.#channel !== null) this.#channel.bufferedAmountLowThreshold = bytes
  }

  get maxMessageBytes(): number {
    // Zero and infinity both mean "no limit" in the specification.
    const limit = this.#peer?._pc?.sctp?.maxMessageSize ?? 0
    return limit === 0 ? Number.POSITIVE_INFINITY : limit
  }

  fingerprints(): Fingerprints {
    return { local: this.#localFingerprints, remote: this.#remoteFingerprints }
  }

  /** simple-peer ends a link over a signal that it cannot read: what reaches it has been read before. */
  signal(body: string): void {
    const signal = decodeLinkSignal(body)
    if (signal === null) return
    void this.#ready.then(() => {
      if (this.#over) return
      if (signal.kind === 'description') this.#takeDescription(signal)
      else if (signal.kind === 'candidate') this.#peer?.signal({ type: 'candidate', candidate: signal.candidate })
    })
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#over) return
    try {
      this.#peer?.send(bytes)
    } catch (error) {
      // A channel that is closing says so itself, after what has arrived. Any other refusal would leave a gap.
      if (this.#channel?.readyState === 'open') queueMicrotask(() => this.#end(`it took no more: ${String(error)}`))
    }
  }

  sendLossy(bytes: Uint8Array<ArrayBuffer>): boolean {
    return !this.#over && this.#lossy?.send(bytes) === true
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  /** Loaded with the first link: the package looks for globals of the page when it is imported. */
  async #start(): Promise<void> {
    const { initiator, iceServers, iceTransportPolicy } = this.#options
    try {
      const { default: Peer } = await import('simple-peer/simplepeer.min.js')
      if (this.#over) return
      this.#peer = new Peer({
        initiator,
        // A stream of objects keeps messages apart.
        objectMode: true,
        channelName: 'selvage',
        channelConfig: { negotiated: true, id: 0, ordered: true },
        config: { iceServers: [...iceServers], iceTransportPolicy },
      })
      this.#listen(this.#peer)
      const { _pc: connection } = this.#peer
      if (connection === null) return
      this.#lossy = new LossyChannel(connection, (bytes) => {
        if (!this.#over) this.#options.events.onLossy(bytes)
      })
    } catch (error) {
      this.#end(`simple-peer could not be started: ${String(error)}`)
    }
  }

  #listen(peer: SimplePeer): void {
    const { events } = this.#options
    peer.on('signal', (note) => {
      const signal = this.#over ? null : decodeLinkSignal(encodedSignal(note as Record<string, unknown>))
      if (signal === null) return
      if (signal.kind === 'description') this.#localFingerprints = fingerprintsIn(signal.sdp) ?? []
      events.onSignal(encodeLinkSignal(signal))
    })
    peer.on('connect', () => {
      if (this.#over) return
      this.#channel = peer._channel
      this.drainMarkBytes = this.#drainMarkBytes
      this.#channel.addEventListener('bufferedamountlow', () => {
        if (!this.#over) events.onDrain()
      })
      events.onOpen()
      // What came before waits in the stream until somebody listens.
      peer.on('data', (data) => {
        // Text is no frame of ours: it goes up as an empty message, which is refused there.
        if (!this.#over) events.onMessage(data instanceof Uint8Array ? plain(data) : new Uint8Array())
      })
    })
    peer.on('iceStateChange', (state) => {
      if (state === 'disconnected') this.#onPath('interrupted')
      else if (state === 'connected' || state === 'completed') this.#onPath('connected')
    })
    peer.on('error', (error) => {
      this.#why = error.message
    })
    peer.on('close', () => {
      this.#released()
      this.#end(this.#why)
    })
  }

  #takeDescription({ type, sdp }: LinkSignal & { kind: 'description' }): void {
    const fingerprints = fingerprintsIn(sdp)
    if (fingerprints === null) {
      if (this.#channel === null)
        queueMicrotask(() => this.#end('the other end sent a description that cannot be used'))
      return
    }
    const pinned = this.#remoteFingerprints
    // What was proved was proved for these certificates: a description with others is another peer's.
    if (pinned.length > 0 && pinned.join() !== fingerprints.join()) return
    if (!isExpected(type, this.#peer?._pc?.signalingState)) return
    this.#remoteFingerprints = fingerprints
    this.#peer?.signal({ type, sdp })
  }

  #onPath(path: 'connected' | 'interrupted'): void {
    if (this.#over || path === this.#path) return
    this.#path = path
    if (this.#channel !== null) this.#options.events.onPath(path)
  }

  #end(why: string): void {
    if (this.#over) return
    this.#over = true
    this.#peer?.destroy()
    this.#options.events.onClosed(why)
  }

  async #finish(): Promise<void> {
    const flush = !this.#over && this.#channel?.readyState === 'open'
    this.#over = true
    if (!flush) {
      this.#peer?.destroy()
      return
    }
    const { clock } = this.#options
    const bound = clock.setTimeout(() => this.#peer?.destroy(), CLOSE_BOUND_MS)
    // Closing the channel first lets what it has queued go out; destroying the peer would drop it.
    this.#channel?.close()
    this.#lossy?.close()
    await this.#release
    clock.clearTimeout(bound)
  }
}

/** In the form that link signals have. What simple-peer says besides (it never has to) reads as none. */
function encodedSignal(note: Readonly<Record<string, unknown>>): string {
  const { type, sdp, candidate } = note
  return JSON.stringify(typeof candidate === 'object' ? { type, ...candidate } : { type, sdp })
}

/** An offer out of turn would end the link; whoever made it has yielded, or makes another. */
function isExpected(type: 'offer' | 'answer', state: RTCSignalingState | undefined): boolean {
  return state === (type === 'offer' ? 'stable' : 'have-local-offer')
}

/** The stream hands out Buffers, whose slices are views. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
