import type { Clock } from '../base/clock.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { ClientIdentity, RaftConfig, RaftNode, RaftStorage } from '../raft/contract.ts'
import type { PeerId, Seam, WaitOptions } from '../seam/contract.ts'

/*
 * The data's way. A call of gameHost or gameJoin (bootstrap) is an Approach: it holds mux, presence and timers,
 * and gives them back whole if it fails. What the others announce (presence, presence-frame) it judges (verdict);
 * a founder writes a log of two entries (founding); then a RunningGame starts on the node, folds its committed
 * entries (game-entry) into seats (seat-table) and lets others in (admission). The Approach ends as a
 * TableSession, whose node (application-node) shows a TurnSequencer the players' commands alone.
 */

/** One place at the table. A game has a fixed number of them, counted from 0; the founder has seat 0. */
export interface Seat {
  readonly number: number
  /** Who sits there; `null` while it is free. */
  readonly peer: PeerId | null
}

/** A peer's hold on a running game: what {@link gameHost} and {@link gameJoin} resolve with. */
export interface GameSession extends AsyncDisposable {
  /**
   * The agreement under the game, as a view: its commands are the application's alone; seat entries, and
   * commands of peers that had no seat, surface as `internal`. Closing the view closes the node.
   */
  readonly node: RaftNode
  /** Random, minted when the game was founded, the same for all its players. */
  readonly gameId: string
  /** Every seat in order, as far as this peer knows the log to be committed. Empty until the founding entry is. */
  readonly seats: ReadableAtom<readonly Seat[]>
  /** A named channel beside the game (chat, cursors): best effort, no replay, the same name on both sides. */
  appChannel(name: string): Seam
  /**
   * Stops admission and node, then closes the seam. Idempotent. Not a departure: the seat stays taken. A seam
   * that tears by itself closes its session.
   */
  close(): Promise<void>
}

export interface GameOptions extends WaitOptions {
  /**
   * Where key and log live. Left out: in memory, for as long as the seam. One that holds a game resumes it.
   * Stays the caller's to close. Its identity must be the seam's (`ConfigError` otherwise).
   */
  readonly storage?: RaftStorage | undefined
  readonly raftConfig?: RaftConfig | undefined
  /** Under which client id commands are proposed. Default `{ kind: 'auto' }`. */
  readonly identity?: ClientIdentity | undefined
  /** Default: the page's, whose timers run in a worker and are in time in a hidden tab; elsewhere the system's. */
  readonly clock?: Clock | undefined
  /** Draws election timeouts, and the game's id where it is given. Default: the platform's, and its crypto for ids. */
  readonly random?: Random | undefined
  /** How long a joiner waits to be admitted or refused, milliseconds. Default 10 000. */
  readonly joinAdmissionTimeoutMs?: number | undefined
}

export interface GameHostOptions extends GameOptions {
  /** Seats at the table, the host's included: 1 to {@link MAX_SEATS}. */
  readonly peerCount: number
  /** When `gameHost` resolves: with every seat taken (default), or with more than half; admission goes on either way. */
  readonly returnAt?: 'full' | 'quorum' | undefined
  /** How long a founder waits for connected peers to say what they are, milliseconds. Default 2000; often far less. */
  readonly hostDeclarationTimeoutMs?: number | undefined
}

export type GameJoinOptions = GameOptions

/** Most seats a table may have. */
export const MAX_SEATS = 255
