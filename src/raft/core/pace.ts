import type { NodeId } from '../contract.ts'
import { quorumIndex } from './configuration.ts'
import type { Replica, Timing } from './replica.ts'

/*
 * Timeouts that suit a room suit no ocean. A leader measures how long its followers take to answer entries, and how
 * long a majority of them takes is the cluster's round trip. It tells it with its heartbeats, so that all wait alike;
 * a candidate whose answers come too late learns it from those.
 */

/** Shortest election timeout, in round trips: a campaign takes two, and a frame may have to be sent again. */
export const ROUND_TRIPS_PER_TIMEOUT = 5
/** Pre-votes whose late answers are still measured. */
export const MAX_PROBES = 4

/** `timing` for a round trip of `roundTripMs`, all intervals stretched alike. 0: unknown, and so as it is. */
export function pacedTiming(timing: Timing, roundTripMs: number): Timing {
  const { scaleMin = 1, scaleMax = 1, electionTimeoutMinMs, electionTimeoutMaxMs, heartbeatIntervalMs } = timing
  const wanted = (roundTripMs * ROUND_TRIPS_PER_TIMEOUT) / electionTimeoutMinMs
  const scale = roundTripMs === 0 ? 1 : Math.min(scaleMax, Math.max(scaleMin, wanted))
  return {
    ...timing,
    electionTimeoutMinMs: electionTimeoutMinMs * scale,
    electionTimeoutMaxMs: electionTimeoutMaxMs * scale,
    heartbeatIntervalMs: heartbeatIntervalMs * scale,
  }
}

/** Leader: `from` took `sampleMs` to answer. What a majority takes is what counts; who is unknown takes as long as that. */
export function measureFollower(r: Replica, from: NodeId, sampleMs: number): void {
  const progress = r.progress.get(from)
  if (progress === undefined) return
  progress.roundTripMs = smoothed(progress.roundTripMs, sampleMs)
  const slowness = (id: NodeId): number => (id === r.id ? 0 : -(r.progress.get(id)?.roundTripMs ?? r.roundTripMs))
  r.setRoundTrip(Math.ceil(-quorumIndex(r.config, slowness)))
}

/** Candidate: an answer to the probe `nonce`, be it of the last one or of one before. Only ever slows down. */
export function measureProbe(r: Replica, nonce: number): void {
  const probe = r.probes.find((each) => each.nonce === nonce)
  if (probe !== undefined) r.setRoundTrip(Math.max(r.roundTripMs, Math.ceil(r.at.nowMs - probe.sentAtMs)))
}

/** Rises fast, as a timeout too short does harm, and falls slowly. */
function smoothed(known: number | null, sampleMs: number): number {
  if (known === null) return sampleMs
  return known + (sampleMs - known) / (sampleMs > known ? 2 : 8)
}
