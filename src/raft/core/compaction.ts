import type { StoredSnapshot } from '../contract.ts'
import { sessionsAt } from './apply.ts'
import { recordOf } from './configuration.ts'
import type { Replica } from './replica.ts'

/**
 * The application's `state` is what the log amounts to up to `index`: from now on a snapshot stands for those
 * entries, with the configuration and the time as of that index. It and the discarded entries are one write; the
 * request is answered when that is durable.
 */
export function requestCompaction(r: Replica, token: number, index: number, state: Uint8Array): void {
  const error = objection(r, index)
  if (error !== null) {
    r.outcomes.push({ kind: 'failed', token, error })
    return
  }
  const snapshot = snapshotAt(r, index, state)
  r.compactThrough(snapshot)
  r.compactions.push({ token, index, write: r.outbox.pendingWrite })
  r.note?.({ kind: 'compacted', index, bytes: state.length })
}

/** A write became durable: the snapshots in it stand. */
export function answerCompactions(r: Replica): void {
  while (r.compactions.length > 0) {
    const { token, index, write } = r.compactions[0] as (typeof r.compactions)[number]
    if (write > r.outbox.durableWrite) return
    r.compactions.shift()
    r.outcomes.push({ kind: 'compacted', token, floor: index })
  }
}

/** Whether the log has grown to its bound: nothing more is taken in until it has been compacted. */
export function isLogFull(r: Replica): boolean {
  return r.log.length >= r.limits.maxLogEntries || r.log.sizeBytes >= r.limits.maxLogBytes
}

function objection(r: Replica, index: number): RangeError | null {
  const { floorIndex } = r.log
  if (Number.isSafeInteger(index) && index > floorIndex && index <= r.commit) return null
  return new RangeError(
    `a snapshot through ${index}: nothing was stored; it must lie above the floor at ${floorIndex}, and not above the commit index ${r.commit}`,
  )
}

function snapshotAt(r: Replica, index: number, state: Uint8Array): StoredSnapshot {
  const config = r.configBefore(index + 1)
  return {
    index,
    term: r.log.termAt(index) as number,
    timeMs: r.log.timeAt(index) as number,
    configIndex: config.index,
    config: recordOf(config),
    sessions: sessionsAt(r, index).toBytes(),
    state,
  }
}
