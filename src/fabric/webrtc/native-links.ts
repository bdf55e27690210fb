import { fingerprintsIn } from '../../mesh/link/fingerprints.ts'
import type { Fingerprints } from '../../mesh/link/link-handshake.ts'
import {
  CLOSE_BOUND_MS,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkOptions,
} from '../../mesh/link/link-driver.ts'
import { LossyChannel } from '../../mesh/link/lossy-channel.ts'
import { IceServerReport } from '../../mesh/link/ice-server-report.ts'
import type { LinkRoute } from '../../mesh/link/link-status.ts'
import { decodeLinkSignal, encodeLinkSignal, type LinkSignal } from '../../mesh/link/link-signal.ts'

/**
 * Links over the browser's own RTCPeerConnection: perfect negotiation (W3C WebRTC 1.0, section 10.7)
 * around one ordered, reliable data channel that both ends open under id 0, so that no end has to
 * wait for the other's announcement of it, and a {@link LossyChannel} beside it.
 */
export function nativeLinks(): LinkDriver {
  return { open: (options) => new NativeLink(options), sendsLossyApart: true }
}

/** Stream id of the channel, agreed beforehand. */
const CHANNEL_ID = 0

/** Candidates that wait for the description they belong to. */
const MAX_EARLY_CANDIDATES = 64

class NativeLink implements Link {
  readonly #connection: RTCPeerConnection
  readonly #channel: RTCDataChannel
  readonly #lossy: LossyChannel
  readonly #options: LinkOptions
  /** Signals are taken one after the other: a candidate may have to wait for the description before it. */
  #taking: Promise<void> = Promise.resolve()
  #makingOffer = false
  #settingAnswer = false
  #ignoringOffer = false
  readonly #servers: IceServerReport
  #isRestarting = false
  #early: RTCIceCandidateInit[] = []
  #remoteFingerprints: readonly string[] = []
  #path: 'connected' | 'interrupted' = 'connected'
  #over = false
  #closing: Promise<void> | null = null

  constructor(options: LinkOptions) {
    this.#options = options
    const { iceTransportPolicy } = options
    this.#connection = new RTCPeerConnection({ iceServers: [...options.iceServers], iceTransportPolicy })
    this.#channel = this.#connection.createDataChannel('selvage', { negotiated: true, id: CHANNEL_ID, ordered: true })
    this.#lossy = new LossyChannel(this.#connection, (bytes) => {
      if (!this.#over) options.events.onLossy(bytes)
    })
    this.#servers = new IceServerReport(this.#connection, (why) => {
      if (!this.#over) options.events.onTrouble(why)
    })
    this.#listenToConnection()
    this.#listenToChannel()
  }

  get bufferedAmount(): number {
    return this.#channel.bufferedAmount
  }

  get drainMarkBytes(): number {
    return this.#channel.bufferedAmountLowThreshold
  }

  set drainMarkBytes(bytes: number) {
    this.#channel.bufferedAmountLowThreshold = bytes
  }

  get maxMessageBytes(): number {
    // Zero and infinity both mean "no limit" in the specification.
    const limit = this.#connection.sctp?.maxMessageSize ?? 0
    return limit === 0 ? Number.POSITIVE_INFINITY : limit
  }

  fingerprints(): Fingerprints {
    return {
      local: fingerprintsIn(this.#connection.localDescription?.sdp ?? '') ?? [],
      remote: this.#remoteFingerprints,
    }
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#over) return
    try {
      this.#channel.send(bytes)
    } catch (error) {
      // A channel that is closing says so itself, after what has arrived. Any other refusal would leave a gap.
      if (this.#channel.readyState === 'open') queueMicrotask(() => this.#onClosed(`it took no more: ${String(error)}`))
    }
  }

  sendLossy(bytes: Uint8Array<ArrayBuffer>): boolean {
    return !this.#over && this.#lossy.send(bytes)
  }

  signal(body: string): void {
    const signal = decodeLinkSignal(body)
    if (signal === null) return
    this.#taking = this.#taking
      .then(() => (this.#over ? undefined : this.#take(signal)))
      .catch(() => this.#onRefusedSignal())
  }

  get route(): LinkRoute {
    const pair = this.#connection.sctp?.transport.iceTransport.getSelectedCandidatePair?.()
    return pair?.local?.type === 'relay' || pair?.remote?.type === 'relay' ? 'relayed' : 'direct'
  }

  trouble(): string {
    const why =
      this.#connection.remoteDescription === null
        ? 'the other end did not answer: it is gone, or signalling does not reach it'
        : 'no pair of addresses was found over which the two ends reach each other'
    const servers = this.#servers.text
    return servers === null ? why : `${why}; ${servers}`
  }

  restart(): void {
    if (this.#over || this.#isRestarting) return
    this.#isRestarting = true
    void this.#renewServers().then(() => {
      this.#isRestarting = false
      if (!this.#over) this.#connection.restartIce()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  #listenToConnection(): void {
    const connection = this.#connection
    connection.onnegotiationneeded = () => {
      // The end that waits has nothing to offer before it has been offered something.
      if (this.#options.initiator || connection.remoteDescription !== null) void this.#offer()
    }
    connection.onicecandidate = ({ candidate }) => {
      if (this.#over) return
      const said: LinkSignal =
        candidate === null ? { kind: 'end' } : { kind: 'candidate', candidate: candidate.toJSON() }
      this.#options.events.onSignal(encodeLinkSignal(said))
    }
    connection.onconnectionstatechange = () => {
      switch (connection.connectionState) {
        case 'connected':
          return this.#onPath('connected')
        case 'disconnected':
          return this.#onPath('interrupted')
        case 'failed':
          // A restart may find another path; whoever asks for it bounds how long that may take.
          if (this.#channel.readyState === 'connecting') this.#onClosed(this.trouble())
          else this.#onPath('interrupted')
          return
        case 'closed':
          return this.#onClosed('the connection was closed')
        case 'new':
        case 'connecting':
      }
    }
  }

  #listenToChannel(): void {
    const channel = this.#channel
    const { events } = this.#options
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = LOW_WATER_BYTES
    channel.onopen = () => {
      if (!this.#over) events.onOpen()
    }
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      // Text is no frame of ours: it goes up as an empty message, which is refused there.
      if (!this.#over) events.onMessage(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array())
    }
    channel.onbufferedamountlow = () => {
      if (!this.#over) events.onDrain()
    }
    channel.onclose = () => this.#onClosed('the other end closed the channel')
  }

  async #offer(): Promise<void> {
    try {
      this.#makingOffer = true
      await this.#connection.setLocalDescription()
      this.#describe()
    } catch (error) {
      if (!this.#over && this.#connection.remoteDescription === null)
        this.#onClosed(`no offer could be made: ${String(error)}`)
    } finally {
      this.#makingOffer = false
    }
  }

  #describe(): void {
    const description = this.#connection.localDescription
    if (this.#over || description === null) return
    const type = description.type === 'offer' ? 'offer' : 'answer'
    this.#options.events.onSignal(encodeLinkSignal({ kind: 'description', type, sdp: description.sdp }))
  }

  async #take(signal: LinkSignal): Promise<void> {
    switch (signal.kind) {
      case 'description':
        // Before anything is decided on: an offer of its own may be made meanwhile.
        if (signal.type === 'offer' && this.#isRestart(signal.sdp)) await this.#renewServers()
        return this.#over ? undefined : this.#takeDescription(signal)
      case 'candidate':
        return this.#takeCandidate(signal.candidate)
      case 'end':
        // Only ends the checks early; an engine that does not know the form loses nothing.
        if (this.#connection.remoteDescription !== null) await this.#connection.addIceCandidate().catch(() => {})
    }
  }

  /** From what it gathers next on, the engine asks these (RFC 8829, section 4.1.18). */
  #renewServers(): Promise<void> {
    const connection = this.#connection
    return this.#options.renewIceServers((iceServers) =>
      connection.setConfiguration({ ...connection.getConfiguration(), iceServers }),
    )
  }

  async #takeDescription({ type, sdp }: { readonly type: 'offer' | 'answer'; readonly sdp: string }): Promise<void> {
    const connection = this.#connection
    const ready = !this.#makingOffer && (connection.signalingState === 'stable' || this.#settingAnswer)
    const collision = type === 'offer' && !ready
    this.#ignoringOffer = collision && !this.#options.polite
    if (this.#ignoringOffer) return
    // What was proved was proved for these certificates: a description with others is another peer's.
    const fingerprints = fingerprintsIn(sdp)
    if (fingerprints === null) throw new TypeError('a description whose certificates cannot be told for certain')
    if (this.#remoteFingerprints.length > 0 && !sameStrings(fingerprints, this.#remoteFingerprints)) return
    this.#settingAnswer = type === 'answer'
    const pinned = this.#remoteFingerprints
    // Pinned first: the channel may open before the engine says that it took the description.
    this.#remoteFingerprints = fingerprints
    try {
      await connection.setRemoteDescription({ type, sdp })
    } catch (error) {
      this.#remoteFingerprints = pinned
      throw error
    } finally {
      this.#settingAnswer = false
    }
    const early = this.#early
    this.#early = []
    for (const candidate of early) await this.#takeCandidate(candidate)
    if (type !== 'offer' || this.#over) return
    await connection.setLocalDescription()
    this.#describe()
  }

  /** Whether the other end looks for another path, which this end has to do with it (RFC 8839, section 4.4.1.1.1). */
  #isRestart(sdp: string): boolean {
    const before = this.#connection.remoteDescription
    return before !== null && fragmentIn(before.sdp) !== fragmentIn(sdp)
  }

  async #takeCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    const known = this.#connection.remoteDescription?.sdp
    const fragment = candidate.usernameFragment
    const early = known === undefined || (fragment != null && !known.includes(`a=ice-ufrag:${fragment}`))
    if (early) {
      if (!this.#ignoringOffer && this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(candidate)
      return
    }
    // One that cannot be used (a form this engine does not know) costs a path, not the link.
    await this.#connection.addIceCandidate(candidate).catch(() => {})
  }

  /** A description that the engine refuses: fatal only where there is no connection yet to keep. */
  #onRefusedSignal(): void {
    if (!this.#over && this.#channel.readyState !== 'open')
      this.#onClosed('the other end sent a description that cannot be used')
  }

  #onPath(path: 'connected' | 'interrupted'): void {
    if (this.#over || path === this.#path) return
    this.#path = path
    this.#options.events.onPath(path)
  }

  #onClosed(why: string): void {
    if (this.#over) return
    this.#over = true
    this.#connection.close()
    this.#options.events.onClosed(why)
  }

  #finish(): Promise<void> {
    const flush = !this.#over && this.#channel.readyState === 'open'
    this.#over = true
    if (!flush) {
      this.#connection.close()
      return Promise.resolve()
    }
    const { clock } = this.#options
    return new Promise((resolve) => {
      const done = (): void => {
        clock.clearTimeout(bound)
        this.#channel.onclose = null
        this.#connection.close()
        resolve()
      }
      const bound = clock.setTimeout(done, CLOSE_BOUND_MS)
      this.#channel.onclose = done
      // Closing the channel first lets what it has queued go out; closing the connection would drop it.
      this.#channel.close()
      this.#lossy.close()
    })
  }
}

function fragmentIn(sdp: string): string | undefined {
  return /^a=ice-ufrag:(.*)$/m.exec(sdp)?.[1]
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}
