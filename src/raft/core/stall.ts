import { hasQuorum } from './configuration.ts'
import type { Replica } from './replica.ts'

/*
 * A leader whose disk hangs answers for nothing, and yet looks alive: its heartbeats need no disk, and its followers
 * answer them (etcd#13527). What it cannot write piles up; in a small cluster nothing commits. So it makes room for
 * another, and stands for nothing before its disk is back. A slow disk is not a stalled one: each write that ends counts.
 */

/** How long a disk may get nothing done, with a write under way, in longest election timeouts. */
const STALL_TIMEOUTS = 2

/** A write was begun, one ended and others are under way, or the node slept: the disk has all its time again. */
export function allowDisk(r: Replica): void {
  r.stalledAtMs = r.at.nowMs + STALL_TIMEOUTS * r.timing.electionTimeoutMaxMs
}

export function isStalled(r: Replica): boolean {
  return r.at.nowMs >= r.stalledAtMs
}

/** Whether this leader should make room. Who is the only voter has nobody to make room for. */
export function mustYield(r: Replica): boolean {
  return isStalled(r) && !hasQuorum(r.config, (id) => id === r.id)
}
