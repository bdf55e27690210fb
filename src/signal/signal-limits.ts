import { SIGNAL_BOUNDS } from './protocol.ts'

/**
 * What one signalling server grants. Each limit, when met, is answered with an `error` of its own code
 * (in brackets) and costs nobody else anything.
 */
export interface SignalLimits {
  /** Connections at once, attached or not. Default 10,000. [too-many-connections, then closed] */
  readonly maxConnections: number
  /** Connections at once from one network address. Default 512. [too-many-connections, then closed] */
  readonly maxConnectionsPerAddress: number
  /** Attachments a second from one network address, tried or made, sustained. Default 20. [rate-exceeded] */
  readonly attachesPerSecond: number
  /** Attachments that an address may try at once: a school that comes back from a cut. Default 1,000. */
  readonly burstAttaches: number
  /** TURN credentials a second for one network address, sustained. Default 1. [turn-refused] */
  readonly turnGrantsPerSecond: number
  /** TURN credentials that an address may have at once. Default 100. */
  readonly burstTurnGrants: number
  /** Rooms at once. Default 5,000. [too-many-rooms] */
  readonly maxRooms: number
  /** Distinct peers in a room, whatever its creator asked for. Default 64. [room-full] */
  readonly maxPeersPerRoom: number
  /** Attachments in a room under one peer id: a reloaded tab and its ghosts. Default 4. [too-many-sessions] */
  readonly maxSessionsPerPeer: number
  /** Largest frame, bytes of UTF-8; at most 1 MiB. Default 65,536. [message-too-large] */
  readonly maxMessageBytes: number
  /** Messages a second from one connection, sustained. Default 50. [rate-exceeded] */
  readonly maxMessagesPerSecond: number
  /** Messages a connection may send at once after a pause: a newcomer dials a whole room. Default 1,000. */
  readonly burstMessages: number
  /** Bytes a connection may leave unread before it is dropped. Default 4 MiB. */
  readonly maxUnreadBytes: number
  /** Bytes a second that one connection may have relayed, sustained. Beyond, no more is read of it for a while. Default 1 MiB. */
  readonly relayBytesPerSecond: number
  /** Bytes that it may have relayed at once after a pause. Default 2 MiB. */
  readonly relayBurstBytes: number
  /**
   * Bytes a second that all connections together may have relayed, sustained, with bursts of two seconds of it.
   * Beyond, no more is read for a while of who relays. Default 64 MiB.
   */
  readonly totalRelayBytesPerSecond: number
  /** Relayed frames are dropped for who leaves more than this unread. Default 1 MiB. */
  readonly maxRelayUnreadBytes: number
  /** How long a connection may go without attaching, milliseconds. Default 10,000. [attach-timeout, then closed] */
  readonly attachTimeoutMs: number
  /** How long a connection may be silent, answering no ping, milliseconds. Default 45,000. [idle, then closed] */
  readonly idleTimeoutMs: number
}

export const DEFAULT_SIGNAL_LIMITS: SignalLimits = {
  maxConnections: 10_000,
  maxConnectionsPerAddress: 512,
  attachesPerSecond: 20,
  burstAttaches: 1_000,
  turnGrantsPerSecond: 1,
  burstTurnGrants: 100,
  maxRooms: 5_000,
  maxPeersPerRoom: 64,
  maxSessionsPerPeer: 4,
  maxMessageBytes: 65_536,
  maxMessagesPerSecond: 50,
  burstMessages: 1_000,
  maxUnreadBytes: 4_194_304,
  relayBytesPerSecond: 1_048_576,
  relayBurstBytes: 2_097_152,
  totalRelayBytesPerSecond: 67_108_864,
  maxRelayUnreadBytes: 1_048_576,
  attachTimeoutMs: 10_000,
  idleTimeoutMs: 45_000,
}

/** The defaults with `overrides`. Throws a `RangeError` for a limit nobody could work under. */
export function signalLimits(overrides: Partial<SignalLimits> = {}): SignalLimits {
  const limits: SignalLimits = { ...DEFAULT_SIGNAL_LIMITS, ...overrides }
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in DEFAULT_SIGNAL_LIMITS)) throw new RangeError(`there is no limit called ${name}`)
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`${name} is not a whole number above 0: ${value}`)
  }
  if (limits.maxMessageBytes > SIGNAL_BOUNDS.body) {
    throw new RangeError(`maxMessageBytes is over ${SIGNAL_BOUNDS.body}: ${limits.maxMessageBytes}`)
  }
  if (limits.maxPeersPerRoom * limits.maxSessionsPerPeer > SIGNAL_BOUNDS.peers) {
    throw new RangeError(`maxPeersPerRoom times maxSessionsPerPeer is over ${SIGNAL_BOUNDS.peers}`)
  }
  return limits
}
