import type { Seam } from '../seam/contract.ts'
import { SimulatedNetwork, type SimulatedNetworkOptions } from '../sim/simulated-network.ts'
import { testIdentity } from '../sim/test-identity.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { LAW_PAYLOAD_BYTES } from './law-payloads.ts'
import type { SeamHarness } from './seam-harness.ts'

/** Seams over a simulated network, with the faults asked for, under the laws of seams. */
export function simulatedHarness(
  options: Omit<SimulatedNetworkOptions, 'clock'>,
  clock: VirtualClock = new VirtualClock(),
): SeamHarness {
  const network = new SimulatedNetwork({ clock, maxPayloadBytes: LAW_PAYLOAD_BYTES, ...options })
  const seams: Seam[] = []
  const kept = (seam: Seam): Seam => {
    seams.push(seam)
    return seam
  }
  let rooms = 0
  return {
    room: ({ maxPeers } = {}) => {
      const sessionName = `room-${++rooms}`
      const tag = { sessionName, peerKey: sessionName }
      return {
        host: async (wait) => kept(await network.loom().host({ sessionName, maxPeers }, wait)),
        join: async (wait) => kept(await network.loom().join(tag, wait)),
        rejoin: async (seam) => kept(await network.loom({ peerIdentity: testIdentity(seam.selfId) }).join(tag)),
      }
    },
    settle: (promise) => clock.run(promise, { limitMs: 120_000, graceMs: 20 }),
    quiet: () => clock.advance(10_000),
    capability: () => network.loom().capability(),
    loseLink: (a, b) => {
      network.cut(a.selfId, b.selfId)
      return Promise.resolve()
    },
    close: async () => {
      for (const seam of seams) await seam.close()
      network.heal()
      await clock.advance(10_000)
    },
  }
}
