import { InMemoryLoom, InMemoryTag } from '../fabric/memory/index.ts'
import type { Seam } from '../seam/contract.ts'
import { testIdentity } from '../sim/test-identity.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { SeamHarness } from './seam-harness.ts'

/** The reference fabric under the laws of seams. Nothing in it takes time, so a bound is a few turns of the event loop. */
export function inMemoryHarness(clock: VirtualClock = new VirtualClock()): SeamHarness {
  const seams: Seam[] = []
  const kept = (seam: Seam): Seam => {
    seams.push(seam)
    return seam
  }
  return {
    room: ({ maxPeers } = {}) => {
      const mesh = new InMemoryLoom()
      const sessionName = 'room'
      let members = 0
      const next = (): InMemoryLoom => mesh.as(testIdentity(`member-${++members}`))
      return {
        host: async (options) => kept(await next().host({ sessionName, maxPeers }, options)),
        join: async (options) => kept(await next().join(new InMemoryTag(`tag-${members}`), options)),
        rejoin: async (seam) => kept(await mesh.as(testIdentity(seam.selfId)).join(new InMemoryTag('again'))),
      }
    },
    settle: (promise) => clock.run(promise, { graceMs: 20 }),
    quiet: () => clock.advance(0),
    capability: () => new InMemoryLoom().capability(),
    close: async () => {
      for (const seam of seams) await seam.close()
    },
  }
}
