/**
 * Every error the library throws for a cause that is not misuse. One class per cause, and each says
 * what happened to the request: `refused` (nothing was done, safe to retry) or `unknown` (it may
 * still take effect). Misuse is a plain `RangeError` or `TypeError`; a caller's own abort rejects
 * with its signal's reason, and nothing here ever looks like one.
 */
export type Outcome = 'refused' | 'unknown'

export class SelvageError extends Error {
  /** Stable, machine-readable name of the cause: the class name, which minifiers cannot change. */
  readonly code: string
  readonly outcome: Outcome

  constructor(code: string, message: string, options: { outcome?: Outcome; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = code
    this.code = code
    this.outcome = options.outcome ?? 'refused'
  }
}

type CauseOption = { cause?: unknown }

/* ── Seam ──────────────────────────────────────────────────────────────────────────────────── */

/** A send or a wait on a seam that is torn. The frame was not sent; weave a new seam. */
export class SeamTornError extends SelvageError {
  constructor(message = 'the seam is torn: nothing was sent; weave a new one', options: CauseOption = {}) {
    super('SeamTornError', message, options)
  }
}

/** The addressee is not among `seam.peers`. Says nothing about the seam, which goes on. */
export class PeerNotConnectedError extends SelvageError {
  readonly peer: string

  constructor(peer: string) {
    super('PeerNotConnectedError', `peer ${peer} is not connected: nothing was sent; wait until it is listed in peers`)
    this.peer = peer
  }
}

/** A frame over the seam's published budget. Refused before anything was written; the link lives on. */
export class PayloadTooLargeError extends SelvageError {
  /** Size of the refused payload, bytes. */
  readonly payloadBytes: number
  /** Largest payload that would have been taken, bytes. */
  readonly maxBytes: number

  constructor(payloadBytes: number, maxBytes: number) {
    super(
      'PayloadTooLargeError',
      `a payload of ${payloadBytes} bytes is over the limit of ${maxBytes}: nothing was sent; split it`,
    )
    this.payloadBytes = payloadBytes
    this.maxBytes = maxBytes
  }
}

/** A second concurrent reader of a stream that has one consumer. The first reader is undisturbed. */
export class IncomingTakenError extends SelvageError {
  constructor(message = 'incoming is already being read: end the other iterator first, or open a channel of its own') {
    super('IncomingTakenError', message)
  }
}

/** A named bound is full. Nothing was queued; wait for earlier calls, then retry. */
export class OverloadedError extends SelvageError {
  constructor(message: string) {
    super('OverloadedError', message)
  }
}

/** A call on something that has been closed. */
export class ClosedError extends SelvageError {
  constructor(message: string, options: { outcome?: Outcome; cause?: unknown } = {}) {
    super('ClosedError', message, options)
  }
}

/* ── Meeting ───────────────────────────────────────────────────────────────────────────────── */

/** No peer is attached under the room's address on any server that answered. */
export class RoomNotFoundError extends SelvageError {
  constructor(message: string, options: CauseOption = {}) {
    super('RoomNotFoundError', message, options)
  }
}

/** The room to be hosted exists already. Join it, or host under another key. */
export class RoomTakenError extends SelvageError {
  constructor(message: string, options: CauseOption = {}) {
    super('RoomTakenError', message, options)
  }
}

/** The room holds as many peers as it may. */
export class RoomFullError extends SelvageError {
  constructor(message: string, options: CauseOption = {}) {
    super('RoomFullError', message, options)
  }
}

/** No signalling server of the list could be used. The cause says what each of them answered. */
export class SignalingUnavailableError extends SelvageError {
  constructor(message: string, options: CauseOption = {}) {
    super('SignalingUnavailableError', message, options)
  }
}

/** Peers of the room were found and no link to any of them could be made: firewalls, or another version of the application. */
export class LinkFailedError extends SelvageError {
  constructor(message: string, options: CauseOption = {}) {
    super('LinkFailedError', message, options)
  }
}

/** The page lacks what only a secure context has (WebCrypto, Web Locks). Serve it over HTTPS or from localhost. */
export class InsecureContextError extends SelvageError {
  constructor(message: string) {
    super('InsecureContextError', message)
  }
}

/** The room's host, or its rules, do not let this peer in. `code` says why, `retryable` whether asking again may help. */
export class AdmissionRefusedError extends SelvageError {
  /** The host's reason, for programs; the base class's name of the cause is `name`. */
  readonly reason: string
  readonly retryable: boolean

  constructor(reason: string, retryable: boolean) {
    super(
      'AdmissionRefusedError',
      `the room refused this peer (${reason}): it was not admitted; ${retryable ? 'try again later' : 'asking again will not help'}`,
    )
    this.reason = reason
    this.retryable = retryable
  }
}

/** Only the room's host may do that. Ask it, or wait until this peer hosts. */
export class NotHostError extends SelvageError {
  readonly host: string | null

  constructor(host: string | null) {
    super('NotHostError', `only the room's host may do that, and ${host ?? 'nobody'} hosts: nothing was done`)
    this.host = host
  }
}

/* ── Agreement ─────────────────────────────────────────────────────────────────────────────── */

/** The operation needs the leader and this node is not it. `leader` names it where it is known. */
export class NotLeaderError extends SelvageError {
  readonly leader: string | null

  constructor(message: string, leader: string | null) {
    super('NotLeaderError', message)
    this.leader = leader
  }
}

/** The leader went away while the request was under way: it may or may not take effect. */
export class LeadershipLostError extends SelvageError {
  constructor(message: string, options: CauseOption = {}) {
    super('LeadershipLostError', message, { ...options, outcome: 'unknown' })
  }
}

/** No leader could prove in time that it still leads. Nothing was read; retry when a majority can be reached. */
export class ReadTimeoutError extends SelvageError {
  /** The leader that was asked, where one was known. */
  readonly leader: string | null

  constructor(leader: string | null) {
    const whom = leader === null ? 'no leader was known' : `${leader} did not prove that it still leads`
    super('ReadTimeoutError', `${whom}: nothing was read; retry when a majority of the voters can be reached`)
    this.leader = leader
  }
}

/** Leadership did not go where it was to go. `leader` names who leads now, where it is known. */
export class LeadershipTransferError extends SelvageError {
  readonly leader: string | null

  constructor(why: string, leader: string | null) {
    super('LeadershipTransferError', `${why}: leadership was not handed over; look who leads, then try again`)
    this.leader = leader
  }
}

/**
 * So many newer requests of this client took effect that nobody knows any more whether this one did. Read the log to
 * find out; propose what is new under a higher id.
 */
export class RequestExpiredError extends SelvageError {
  constructor(clientId: string, requestId: number) {
    super(
      'RequestExpiredError',
      `request ${requestId} of client ${clientId} is too old to tell whether it took effect: look in the log; use higher ids for what is new`,
      { outcome: 'unknown' },
    )
  }
}

/** A client id belongs to the first member that uses it, while it is a member. */
export class ClientIdTakenError extends SelvageError {
  constructor(clientId: string) {
    super(
      'ClientIdTakenError',
      `the client id ${clientId} belongs to another member: nothing was done; propose under an id of one's own`,
    )
  }
}

/** This node is not a member of the cluster any more: the newest configuration leaves it out. Ask to be taken in again. */
export class NotMemberError extends SelvageError {
  constructor(outcome: Outcome) {
    const fate = outcome === 'refused' ? 'nothing was proposed' : 'what was proposed may still take effect'
    super('NotMemberError', `this node was removed from the cluster: ${fate}; ask a member to take it in again`, {
      outcome,
    })
  }
}

/** One change of membership at a time: wait for the other, then retry. */
export class MembershipChangeInProgressError extends SelvageError {
  constructor(message: string) {
    super('MembershipChangeInProgressError', message)
  }
}

/** A learner to be promoted did not catch up with the log in time. The voters are as they were; it stays a learner. */
export class LearnerNotCaughtUpError extends SelvageError {
  readonly learners: readonly string[]

  constructor(learners: readonly string[]) {
    super(
      'LearnerNotCaughtUpError',
      `${learners.join(', ')} did not catch up with the log in time: the voters are as they were; retry when connected`,
    )
    this.learners = learners
  }
}

/** Options, or an option and a storage, that cannot work together. */
export class ConfigError extends SelvageError {
  constructor(message: string) {
    super('ConfigError', message)
  }
}

/* ── Storage ───────────────────────────────────────────────────────────────────────────────── */

/** Stored state that cannot be right. Nothing is repaired: the record is named and the node does not start. */
export class CorruptStateError extends SelvageError {
  /** Which record, e.g. `entry 17`. */
  readonly record: string

  constructor(record: string, message: string, options: CauseOption = {}) {
    super(
      'CorruptStateError',
      `${record}: ${message}; the node does not start: restore the storage or open a new place`,
      options,
    )
    this.record = record
  }
}

/** Another tab or process holds this storage. */
export class StorageLockedError extends SelvageError {
  constructor(message: string) {
    super('StorageLockedError', message)
  }
}

/** A read or write failed. After a failed write every later one fails too: whether this one is durable is unknown. */
export class StorageFailedError extends SelvageError {
  constructor(message: string, options: { outcome?: Outcome; cause?: unknown } = {}) {
    super('StorageFailedError', message, { outcome: 'unknown', ...options })
  }
}

/* ── Game ──────────────────────────────────────────────────────────────────────────────────── */

/** Every seat is taken and this peer has none. */
export class RosterFullError extends SelvageError {
  constructor(message: string) {
    super('RosterFullError', message)
  }
}

/** Nobody admitted this peer, or said that the table is full, inside the bound. */
export class JoinTimeoutError extends SelvageError {
  constructor(message: string) {
    super('JoinTimeoutError', message)
  }
}

/** Another peer hosts this game. Join it instead. */
export class DuplicateHostError extends SelvageError {
  /** The peer that hosts. */
  readonly host: string

  constructor(host: string, message: string) {
    super('DuplicateHostError', message)
    this.host = host
  }
}

/** The other side plays another game than the one in this storage. */
export class GameMismatchError extends SelvageError {
  constructor(message: string) {
    super('GameMismatchError', message)
  }
}
