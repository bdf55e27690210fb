import {
  ConfigError,
  DuplicateHostError,
  GameMismatchError,
  JoinTimeoutError,
  RosterFullError,
} from '../base/errors.ts'
import type { RaftState } from '../raft/contract.ts'
import type { Seam } from '../seam/contract.ts'
import { Approach } from './approach.ts'
import { type GameHostOptions, type GameJoinOptions, type GameSession, MAX_SEATS } from './contract.ts'
import { foundingLog, hasLog, hasVote, isUnplayed, noLog, randomId } from './founding.ts'
import type { RunningGame } from './running-game.ts'
import { isFull, seatOf, takenSeats } from './seat-table.ts'
import { everyoneSpoke, judgeFounding, judgeGame, judgeRival, judgeTables } from './verdict.ts'

/** How long a resumed player listens for a room that plays another game, milliseconds; mostly far less. */
const RESUME_CHECK_MS = 1_000

/**
 * Founds a game for `peerCount` players over `seam`, or resumes the one in `storage`.
 *
 * The founder is the first voter of a Raft cluster of one, whose log names the seats; every peer that
 * calls {@link gameJoin} becomes a learner, then a voter, then gets a seat, and each of these steps is
 * agreed on. So there is nothing a founder knows that the others do not, and who leads when the founder is
 * gone goes on admitting. The seam is muxed inside: nobody else may read its `incoming` from here on.
 *
 * Resolves when the seats are taken, see `returnAt`; a resumed voter at once. Rejects with
 * `DuplicateHostError`, `GameMismatchError`, `ConfigError`, `IncomingTakenError`, `SeamTornError`,
 * storage errors, or the signal's reason, and has then left nothing running: the seam is woven and free.
 * A game once founded stays in the storage, and the next call resumes it.
 */
export function gameHost(seam: Seam, options: GameHostOptions): Promise<GameSession> {
  const { peerCount, returnAt = 'full' } = options
  if (!Number.isInteger(peerCount) || peerCount < 1 || peerCount > MAX_SEATS) {
    return Promise.reject(new RangeError(`peerCount is a whole number from 1 to ${MAX_SEATS}, not ${peerCount}`))
  }
  return Approach.run(seam, options, async (approach) => {
    const state = await approach.load()
    const held = gameIn(state)
    if (held !== null && hasVote(state, seam.selfId)) return resume(approach, held, options)
    if (hasLog(state)) return join(approach, held, options)
    const game = await found(approach, state, options)
    const wanted = returnAt === 'full' ? peerCount : Math.floor(peerCount / 2) + 1
    const outcome = await approach.decided(() => {
      const seats = game.seats.get()
      const rival = isAlone(game) ? judgeRival(approach.room, { gameId: game.gameId, seats }) : null
      if (rival !== null) return { yieldTo: rival }
      return takenSeats(seats) >= wanted ? { yieldTo: null } : null
    }, game.seats)
    if (outcome.yieldTo === null) return game
    await giveUp(approach)
    throw duplicateHost(outcome.yieldTo)
  })
}

/**
 * Joins the game that is played over `seam`, or resumes the one in `storage`.
 *
 * Resolves when this peer is a voter and has its seat; a resumed voter at once. Rejects with
 * `RosterFullError` as soon as a player says that every seat is taken, `JoinTimeoutError` when nobody
 * admits or refuses within `joinAdmissionTimeoutMs`, `GameMismatchError`, `ConfigError`,
 * `IncomingTakenError`, `SeamTornError`, storage errors, or the signal's reason, and has then left nothing
 * running: the seam is woven and free, and the call can be repeated.
 */
export function gameJoin(seam: Seam, options: GameJoinOptions = {}): Promise<GameSession> {
  return Approach.run(seam, options, async (approach) => {
    const state = await approach.load()
    const held = gameIn(state)
    const isResumed = held !== null && hasVote(state, seam.selfId)
    return isResumed ? resume(approach, held, options) : join(approach, held, options)
  })
}

async function found(approach: Approach, state: RaftState | null, options: GameHostOptions): Promise<RunningGame> {
  const { peerCount, hostDeclarationTimeoutMs = 2_000, random } = options
  approach.presence.announce({ role: 'founder' })
  const timeIsUp = approach.timeIsUp(hostDeclarationTimeoutMs)
  await approach.decided(() => {
    const verdict = judgeFounding(approach.room, timeIsUp.get())
    if (verdict.kind === 'duplicate') throw duplicateHost(verdict.host)
    return verdict.kind === 'found' ? verdict : null
  }, timeIsUp)
  const gameId = randomId(random)
  const lineage = randomId(random)
  const { seam, clock } = approach
  const term = (state?.term ?? 0) + 1
  await approach.write(foundingLog({ founder: seam.selfId, seatCount: peerCount, gameId, lineage, term, clock }))
  return approach.start(gameId, lineage)
}

/** Empties the storage of the game just founded, unless somebody else has come to depend on it after all. */
async function giveUp(approach: Approach): Promise<void> {
  await approach.halt()
  const state = await approach.load()
  if (isUnplayed(state, approach.seam.selfId)) await approach.write({ ...noLog, gameId: null, lineage: null })
}

/** Waits for a seat at a table, at the next one if that goes away. */
function join(approach: Approach, held: GameName | null, options: GameJoinOptions): Promise<RunningGame> {
  limitWait(approach, options)
  return takeSeat(approach, held)
}

/**
 * The game whose log the storage holds comes first, then any. A log that never gave this peer a vote binds it
 * to nothing, and makes way for another game's.
 */
async function takeSeat(approach: Approach, held: GameName | null): Promise<RunningGame> {
  approach.presence.announce({ role: 'joiner', gameId: null })
  const { gameId, lineage } = await approach.decided(() => {
    const verdict = judgeTables(approach.room, held?.gameId ?? null)
    if (verdict.kind === 'forgotten') throw forgotten(verdict.gameId)
    if (verdict.kind === 'full') throw rosterFull()
    return verdict.kind === 'take' ? verdict : null
  })
  if (gameId !== held?.gameId) await approach.write({ ...noLog, gameId, lineage })
  const game = await approach.start(gameId, lineage)
  const gone = await admitted(approach, game)
  if (gone === null) return game
  await approach.halt()
  if (hasVote(await approach.load(), approach.seam.selfId)) throw mismatch(gameId, gone.gameId)
  return takeSeat(approach, { gameId, lineage })
}

/** Goes on with the game in the storage: a voter needs nobody's leave. */
async function resume(
  approach: Approach,
  { gameId, lineage }: GameName,
  options: GameJoinOptions | GameHostOptions,
): Promise<RunningGame> {
  const timeIsUp = approach.timeIsUp(RESUME_CHECK_MS)
  const game = await approach.start(gameId, lineage)
  checkSeatCount(game, options)
  await approach.decided(() => {
    const { room } = approach
    const verdict = judgeGame(room, gameId, timeIsUp.get())
    if (verdict.kind === 'mismatch') throw mismatch(gameId, verdict.gameId)
    return verdict.kind === 'take' || timeIsUp.get() || everyoneSpoke(room) ? true : null
  }, timeIsUp)
  return game
}

/** Resolves with `null` once this peer is a voter and has its seat, or with what is played here instead. */
function admitted(approach: Approach, game: RunningGame): Promise<{ readonly gameId: string } | null> {
  const { seats, node, gameId } = game
  return approach
    .decided(
      () => {
        const seated = seatOf(seats.get(), node.id) !== null
        const verdict = judgeGame(approach.room, gameId, false)
        if (verdict.kind === 'mismatch') return { instead: verdict }
        if (!seated && (verdict.kind === 'full' || isFull(seats.get()))) throw rosterFull()
        return seated && isVoter(game) ? { instead: null } : null
      },
      seats,
      node.membership,
    )
    .then(({ instead }) => instead)
}

function limitWait(approach: Approach, options: GameJoinOptions): void {
  const { joinAdmissionTimeoutMs = 10_000 } = options
  approach.after(joinAdmissionTimeoutMs, () => {
    approach.fail(
      new JoinTimeoutError(
        `nobody admitted or refused this peer within ${joinAdmissionTimeoutMs} ms: it has no seat; try again when the host is there`,
      ),
    )
  })
}

function isVoter(game: RunningGame): boolean {
  return game.node.membership.get().voters.has(game.node.id)
}

/** Nobody else has a vote in it, nor a seat: at most learners would miss it. */
function isAlone(game: RunningGame): boolean {
  return takenSeats(game.seats.get()) === 1 && game.node.membership.get().voters.size === 1
}

interface GameName {
  readonly gameId: string
  readonly lineage: string
}

/** The game whose log the storage holds, or would have held; `null` for none. */
function gameIn(state: RaftState | null): GameName | null {
  if (state === null) return null
  const { gameId, lineage } = state
  if (gameId !== null && lineage !== null) return { gameId, lineage }
  if (!hasLog(state)) return null
  throw new ConfigError(
    'the storage holds a log that is no game: nothing was started; give the game a storage of its own',
  )
}

function checkSeatCount(game: RunningGame, options: GameJoinOptions | GameHostOptions): void {
  const seats = game.seats.get().length
  if ('peerCount' in options && seats > 0 && seats !== options.peerCount) {
    throw new ConfigError(
      `the game in the storage has ${seats} seats, not ${options.peerCount}: nothing was started; resume it as it is, or found another in a new storage`,
    )
  }
}

function forgotten(gameId: string): ConfigError {
  return new ConfigError(
    `this peer id has a seat in game ${gameId}, and its storage has no log: what it voted for is forgotten, so it may not vote again; come with the storage, or as a new peer`,
  )
}

function rosterFull(): RosterFullError {
  return new RosterFullError('every seat is taken by others: this peer was not admitted; wait for another game')
}

function duplicateHost(host: string): DuplicateHostError {
  return new DuplicateHostError(host, `${host} hosts a game here already: no other is played beside it; join that one`)
}

function mismatch(ours: string, theirs: string): GameMismatchError {
  return new GameMismatchError(
    `the storage holds game ${ours} and the others here play ${theirs}: nothing was changed; come with another storage, or meet elsewhere`,
  )
}
