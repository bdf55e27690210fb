import type { Browser } from '@playwright/test'
import { sleep, withinMs } from '../../src/base/abort.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { seededRandom } from '../../src/sim/index.ts'
import { closeAccounts } from '../network/accounts.ts'
import { newInvitation } from '../network/invitation.ts'
import { Member } from '../network/member.ts'
import { SignalServers } from './signal-servers.ts'

/** Within this long after the last of a round's faults every peer hears every other again, and is attached to a server. */
export const RECOVERY_BOUND_MS = 20_000

export const MEMBERS = 4
const SERVERS = 3
const ROUNDS = 6
/** Faults of one round, and how far apart they come. */
const MAX_FAULTS = 3
const MAX_APART_MS = 400
const INTERVAL_MS = 25

/** What is done to a session; the numbers are how often, of a hundred. */
const FAULTS = {
  'one link cut': 30,
  'all links of a peer cut': 20,
  'a server killed': 20,
  'every server killed': 10,
  'a page reloaded': 20,
} as const

type Fault = keyof typeof FAULTS

export interface SessionReport {
  readonly seed: string
  /** `kind` is a fault, or several joined. */
  readonly recoveries: readonly { readonly kind: string; readonly ms: number }[]
  readonly frames: number
  readonly violations: readonly string[]
}

/** Four members and three servers under faults drawn from `seed`. Resolves with what became of them; throws nothing of theirs. */
export async function playSession(browser: Browser, seed: string): Promise<SessionReport> {
  const random = seededRandom(seed)
  const servers = await SignalServers.start(SERVERS)
  const contexts = await Promise.all(Array.from({ length: MEMBERS }, () => browser.newContext()))
  const violations: string[] = []
  const recoveries: { kind: string; ms: number }[] = []
  let frames = 0
  let recovering = 'the beginning'
  try {
    const setup = { servers: servers.urls, intervalMs: INTERVAL_MS, retries: true }
    const invitation = newInvitation()
    const members = await Promise.all(contexts.map((context) => Member.open(context, invitation, setup)))
    await Promise.all(members.map((member) => member.enters()))
    await whole(members, Date.now())
    for (let round = 0; round < ROUNDS; round++) {
      const faults = Array.from({ length: 1 + Math.floor(random() ** 2 * MAX_FAULTS) }, () => draw(random))
      let lastMs = 0
      for (const fault of faults) {
        lastMs = await inflict(fault, { members, servers, random, violations })
        await sleep(systemClock, random() * MAX_APART_MS)
      }
      recovering = faults.join(', ')
      const wholeMs = await whole(members, lastMs)
      recoveries.push({ kind: [...new Set(faults)].sort().join(' + '), ms: Math.max(0, wholeMs - lastMs) })
    }
    const accounts = await closeAccounts(members)
    frames = accounts.frames
    violations.push(...accounts.violations)
  } catch (error) {
    violations.push(`after ${recovering}: ${String(error)}`)
  } finally {
    await Promise.all(contexts.map((context) => context.close()))
    await servers.close()
  }
  return { seed, recoveries, frames, violations }
}

interface Scene {
  readonly members: readonly Member[]
  readonly servers: SignalServers
  readonly random: Random
  readonly violations: string[]
}

/** Resolves, once it is done, with when it was, epoch milliseconds. */
async function inflict(fault: Fault, { members, servers, random, violations }: Scene): Promise<number> {
  const member = members[Math.floor(random() * members.length)] as Member
  const place = Math.floor(random() * (MEMBERS - 1))
  const forMs = 300 + random() * 1_700
  switch (fault) {
    case 'one link cut':
      await member.cut(place)
      return Date.now()
    case 'all links of a peer cut':
      await member.cut()
      return Date.now()
    case 'a server killed':
      await servers.kill([Math.floor(random() * SERVERS)], forMs)
      return Date.now()
    case 'every server killed':
      await servers.kill([...servers.urls.keys()], forMs)
      return Date.now() + forMs
    case 'a page reloaded': {
      violations.push(...(await member.report()).violations)
      const atMs = await member.reload()
      await member.enters()
      return atMs
    }
  }
}

function draw(random: Random): Fault {
  let left = random() * 100
  for (const [fault, share] of Object.entries(FAULTS)) {
    left -= share
    if (left < 0) return fault as Fault
  }
  return 'one link cut'
}

/** When everybody had heard everybody else's frames from after `sinceMs`, and was attached. */
async function whole(members: readonly Member[], sinceMs: number): Promise<number> {
  const signs = members.flatMap((member) => [member.heard(members, sinceMs), member.attached()])
  const boundMs = Math.max(0, sinceMs - Date.now()) + RECOVERY_BOUND_MS
  const late = (): Error => new Error(`the mesh was not whole within ${RECOVERY_BOUND_MS} ms`)
  return Math.max(...(await withinMs(systemClock, boundMs, Promise.all(signs), late)))
}
