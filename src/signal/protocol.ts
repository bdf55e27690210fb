/**
 * What a signalling client and server say to each other: one JSON object per WebSocket text frame (what
 * they relay is in binary ones, see `relay-frame.ts`).
 * The grammar in prose is in docs/wire.md. The server introduces peers and forgets them: it holds no
 * game, proves no identity and never looks into a `body`.
 *
 * Decoding is by hand and strict: a frame either becomes one of the messages below, with every field
 * of the right type and within its bound, or a {@link ProtocolFault}. Fields that are not listed are
 * left out of the result. Nothing here throws on what came from the network.
 */

/** Sent in `attach`, answered in `attached`. A server refuses any other with `unsupported-version`. */
export const SIGNAL_VERSION = 1

/** Bounds of every string, in UTF-16 code units. All of them hold at least one, unless said otherwise. */
export const SIGNAL_BOUNDS = {
  room: 256,
  peer: 128,
  session: 128,
  sessionSecret: { min: 16, max: 128 },
  body: 1_048_576,
  message: 1_024,
  /** Entries of `attached.peers`. */
  peers: 4_096,
  turnUrls: 8,
  turnText: 512,
} as const

/**
 * One attachment's name within a room. `session` is drawn anew for every weave, so that a reloaded
 * tab and its ghost, which share a peer id, are told apart.
 */
export interface SignalAddress {
  readonly peer: string
  readonly session: string
}

/**
 * What to do about the room: `no` needs it to exist, `new` needs it not to, `if-missing` takes it
 * either way.
 */
export type CreateRoom = 'no' | 'new' | 'if-missing'

/** Client to server. */
export type ClientMessage =
  | {
      readonly type: 'attach'
      readonly version: number
      readonly room: string
      readonly peer: string
      readonly session: string
      /** Known to this weave and its servers alone: only who repeats it may replace the attachment. */
      readonly sessionSecret: string
      readonly create: CreateRoom
      /** Capacity of a room that this message creates; the server's own limit caps it. */
      readonly maxPeers?: number
    }
  | { readonly type: 'signal'; readonly to: SignalAddress; readonly body: string }
  /** Asks for TURN credentials: `turn-credentials`, or the error `turn-refused`. */
  | { readonly type: 'turn' }
  | { readonly type: 'detach' }
  | { readonly type: 'ping' }

/** Server to client. */
export type ServerMessage =
  | {
      readonly type: 'attached'
      readonly version: number
      /** Whether the room came into being with this attachment. */
      readonly created: boolean
      /** Distinct peers the room takes. */
      readonly maxPeers: number
      /** Largest frame the server takes, bytes of UTF-8. */
      readonly maxMessageBytes: number
      /** Whether the server relays binary frames. */
      readonly relay: boolean
      /** Whether the server gives TURN credentials. */
      readonly turn: boolean
      /** Everybody else in the room. */
      readonly peers: readonly SignalAddress[]
    }
  | { readonly type: 'joined'; readonly peer: string; readonly session: string }
  | { readonly type: 'left'; readonly peer: string; readonly session: string; readonly why: LeftWhy }
  | { readonly type: 'signal'; readonly from: SignalAddress; readonly body: string }
  | {
      readonly type: 'turn-credentials'
      readonly urls: readonly string[]
      readonly username: string
      readonly credential: string
      readonly ttlSeconds: number
    }
  | { readonly type: 'pong' }
  | { readonly type: 'error'; readonly code: SignalErrorCode; readonly message: string }

/** `gone`: it said so, or its page was closed in order. `lost`: its connection broke, or it moved; it may be back. */
export type LeftWhy = (typeof LEFT_WHYS)[number]
export const LEFT_WHYS = ['gone', 'lost'] as const

export const SIGNAL_ERROR_CODES = [
  'malformed',
  'unsupported-version',
  'message-too-large',
  'rate-exceeded',
  'not-attached',
  'already-attached',
  'room-not-found',
  'room-taken',
  'room-full',
  'ticket-refused',
  'session-taken',
  'too-many-sessions',
  'too-many-rooms',
  'too-many-connections',
  'attach-timeout',
  'idle',
  'replaced',
  'shutting-down',
  'unavailable',
  'turn-refused',
] as const

export type SignalErrorCode = (typeof SIGNAL_ERROR_CODES)[number]

/**
 * WebSocket close codes in use (RFC 6455 section 7.4). The `error` before those of the server says more;
 * `moved` is a client's, which goes on elsewhere or has given the server up.
 */
export const SIGNAL_CLOSE = {
  normal: 1000,
  goingAway: 1001,
  policy: 1008,
  tooLarge: 1009,
  tryAgainLater: 1013,
  idle: 4000,
  replaced: 4001,
  moved: 4002,
} as const

/** A frame that is none of the messages. */
export interface ProtocolFault {
  readonly code: 'malformed' | 'unsupported-version'
  /** What is wrong, in words for the sender's developer. Quotes nothing of the frame. */
  readonly message: string
}

export type Decoded<T> =
  | { readonly ok: true; readonly message: T }
  | { readonly ok: false; readonly fault: ProtocolFault }

export function encodeMessage(message: ClientMessage | ServerMessage): string {
  return JSON.stringify(message)
}

/** `text` is a whole text frame, already within the server's size limit. */
export function decodeClientMessage(text: string): Decoded<ClientMessage> {
  return decodeWith(text, (fields) => {
    switch (fields['type']) {
      case 'attach':
        return attachOf(fields)
      case 'signal':
        return { type: 'signal', to: addressOf(fields['to'], 'to'), body: bodyOf(fields) }
      case 'detach':
      case 'turn':
      case 'ping':
        return { type: fields['type'] }
      default:
        return refuse('unknown message type')
    }
  })
}

export function decodeServerMessage(text: string): Decoded<ServerMessage> {
  return decodeWith(text, (fields) => {
    switch (fields['type']) {
      case 'attached':
        return attachedOf(fields)
      case 'joined':
        return { type: 'joined', ...addressOf(fields, 'joined') }
      case 'left':
        return { type: 'left', ...addressOf(fields, 'left'), why: oneOf(fields, 'why', LEFT_WHYS) }
      case 'signal':
        return { type: 'signal', from: addressOf(fields['from'], 'from'), body: bodyOf(fields) }
      case 'turn-credentials':
        return credentialsOf(fields)
      case 'pong':
        return { type: 'pong' }
      case 'error':
        return {
          type: 'error',
          code: oneOf(fields, 'code', SIGNAL_ERROR_CODES),
          message: textOf(fields, 'message', 0, SIGNAL_BOUNDS.message),
        }
      default:
        return refuse('unknown message type')
    }
  })
}

type Fields = Readonly<Record<string, unknown>>

function attachOf(fields: Fields): ClientMessage {
  // The version is looked at first: the other fields of another version mean nothing here.
  const version = wholeNumberOf(fields, 'version')
  if (version !== SIGNAL_VERSION) {
    return refuse(`version ${version} is not spoken here, only ${SIGNAL_VERSION}`, 'unsupported-version')
  }
  const maxPeers = fields['maxPeers'] === undefined ? undefined : wholeNumberOf(fields, 'maxPeers')
  if (maxPeers === 0) return refuse('maxPeers is 0')
  const { sessionSecret } = SIGNAL_BOUNDS
  return {
    type: 'attach',
    version,
    room: textOf(fields, 'room', 1, SIGNAL_BOUNDS.room),
    ...addressOf(fields, 'attach'),
    sessionSecret: textOf(fields, 'sessionSecret', sessionSecret.min, sessionSecret.max),
    create: oneOf(fields, 'create', ['no', 'new', 'if-missing'] as const),
    ...(maxPeers === undefined ? {} : { maxPeers }),
  }
}

function attachedOf(fields: Fields): ServerMessage {
  const { created, relay, peers } = fields
  if (typeof created !== 'boolean') return refuse('created is not a boolean')
  if (!Array.isArray(peers)) return refuse('peers is not a list')
  if (peers.length > SIGNAL_BOUNDS.peers) return refuse(`peers holds more than ${SIGNAL_BOUNDS.peers}`)
  return {
    type: 'attached',
    version: wholeNumberOf(fields, 'version'),
    created,
    maxPeers: wholeNumberOf(fields, 'maxPeers'),
    maxMessageBytes: wholeNumberOf(fields, 'maxMessageBytes'),
    relay: relay === true,
    turn: fields['turn'] === true,
    peers: peers.map((peer) => addressOf(peer, 'peers')),
  }
}

function credentialsOf(fields: Fields): ServerMessage {
  const { urls } = fields
  const { turnUrls, turnText } = SIGNAL_BOUNDS
  if (!Array.isArray(urls) || urls.length > turnUrls) return refuse(`urls is not a list of ${turnUrls} at the most`)
  return {
    type: 'turn-credentials',
    urls: urls.map((url: unknown) => textOf({ url }, 'url', 1, turnText)),
    username: textOf(fields, 'username', 0, turnText),
    credential: textOf(fields, 'credential', 0, turnText),
    ttlSeconds: wholeNumberOf(fields, 'ttlSeconds'),
  }
}

function addressOf(value: unknown, where: string): SignalAddress {
  if (!isFields(value)) return refuse(`${where} is not an object`)
  return { peer: nameOf(value, 'peer', SIGNAL_BOUNDS.peer), session: nameOf(value, 'session', SIGNAL_BOUNDS.session) }
}

/** Names travel as UTF-8 too, in relay frames and as user names of TURN, where half a character is none. */
function nameOf(fields: Fields, name: string, max: number): string {
  const value = textOf(fields, name, 1, max)
  return /\p{Surrogate}/u.test(value) ? refuse(`${name} is not well-formed`) : value
}

function bodyOf(fields: Fields): string {
  return textOf(fields, 'body', 0, SIGNAL_BOUNDS.body)
}

function textOf(fields: Fields, name: string, min: number, max: number): string {
  const value = fields[name]
  if (typeof value !== 'string') return refuse(`${name} is not a string`)
  if (value.length < min || value.length > max) return refuse(`${name} is not of ${min} to ${max} characters`)
  return value
}

function wholeNumberOf(fields: Fields, name: string): number {
  const value = fields[name]
  if (!Number.isSafeInteger(value) || (value as number) < 0) return refuse(`${name} is not a whole number`)
  return value as number
}

function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const value = allowed.find((candidate) => candidate === fields[name])
  return value ?? refuse(`${name} is none of ${allowed.join(', ')}`)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Unwinds a decoder from any depth; {@link decodeWith} turns it into a value. */
class Refusal extends Error {
  readonly fault: ProtocolFault

  constructor(fault: ProtocolFault) {
    super(fault.message)
    this.fault = fault
  }
}

function refuse(message: string, code: ProtocolFault['code'] = 'malformed'): never {
  throw new Refusal({ code, message })
}

function decodeWith<T>(text: string, decode: (fields: Fields) => T): Decoded<T> {
  try {
    const value: unknown = parse(text)
    if (!isFields(value)) return refuse('not a JSON object')
    return { ok: true, message: decode(value) }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, fault: error.fault }
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return refuse('not JSON')
  }
}
