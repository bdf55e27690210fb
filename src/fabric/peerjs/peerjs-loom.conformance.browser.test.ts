import { inject } from 'vitest'
import { describeLaws } from '../../conformance/describe-laws.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { MeshLoom } from '../../mesh/mesh-loom.ts'
import { LAWS_LOST_AFTER_MS, meshHarness } from '../../mesh/test-support/mesh-harness.ts'
import { SeverableLinks } from '../../mesh/test-support/severable-links.ts'
import { peerJsMeans } from './peerjs-means.ts'

/** Introduced by a real PeerServer. What {@link PeerJsLoom} is made of, with links that can be cut. */
const harness = () =>
  meshHarness({
    loom: (peerIdentity) => {
      const cuts: (() => void)[] = []
      const options = {
        app: 'laws',
        servers: [inject('peerServer')],
        iceServers: [],
        peerIdentity,
        lostAfterMs: LAWS_LOST_AFTER_MS,
      }
      const means = peerJsMeans(options, (driver) => {
        const links = new SeverableLinks(driver)
        cuts.push(() => links.sever())
        return links
      })
      return { loom: new MeshLoom(options, means), sever: () => cuts.forEach((cut) => cut()) }
    },
    quietMs: 300,
  })

describeLaws('PeerJsLoom keeps the laws of seams', seamLaws, harness, { timeoutMs: 60_000 })
