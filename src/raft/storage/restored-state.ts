import { CorruptStateError } from '../../base/errors.ts'
import type { MembershipRecord, RaftState } from '../contract.ts'
import { flawOf } from '../core/configuration.ts'

/**
 * `state`, if a node may start from it; else {@link CorruptStateError} naming the record that cannot be right.
 * Nothing is clamped or repaired: a wrong term, kept quietly, can win elections with a wrong log.
 *
 * Checked are bounds (0 to 2^53 - 1), entries without a gap from the snapshot on (from 1 without one), terms that
 * never fall along the log and never pass the current one, and a commit hint inside the log. A leader record of
 * another term than the current one is no damage: the engine ignores it.
 */
export function checkRestoredState(state: RaftState): RaftState {
  bounded('term', state.term)
  if (state.leader !== null) bounded('leader', state.leader.term)
  const { snapshot } = state
  let index = 0
  let term = 0
  if (snapshot !== null) {
    bounded('snapshot', snapshot.index)
    bounded('snapshot', snapshot.term)
    if (snapshot.term > state.term)
      corrupt('snapshot', `its term ${snapshot.term} is past the current term ${state.term}`)
    if (!Number.isFinite(snapshot.timeMs)) corrupt('snapshot', 'its time is not a number')
    bounded('snapshot', snapshot.configIndex)
    if (snapshot.configIndex > snapshot.index)
      corrupt('snapshot', `its configuration of index ${snapshot.configIndex} is past its own index ${snapshot.index}`)
    // Where the members are in no log, a joiner never comes to know them.
    if (snapshot.configIndex > 0 || snapshot.config.voters.length > 0) checkMembership('snapshot', snapshot.config)
    index = snapshot.index
    term = snapshot.term
  }
  for (const entry of state.entries) {
    const record = `entry ${entry.index}`
    bounded(record, entry.index)
    bounded(record, entry.term)
    if (entry.index !== index + 1) corrupt(record, `entry ${index + 1} should come here`)
    if (entry.term < term) corrupt(record, `its term ${entry.term} is below ${term}, the term before it`)
    if (entry.term > state.term) corrupt(record, `its term ${entry.term} is past the current term ${state.term}`)
    if (!Number.isFinite(entry.timeMs)) corrupt(record, 'its time is not a number')
    if (entry.kind === 'config') checkMembership(record, entry.config)
    index = entry.index
    term = entry.term
  }
  if (state.commit !== undefined) {
    bounded('commit', state.commit)
    if (state.commit > index) corrupt('commit', `${state.commit} is past the end of the log at ${index}`)
  }
  return state
}

function checkMembership(record: string, config: MembershipRecord): void {
  const flaw = flawOf(config)
  if (flaw !== null) corrupt(record, flaw)
}

function bounded(record: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) corrupt(record, `${value} is not a whole number from 0 to 2^53 - 1`)
}

function corrupt(record: string, message: string): never {
  throw new CorruptStateError(record, message)
}
