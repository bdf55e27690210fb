import type { ServerHealth } from 'selvage/webrtc'
import type { Fabric } from './fabric.ts'
import { type Link, noLink } from './link-watch.ts'
import type { Obstacle } from './obstacle.ts'
import type { Count } from './patience.ts'
import { type Game, type Mark, newGame } from './tic-tac-toe.ts'

/**
 * All that the page knows, as one value. The table (`table.ts`) changes it, the words (`words.ts`) and the
 * views draw from it, and nothing else is remembered anywhere: the same facts always make the same page.
 */
export interface Facts {
  /** How far this tab has come: from the lobby, through its own storage and a server, to a seat. */
  readonly stage: 'lobby' | 'opening' | 'reaching' | 'entering' | 'seated' | 'failed'
  /** What carries the game between the browsers. */
  readonly fabric: Fabric
  readonly errand: 'create' | 'join' | 'return'
  readonly failure: Failure | null
  /** How the page looks again by itself after a failure; `null` where that is left to the person. */
  readonly looking: Count | null
  readonly signalling: 'none' | 'attached' | 'searching'
  /** The signalling server attached to. */
  readonly server: string | null
  /** All of the list, and how each does. */
  readonly servers: readonly ServerHealth[]
  /** `null` until the seat is known. */
  readonly mine: Mark | null
  readonly seatsTaken: number
  readonly friend: 'awaited' | 'here' | 'away' | 'gone'
  /** With the friend, or, while there is none yet, with whoever is coming in. */
  readonly link: Link
  /** Whether the two browsers have agreed who keeps the log, without which no turn is accepted. */
  readonly settled: boolean
  readonly storage: 'persistent' | 'best-effort' | 'page' | null
  readonly game: Game
  /** The cell of a mark of ours that is not agreed yet. */
  readonly pending: number | null
  /** Whether we have asked for another round that has not begun. */
  readonly asked: boolean
  /** The address to give to the friend. */
  readonly invite: string | null
}

export type Failure =
  | 'invalid-link'
  | 'room-not-found'
  | 'table-full'
  | 'no-server'
  | 'no-answer'
  | 'no-link'
  | 'other-game'
  | Obstacle
  | 'storage-failed'
  | 'storage-corrupt'
  | 'storage-busy'
  | 'cut'
  | 'unknown'

export const initialFacts: Facts = {
  stage: 'lobby',
  fabric: 'webrtc',
  errand: 'create',
  failure: null,
  looking: null,
  signalling: 'none',
  server: null,
  servers: [],
  mine: null,
  seatsTaken: 0,
  friend: 'awaited',
  link: noLink,
  settled: false,
  storage: null,
  game: newGame,
  pending: null,
  asked: false,
  invite: null,
}

const FAILURES: Readonly<Record<string, Failure>> = {
  RoomNotFoundError: 'room-not-found',
  RosterFullError: 'table-full',
  RoomFullError: 'table-full',
  SignalingUnavailableError: 'no-server',
  JoinTimeoutError: 'no-answer',
  LinkFailedError: 'no-link',
  PeerNotConnectedError: 'no-answer',
  GameMismatchError: 'other-game',
  DuplicateHostError: 'other-game',
  InsecureContextError: 'insecure',
  StorageFailedError: 'storage-failed',
  CorruptStateError: 'storage-corrupt',
  StorageLockedError: 'storage-busy',
  SeamTornError: 'cut',
  ClosedError: 'cut',
  // Who opens the table anew proposes under a new client id.
  ClientIdTakenError: 'cut',
  RequestExpiredError: 'cut',
}

/** A proposal that failed for now: the same may be asked again, and once it is agreed it is no worse for having been asked twice. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'LeadershipLostError' || code === 'OverloadedError'
}

/** What an error of the library means to the person at the page; told apart by its code. */
export function failureOf(error: unknown): Failure {
  const code = codeOf(error)
  return (typeof code === 'string' && Object.hasOwn(FAILURES, code) ? FAILURES[code] : undefined) ?? 'unknown'
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

/** Whether what failed may be well again in a moment, by nothing that this person does. */
export function isWorthWaiting(failure: Failure | null): boolean {
  return failure === 'room-not-found' || failure === 'no-server' || failure === 'no-answer'
}

/** Whether this player may mark a cell now. */
export function isMyTurn(facts: Facts): boolean {
  const { game, mine, seatsTaken, stage, pending } = facts
  return stage === 'seated' && seatsTaken === 2 && game.result.kind === 'open' && game.turn === mine && pending === null
}
