import { sleep } from '../../src/base/abort.ts'
import { systemClock } from '../../src/base/clock.ts'
import { missing } from './ledger.ts'
import type { Member } from './member.ts'

/** How long frames may be under way once nobody sends any more. */
const SETTLING_BOUND_MS = 10_000

/** What all accounts of a session come to. */
export interface Accounts {
  /** Frames lost, frames doubled, members that left without having been reloaded: in words. */
  readonly violations: readonly string[]
  /** Received by the pages as they are now. */
  readonly frames: number
}

/** Ends the sending of members that are all linked, waits for what is under way, and compares their accounts. */
export async function closeAccounts(members: readonly Member[]): Promise<Accounts> {
  await Promise.all(members.map((member) => member.rest()))
  const deadlineMs = Date.now() + SETTLING_BOUND_MS
  for (;;) {
    const reports = await Promise.all(members.map((member) => member.report()))
    const open = reports.flatMap((from, at) =>
      members.flatMap(({ id }, to) => {
        const report = reports[to]
        return to === at || report === undefined ? [] : missing(from, { peer: id, report })
      }),
    )
    if (open.length === 0 || Date.now() > deadlineMs) {
      const counts = reports.flatMap(({ received }) => Object.values(received))
      return {
        violations: [...reports.flatMap(({ violations }) => violations), ...open],
        frames: counts.reduce((sum, count) => sum + count, 0),
      }
    }
    await sleep(systemClock, 50)
  }
}
