import { describeLaws } from '../conformance/describe-laws.ts'
import { inMemoryHarness } from '../conformance/in-memory-harness.ts'
import type { SeamHarness } from '../conformance/seam-harness.ts'
import { seamLaws } from '../conformance/seam-laws.ts'
import { simulatedHarness } from '../conformance/simulated-harness.ts'
import { seededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { Seam, WaitOptions } from './contract.ts'
import { keepConnected } from './keep-connected.ts'

describeLaws('a kept seam over InMemoryLoom keeps the laws of seams', seamLaws, () => kept(inMemoryHarness), {
  gaps: { 'SEAM-42': 'memory has no link that could be lost without a goodbye' },
})

describeLaws('a kept seam over a simulated network keeps the laws of seams', seamLaws, () =>
  kept((clock) => simulatedHarness({ seed: 1, latencyMs: 20, jitterMs: 10 }, clock)),
)

/** The seams of a harness, each kept connected by the way it was made. */
function kept(harnessOn: (clock: VirtualClock) => SeamHarness): SeamHarness {
  const clock = new VirtualClock()
  const random = seededRandom(1)
  const inner = harnessOn(clock)
  const keep = (join: (wait?: WaitOptions) => Promise<Seam>, wait: WaitOptions = {}): Promise<Seam> =>
    keepConnected({ join: (_, attempt) => join(attempt) }, { ...wait, endpoints: ['the room'], clock, random })
  return {
    ...inner,
    room: (options) => {
      const room = inner.room(options)
      return {
        host: (wait) => keep(room.host, wait),
        join: (wait) => keep(room.join, wait),
        rejoin: (seam) => keep(() => room.rejoin(seam)),
      }
    },
  }
}
