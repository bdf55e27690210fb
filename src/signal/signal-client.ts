import { throwIfAborted } from '../base/abort.ts'
import { utf8 } from '../base/bytes.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import {
  PayloadTooLargeError,
  RoomFullError,
  RoomNotFoundError,
  RoomTakenError,
  SignalingUnavailableError,
  type SelvageError,
} from '../base/errors.ts'
import { reportUncaught } from '../base/observable.ts'
import {
  decodeServerMessage,
  encodeMessage,
  SIGNAL_CLOSE,
  SIGNAL_VERSION,
  type ClientMessage,
  type CreateRoom,
  type LeftWhy,
  type ServerMessage,
  type SignalAddress,
  type SignalErrorCode,
} from './protocol.ts'
import { decodeRelayFrame, encodeRelayFrame, MAX_RELAY_HEADER_BYTES } from './relay-frame.ts'
import { TurnRequests, type TurnServer } from './turn-requests.ts'
import type { SignalSocket, SignalSocketConstructor } from './signal-socket.ts'

/** How long {@link openAttachment} waits for the server's answer, milliseconds, unless told otherwise. */
export const ATTACH_TIMEOUT_MS = 10_000
/** Quiet time after which the client asks whether the server still lives, milliseconds. */
export const PING_INTERVAL_MS = 10_000
/** How long the answer to a ping may take, milliseconds. A dead server is noticed within the sum of the two. */
export const PONG_TIMEOUT_MS = 5_000
/** How long the answer to a probe may take, milliseconds: who probes has a reason to think that the server is gone. */
export const PROBE_TIMEOUT_MS = 2_000
/** Bytes that may wait unsent in the socket. A server that reads so slowly counts as lost. */
export const MAX_UNSENT_BYTES = 1_048_576

export interface AttachOptions {
  /** `ws:` or `wss:`; `http:` and `https:` are taken for them. */
  readonly url: string
  readonly room: string
  readonly peer: string
  /** Drawn anew for each weave; the same at every attachment of that weave. */
  readonly session: string
  /**
   * 16 to 128 characters, drawn with the session and told to servers alone: an attachment that lingers
   * half open on a server is replaced by who repeats its session and this, and by nobody else.
   */
  readonly sessionSecret: string
  readonly create: CreateRoom
  /** Capacity of a room that this creates. Default and upper bound: the server's limit. */
  readonly maxPeers?: number | undefined
  /** Called from the moment the promise has resolved until the attachment is closed or lost. */
  readonly handlers: AttachmentHandlers
  readonly clock?: Clock | undefined
  /** Cancels the attaching, not the attachment. */
  readonly signal?: AbortSignal | undefined
  /** Default {@link ATTACH_TIMEOUT_MS}. */
  readonly timeoutMs?: number | undefined
  /** Default: the platform's own. */
  readonly WebSocket?: SignalSocketConstructor | undefined
}

/** A handler that throws is reported and disturbs nothing. */
export interface AttachmentHandlers {
  onJoined?(peer: SignalAddress): void
  onLeft?(peer: SignalAddress, why: LeftWhy): void
  onSignal?(from: SignalAddress, body: string): void
  /** Bytes that the server relayed; the array is the handler's. */
  onRelayed?(from: SignalAddress, payload: Uint8Array): void
  /** The server answered a ping after so many milliseconds. */
  onAnswered?(latencyMs: number): void
  /** The server refused something after the attachment stood (a flood, say). It goes on. */
  onRefused?(code: SignalErrorCode, message: string): void
  /** Exactly once, unless {@link Attachment.close} came first: nothing arrives and nothing is sent from here on. */
  onLost?(reason: SignalingUnavailableError): void
}

/** One peer's presence under one room's address on one server. */
export interface Attachment {
  /** The server's, as it was given. */
  readonly url: string
  /** Who else was there at the moment of attaching, other sessions of the same peer included. */
  readonly peers: readonly SignalAddress[]
  /** Whether the room came into being with this attachment. */
  readonly created: boolean
  /** Distinct peers the room takes. */
  readonly maxPeers: number
  /** Frames of the server that were none of the protocol's, dropped so far. */
  readonly malformed: number
  /**
   * Hands `body` to the server for one attachment. One that has gone meanwhile misses it in silence:
   * `onLeft` tells. Does nothing once closed or lost. Throws {@link PayloadTooLargeError} where the
   * frame is over the server's limit.
   */
  send(to: SignalAddress, body: string): void
  /** Largest payload of {@link relay}, bytes; 0 where the server does not relay. */
  readonly maxRelayBytes: number
  /** Bytes handed to the socket and not yet to the network. Over {@link MAX_UNSENT_BYTES} the server counts as lost. */
  readonly unsentBytes: number
  /** Has the server hand `payload` to one attachment, in order with {@link send}; one that is gone, or reads too slowly, misses it. */
  relay(to: SignalAddress, payload: Uint8Array): void
  /** Asks for a sign of life now: a server that gives none within {@link PROBE_TIMEOUT_MS} is lost. */
  probe?(): void
  /**
   * What the server gives to relay over for a while. None where it gives none, refuses (nobody else is in the
   * room) or does not answer within {@link TURN_TIMEOUT_MS}. Never rejects.
   */
  turnServers(): Promise<readonly TurnServer[]>
  /** `moved`: the peer goes on elsewhere, and whoever stays here is not told that it is gone. Default `gone`. Idempotent; no handler runs after it. */
  close(why?: 'gone' | 'moved'): void
}

/**
 * Attaches to one room on one server. Rejects with {@link RoomNotFoundError}, {@link RoomTakenError},
 * {@link RoomFullError}, {@link SignalingUnavailableError} (dead, slow, refusing or not speaking the
 * protocol), or the signal's reason; a rejected call leaves no socket and no timer behind.
 */
export function openAttachment(options: AttachOptions): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    throwIfAborted(options.signal)
    new AttachmentSocket(options, resolve, reject)
  })
}

type Phase = 'attaching' | 'attached' | 'over'

/** Drives the socket. One of `resolve` and `reject` is called, once, while attaching; `onLost` only after. */
class AttachmentSocket implements Attachment {
  readonly url: string
  peers: readonly SignalAddress[] = []
  created = false
  maxPeers = 0
  maxRelayBytes = 0
  malformed = 0

  readonly #options: AttachOptions
  readonly #clock: Clock
  readonly #resolve: (attachment: Attachment) => void
  readonly #reject: (reason: unknown) => void
  readonly #socket: SignalSocket
  #phase: Phase = 'attaching'
  /** `null` where the server gives none. */
  #turn: TurnRequests | null = null
  #maxMessageBytes = 0
  /** The attach deadline, then the next ping, then the deadline of its answer: never two at once. */
  #timer: unknown
  #pingedAtMs = 0
  /** Events that came along with the answer; `null` but for that moment. */
  #early: (() => void)[] | null = null
  /** The server's last message, if it was an `error`: what a close right after it means. */
  #lastError: { code: SignalErrorCode; message: string } | null = null

  constructor(options: AttachOptions, resolve: (attachment: Attachment) => void, reject: (reason: unknown) => void) {
    this.url = options.url
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#resolve = resolve
    this.#reject = reject
    this.#socket = openSocket(options)
    this.#socket.addEventListener('open', () => this.#onOpen())
    this.#socket.addEventListener('message', (event) => this.#inTurn(() => this.#onFrame(event.data)))
    this.#socket.addEventListener('close', (event) => this.#inTurn(() => this.#onClose(event.code)))
    // A failed connection also fires `close`; this listener only keeps Node's sockets from throwing.
    this.#socket.addEventListener('error', () => {})
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    const timeoutMs = options.timeoutMs ?? ATTACH_TIMEOUT_MS
    this.#timer = this.#clock.setTimeout(
      () => this.#fail(unavailable(this.url, `did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
  }

  send(to: SignalAddress, body: string): void {
    if (this.#phase !== 'attached') return
    const text = encodeMessage({ type: 'signal', to, body })
    const bytes = utf8(text).length
    if (bytes > this.#maxMessageBytes) throw new PayloadTooLargeError(bytes, this.#maxMessageBytes)
    this.#write(text)
  }

  get unsentBytes(): number {
    return this.#socket.bufferedAmount
  }

  relay(to: SignalAddress, payload: Uint8Array): void {
    if (this.#phase === 'attached') this.#write(encodeRelayFrame(to, payload))
  }

  async turnServers(): Promise<readonly TurnServer[]> {
    return this.#phase === 'attached' && this.#turn !== null ? this.#turn.servers() : []
  }

  probe(): void {
    if (this.#phase === 'attached') this.#ping(PROBE_TIMEOUT_MS)
  }

  close(why: 'gone' | 'moved' = 'gone'): void {
    if (why === 'moved') this.#finish(null, SIGNAL_CLOSE.moved)
    else this.#finish(this.#phase === 'attached' ? encodeMessage({ type: 'detach' }) : null)
  }

  #onOpen(): void {
    if (this.#phase !== 'attaching') return
    const { room, peer, session, sessionSecret, create, maxPeers } = this.#options
    const attach: ClientMessage = {
      type: 'attach',
      version: SIGNAL_VERSION,
      room,
      peer,
      session,
      sessionSecret,
      create,
      ...(maxPeers === undefined ? {} : { maxPeers }),
    }
    this.#write(encodeMessage(attach))
  }

  #onFrame(data: unknown): void {
    if (this.#phase === 'over') return
    if (data instanceof ArrayBuffer && this.#phase === 'attached') return this.#onBytes(new Uint8Array(data))
    const decoded = typeof data === 'string' ? decodeServerMessage(data) : null
    if (decoded === null || !decoded.ok) {
      this.malformed++
      if (this.#phase === 'attaching') this.#fail(unavailable(this.url, 'does not speak the signalling protocol'))
      return
    }
    if (this.#phase === 'attaching') this.#onAnswer(decoded.message)
    else this.#onMessage(decoded.message)
  }

  #onBytes(bytes: Uint8Array): void {
    this.#armPing()
    const frame = decodeRelayFrame(bytes)
    if (frame === null) this.malformed++
    else shielded(() => this.#options.handlers.onRelayed?.(frame.address, frame.payload))
  }

  #onAnswer(message: ServerMessage): void {
    if (message.type === 'error') {
      this.#fail(refusal(this.url, message.code, message.message))
      return
    }
    if (message.type !== 'attached' || message.version !== SIGNAL_VERSION) {
      this.malformed++
      this.#fail(unavailable(this.url, 'answered with something else than attached or error'))
      return
    }
    this.#phase = 'attached'
    this.peers = message.peers
    this.created = message.created
    this.maxPeers = message.maxPeers
    this.#maxMessageBytes = message.maxMessageBytes
    if (message.relay) this.maxRelayBytes = Math.max(0, message.maxMessageBytes - MAX_RELAY_HEADER_BYTES)
    if (message.turn) this.#turn = new TurnRequests(this.#clock, () => this.#write(encodeMessage({ type: 'turn' })))
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#armPing()
    this.#early = []
    this.#resolve(this)
    queueMicrotask(() => {
      const early = this.#early ?? []
      this.#early = null
      for (const act of early) act()
    })
  }

  /**
   * Browsers fire each event in a turn of its own; sockets written in JavaScript fire several in one. Those
   * that come along with the answer wait until who awaits the attachment has it.
   */
  #inTurn(act: () => void): void {
    if (this.#early === null) act()
    else this.#early.push(act)
  }

  #onMessage(message: ServerMessage): void {
    this.#armPing()
    this.#lastError = message.type === 'error' ? message : null
    const { handlers } = this.#options
    switch (message.type) {
      case 'joined':
        return shielded(() => handlers.onJoined?.({ peer: message.peer, session: message.session }))
      case 'left':
        return shielded(() => handlers.onLeft?.({ peer: message.peer, session: message.session }, message.why))
      case 'signal':
        return shielded(() => handlers.onSignal?.(message.from, message.body))
      case 'turn-credentials':
        return this.#onTurn(message)
      case 'error':
        // Those who leave now are spared the rush when it closes, and are found at the next server.
        if (message.code === 'shutting-down') return this.#fail(unavailable(this.url, 'is shutting down'))
        if (message.code === 'turn-refused') return this.#turn?.settle()
        return shielded(() => handlers.onRefused?.(message.code, message.message))
      case 'pong':
        return shielded(() => handlers.onAnswered?.(this.#clock.now() - this.#pingedAtMs))
      case 'attached':
        this.malformed++
    }
  }

  #onTurn({ urls, username, credential, ttlSeconds }: Extract<ServerMessage, { type: 'turn-credentials' }>): void {
    this.#turn?.granted({ urls: [...urls], username, credential }, ttlSeconds)
  }

  #onClose(code: number): void {
    if (this.#phase === 'over') return
    const error = this.#lastError
    if (error !== null) this.#fail(unavailable(this.url, `closed the connection: ${error.message}`))
    else this.#fail(unavailable(this.url, whatCloseMeans(code, this.#phase)))
  }

  readonly #onAbort = (): void => {
    if (this.#phase === 'attaching') this.#fail(this.#options.signal?.reason)
  }

  /** Ends the attaching or the attachment and says why. */
  #fail(reason: unknown): void {
    const { handlers } = this.#options
    const attached = this.#phase === 'attached'
    // Lost to this peer is not gone from the room: a close that comes late, over a network that is back, must not say so.
    this.#finish(null, SIGNAL_CLOSE.moved)
    if (attached) shielded(() => handlers.onLost?.(reason as SignalingUnavailableError))
    else this.#reject(reason)
  }

  /** The one way to the end: no timer, no abort listener and no socket outlive it. */
  #finish(lastWords: string | null, code: number = SIGNAL_CLOSE.normal): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#clock.clearTimeout(this.#timer)
    this.#turn?.settle()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    if (lastWords !== null) trySend(this.#socket, lastWords)
    this.#socket.close(code)
  }

  #armPing(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => this.#ping(PONG_TIMEOUT_MS), PING_INTERVAL_MS)
  }

  #ping(boundMs: number, again = false): void {
    this.#clock.clearTimeout(this.#timer)
    this.#write(encodeMessage({ type: 'ping' }))
    if (this.#phase !== 'attached') return
    const askedAt = this.#clock.now()
    this.#pingedAtMs = askedAt
    this.#timer = this.#clock.setTimeout(() => {
      // A page that was frozen meets its overdue timer before the answer that waits behind it: ask again. Once,
      // for in a hidden tab every timer is overdue.
      const overdue = this.#clock.now() - askedAt > 2 * boundMs
      if (overdue && !again) this.#ping(boundMs, true)
      else this.#fail(unavailable(this.url, `fell silent: no answer to a ping within ${boundMs} ms`))
    }, boundMs)
  }

  #write(data: string | Uint8Array<ArrayBuffer>): void {
    if (!trySend(this.#socket, data)) this.#fail(unavailable(this.url, 'is no longer connected'))
    else if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.#fail(unavailable(this.url, `takes nothing: over ${MAX_UNSENT_BYTES} bytes wait unsent`))
    }
  }
}

function openSocket(options: AttachOptions): SignalSocket {
  const platform: { readonly WebSocket?: SignalSocketConstructor } = globalThis
  const Socket = options.WebSocket ?? platform.WebSocket
  if (Socket === undefined) throw new TypeError('this platform has no WebSocket: pass one as the option WebSocket')
  try {
    const socket = new Socket(options.url.replace(/^http/i, 'ws'))
    socket.binaryType = 'arraybuffer'
    return socket
  } catch (error) {
    throw unavailable(options.url, 'cannot be opened: not a WebSocket address, or the page may not use it', error)
  }
}

function trySend(socket: SignalSocket, data: string | Uint8Array<ArrayBuffer>): boolean {
  try {
    socket.send(data)
    return true
  } catch {
    return false
  }
}

function unavailable(url: string, what: string, cause?: unknown): SignalingUnavailableError {
  const message = `signalling server ${named(url)} ${what}; nothing is attached there: retry, or try the next server`
  return new SignalingUnavailableError(message, cause === undefined ? {} : { cause })
}

function refusal(url: string, code: SignalErrorCode, message: string): SelvageError {
  switch (code) {
    case 'room-not-found':
      return new RoomNotFoundError(
        `signalling server ${named(url)} knows no such room: check the invite, or try the next server`,
      )
    case 'room-taken':
      return new RoomTakenError(`the room exists already on ${named(url)}: join it, or host under another key`)
    case 'room-full':
      return new RoomFullError(`the room on ${named(url)} is full: wait for a peer to leave, then retry`)
    default:
      return unavailable(url, `refused (${code}): ${message}`)
  }
}

/** A query may hold a ticket, and messages are shown and logged. */
function named(url: string): string {
  return url.split('?', 1)[0] as string
}

function whatCloseMeans(code: number, phase: Phase): string {
  switch (code) {
    case SIGNAL_CLOSE.goingAway:
      return 'is shutting down'
    case SIGNAL_CLOSE.tooLarge:
      return 'closed the connection over a message that is far too large'
    case SIGNAL_CLOSE.tryAgainLater:
      return 'is at its limit'
    default:
      return phase === 'attaching'
        ? `could not be reached (close code ${code})`
        : `dropped the connection (close code ${code})`
  }
}

function shielded(handler: () => void): void {
  try {
    handler()
  } catch (error) {
    reportUncaught(error)
  }
}
