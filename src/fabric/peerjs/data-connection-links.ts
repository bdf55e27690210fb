import type { DataConnection } from 'peerjs'
import { fingerprintsIn } from '../../mesh/link/fingerprints.ts'
import {
  CLOSE_BOUND_MS,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkOptions,
} from '../../mesh/link/link-driver.ts'
import type { Fingerprints } from '../../mesh/link/link-handshake.ts'
import { newRoomSecret } from '../../mesh/seal/room-address.ts'
import type { PeerDesk } from './peer-desk.ts'

/**
 * Links that are peerjs's data connections. The initiator signals where it can be called and under which label;
 * the other end calls. peerjs negotiates through the PeerServer that both are at; frames go straight to the
 * channel, without peerjs's own queue. It cannot look for a new path: a link that loses its own is made anew.
 */
export function dataConnectionLinks(desk: PeerDesk): LinkDriver {
  return { open: (options) => new DataConnectionLink(options, desk) }
}

class DataConnectionLink implements Link {
  readonly #options: LinkOptions
  readonly #desk: PeerDesk
  readonly #label: string = newRoomSecret()
  #connection: DataConnection | null = null
  #channel: RTCDataChannel | null = null
  #fingerprints: Fingerprints = { local: [], remote: [] }
  #drainMarkBytes: number = LOW_WATER_BYTES
  #path: 'connected' | 'interrupted' = 'connected'
  #over = false
  #closing: Promise<void> | null = null
  maxMessageBytes: number = 0

  constructor(options: LinkOptions, desk: PeerDesk) {
    this.#options = options
    this.#desk = desk
    const { iceServers, iceTransportPolicy, initiator } = options
    for (const peer of desk.peers.values()) peer.options.config = { iceServers: [...iceServers], iceTransportPolicy }
    if (initiator) queueMicrotask(() => this.#expectCall())
  }

  get bufferedAmount(): number {
    return this.#channel?.bufferedAmount ?? 0
  }

  get drainMarkBytes(): number {
    return this.#drainMarkBytes
  }

  set drainMarkBytes(bytes: number) {
    this.#drainMarkBytes = bytes
    if (this.#channel !== null) this.#channel.bufferedAmountLowThreshold = bytes
  }

  fingerprints(): Fingerprints {
    return this.#fingerprints
  }

  signal(body: string): void {
    const call = decodeCall(body)
    if (call === null || this.#options.initiator || this.#over || this.#connection !== null) return
    for (const [url, id] of call.at) {
      const peer = this.#desk.peers.get(url)
      if (peer === undefined || peer.disconnected) continue
      this.#take(peer.connect(id, { label: call.label, serialization: 'raw', reliable: true }))
      return
    }
    queueMicrotask(() => this.#end('the other end is at no PeerServer that this one is at'))
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#over) return
    try {
      this.#channel?.send(bytes)
    } catch (error) {
      // A channel that is closing says so itself, after what has arrived. Any other refusal would leave a gap.
      if (this.#channel?.readyState === 'open') queueMicrotask(() => this.#end(`it took no more: ${String(error)}`))
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  #expectCall(): void {
    if (this.#over) return
    const at = [...this.#desk.peers].map(([url, peer]) => [url, peer.id] as const)
    this.#desk.expect(this.#label, (connection) => this.#take(connection))
    this.#options.events.onSignal(JSON.stringify({ label: this.#label, at }))
  }

  #take(connection: DataConnection): void {
    if (this.#over) {
      connection.close()
      return
    }
    this.#connection = connection
    const { events } = this.#options
    const pc = connection.peerConnection
    // peerjs tells of failures by its own events, and of some not at all.
    connection.on('error', ({ message }) => this.#end(message))
    connection.on('close', () => this.#end('the other end closed the channel'))
    connection.on('iceStateChanged', (state) => {
      if (state === 'disconnected') this.#onPath('interrupted')
      else if (state === 'connected' || state === 'completed') this.#onPath('connected')
    })
    pc.addEventListener('connectionstatechange', () => {
      if (pc.connectionState === 'failed') this.#end('no network path to the other end was found, or it is gone')
    })
    connection.on('open', () => this.#onOpen(connection.dataChannel, pc))
    connection.on('data', (data) => {
      // Text is no frame of ours: it goes up as an empty message, which is refused there.
      if (!this.#over) events.onMessage(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array())
    })
  }

  #onOpen(channel: RTCDataChannel, pc: RTCPeerConnection): void {
    if (this.#over) return
    this.#channel = channel
    channel.bufferedAmountLowThreshold = this.#drainMarkBytes
    channel.addEventListener('bufferedamountlow', () => {
      if (!this.#over) this.#options.events.onDrain()
    })
    const limit = pc.sctp?.maxMessageSize ?? 0
    // Zero and infinity both mean "no limit" in the specification.
    this.maxMessageBytes = limit === 0 ? Number.POSITIVE_INFINITY : limit
    this.#fingerprints = {
      local: fingerprintsIn(pc.localDescription?.sdp ?? '') ?? [],
      remote: fingerprintsIn(pc.remoteDescription?.sdp ?? '') ?? [],
    }
    this.#options.events.onOpen()
  }

  #onPath(path: 'connected' | 'interrupted'): void {
    if (this.#over || path === this.#path) return
    this.#path = path
    if (this.#channel !== null) this.#options.events.onPath(path)
  }

  #end(why: string): void {
    if (this.#over) return
    this.#over = true
    this.#release()
    this.#options.events.onClosed(why)
  }

  async #finish(): Promise<void> {
    const channel = this.#channel
    const flush = !this.#over && channel?.readyState === 'open'
    this.#over = true
    if (flush) {
      const { clock } = this.#options
      await new Promise<void>((resolve) => {
        const bound = clock.setTimeout(resolve, CLOSE_BOUND_MS)
        channel.addEventListener('close', () => {
          clock.clearTimeout(bound)
          resolve()
        })
        // Closing the channel first lets what it has queued go out; closing the connection would drop it.
        channel.close()
      })
    }
    this.#release()
  }

  #release(): void {
    this.#desk.forget(this.#label)
    this.#connection?.close()
  }
}

/** Where the initiator can be called: its ids, by the address of the PeerServer. */
interface Call {
  readonly label: string
  readonly at: readonly (readonly [url: string, id: string])[]
}

/** PeerServers that a call may name. */
const MAX_PLACES = 8

function decodeCall(body: string): Call | null {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value !== 'object' || value === null) return null
    const { label, at } = value as { label?: unknown; at?: unknown }
    if (typeof label !== 'string' || !Array.isArray(at) || at.length > MAX_PLACES) return null
    return { label, at: (at as unknown[]).filter(isPlace) }
  } catch {
    return null
  }
}

function isPlace(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string')
}
