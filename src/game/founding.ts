import { toBase64Url } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { type Random, randomBetween } from '../base/random.ts'
import type { MembershipRecord, NodeId, RaftState, RaftWrite } from '../raft/contract.ts'
import { encodeFounded, isApplication } from './game-entry.ts'

/** A new game's log: the founder as only voter, and the table it founds. Written as one batch, so that it exists whole or not. */
export function foundingLog(parts: {
  founder: NodeId
  seatCount: number
  gameId: string
  lineage: string
  /** Above any that the storage has seen, so that no vote is forgotten. */
  term: number
  clock: Clock
}): RaftWrite {
  const { founder, seatCount, gameId, lineage, term, clock } = parts
  const common = { term, dedupKey: null, proposer: founder, timeMs: Math.floor(clock.wallNow()) }
  const config: MembershipRecord = { voters: [founder], learners: [], old: null }
  return {
    nodeId: founder,
    gameId,
    lineage,
    term,
    vote: founder,
    // A majority of one has stored it as soon as it is stored.
    commit: 2,
    entries: [
      { kind: 'config', index: 1, command: new Uint8Array(0), config, ...common },
      { kind: 'command', index: 2, command: encodeFounded(seatCount, founder), ...common },
    ],
  }
}

/** 128 random bits: the platform's best unless chance is passed in. */
export function randomId(random: Random | undefined): string {
  const bytes = new Uint8Array(16)
  if (random === undefined) crypto.getRandomValues(bytes)
  else bytes.forEach((_, i) => (bytes[i] = randomBetween(random, 0, 256)))
  return toBase64Url(bytes)
}

/** Something was agreed or promised with this storage: nothing may be founded over it. */
export function hasLog(state: RaftState | null): boolean {
  return state !== null && (state.entries.length > 0 || state.snapshot !== null)
}

/**
 * The log gives `self` a vote, committed or not: others may have counted what it acknowledged. What a mere
 * learner holds, nobody ever counted.
 */
export function hasVote(state: RaftState | null, self: NodeId): boolean {
  return configurations(state).some(({ voters, old }) => voters.includes(self) || old?.includes(self) === true)
}

/** A game in which nobody but `self` ever had a vote, and so a seat, and in which nothing was played. */
export function isUnplayed(state: RaftState | null, self: NodeId): boolean {
  const turns = state?.entries.some((entry) => entry.kind === 'command' && isApplication(entry.command))
  return isSolitary(state, self) && state?.snapshot === null && turns !== true
}

/** A log in which nobody but `self` ever had a vote. */
export function isSolitary(state: RaftState | null, self: NodeId): boolean {
  const voters = configurations(state).flatMap((config) => [...config.voters, ...(config.old ?? [])])
  return voters.length > 0 && voters.every((voter) => voter === self)
}

/** Takes a log away and leaves term and vote: what was promised stays promised. */
export const noLog: RaftWrite = { truncateFrom: 1, snapshot: null, commit: 0, leader: null }

function configurations(state: RaftState | null): MembershipRecord[] {
  if (state === null) return []
  const inLog = state.entries.flatMap((entry) => (entry.kind === 'config' ? [entry.config] : []))
  return state.snapshot === null ? inLog : [state.snapshot.config, ...inLog]
}
