import { toBase64Url } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { type Random, randomBetween } from '../base/random.ts'
import type { MembershipRecord, NodeId, RaftState, RaftWrite } from '../raft/contract.ts'
import { encodeFounded } from './game-entry.ts'

/** A new game's log: the founder as only voter, and the table it founds. Written as one batch, so that it exists whole or not. */
export function foundingLog(parts: {
  founder: NodeId
  seatCount: number
  gameId: string
  lineage: string
  clock: Clock
}): RaftWrite {
  const { founder, seatCount, gameId, lineage, clock } = parts
  const common = { term: FOUNDING_TERM, dedupKey: null, proposer: founder, timeMs: Math.floor(clock.wallNow()) }
  const config: MembershipRecord = { voters: [founder], learners: [], old: null }
  return {
    nodeId: founder,
    gameId,
    lineage,
    term: FOUNDING_TERM,
    vote: founder,
    // A majority of one has stored it as soon as it is stored.
    commit: 2,
    entries: [
      { kind: 'config', index: 1, command: new Uint8Array(0), config, ...common },
      { kind: 'command', index: 2, command: encodeFounded(seatCount, founder), ...common },
    ],
  }
}

const FOUNDING_TERM = 1

/** 128 random bits: the platform's best unless chance is passed in. */
export function randomId(random: Random | undefined): string {
  const bytes = new Uint8Array(16)
  if (random === undefined) crypto.getRandomValues(bytes)
  else bytes.forEach((_, i) => (bytes[i] = randomBetween(random, 0, 256)))
  return toBase64Url(bytes)
}

/** Something was agreed or promised with this storage: nothing may be founded over it. */
export function hasLog(state: RaftState | null): state is RaftState {
  return state !== null && (state.entries.length > 0 || state.snapshot !== null)
}

/** The newest configuration in the log, committed or not; `null` before the first. */
export function configurationInForce(state: RaftState): MembershipRecord | null {
  const newest = state.entries.findLast((entry) => entry.kind === 'config')
  return newest?.kind === 'config' ? newest.config : (state.snapshot?.config ?? null)
}
