import { InMemoryLoom, InMemoryTag } from '../../fabric/memory/index.ts'
import type { Loom } from '../../seam/contract.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import { SimulatedNetwork, type SimulatedNetworkOptions } from '../../sim/simulated-network.ts'
import { testIdentity, verifyTestSignature } from '../../sim/test-identity.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import type { LawTiming, RoomHarness } from './room-harness.ts'
import { type FabricSession, roomsOver } from './rooms-over.ts'

/** Windows that a law can wait for. */
const TIMING: LawTiming = {
  intervalMs: 100,
  maxTimeoutMs: 400,
  windowMs: 2_000,
  admitTimeoutMs: 3_000,
  resumeTimeoutMs: 800,
}

/** Rooms in memory and in virtual time. */
export function inMemoryRooms(): RoomHarness {
  return virtualRooms(new VirtualClock(), 1, () => {
    const mesh = new InMemoryLoom()
    return { tag: new InMemoryTag('oak'), loom: (identity) => mesh.as(identity) as unknown as Loom }
  })
}

/** Rooms over a simulated network, with the faults asked for. */
export function simulatedRooms(options: Omit<SimulatedNetworkOptions, 'clock'>): RoomHarness {
  const clock = new VirtualClock()
  let sessions = 0
  return virtualRooms(clock, options.seed, () => {
    const network = new SimulatedNetwork({ clock, peerLossMs: 150, ...options })
    const name = `oak-${++sessions}`
    return {
      tag: { sessionName: name, peerKey: name },
      loom: (peerIdentity) => network.loom({ peerIdentity }),
      faults: {
        crash: (peer) => network.crash(peer),
        cut: (a, b) => network.cut(a, b),
        heal: () => network.heal(),
      },
    }
  })
}

function virtualRooms(clock: VirtualClock, seed: number, session: () => FabricSession): RoomHarness {
  return roomsOver({
    clock,
    random: seededRandom(seed),
    timing: TIMING,
    verify: (...signed) => Promise.resolve(verifyTestSignature(...signed)),
    identity: (name) => Promise.resolve(testIdentity(name)),
    session,
    settle: (promise) => clock.run(promise, { limitMs: 120_000 }),
    elapse: (ms) => clock.advance(ms),
  })
}
