import { inject } from 'vitest'
import { LAW_PAYLOAD_BYTES } from '../../../conformance/law-payloads.ts'
import type { SeamHarness } from '../../../conformance/seam-harness.ts'
import type { LinkDriver } from '../../../mesh/link/link-driver.ts'
import { LAWS_LOST_AFTER_MS, meshHarness } from '../../../mesh/test-support/mesh-harness.ts'
import { SeverableLinks } from '../../../mesh/test-support/severable-links.ts'
import { WebRtcLoom } from '../index.ts'

/** A {@link WebRtcLoom} whose links `driver` makes, introduced by a real signalling server. */
export function webRtcHarness(driver: LinkDriver): SeamHarness {
  return meshHarness({
    loom: (peerIdentity) => {
      const links = new SeverableLinks(driver)
      return {
        loom: new WebRtcLoom({
          app: 'laws',
          maxPayloadBytes: LAW_PAYLOAD_BYTES,
          servers: inject('signalServers'),
          iceServers: [],
          peerIdentity,
          lostAfterMs: LAWS_LOST_AFTER_MS,
          // A link that is severed stays so: the servers would go on to carry what the pair has to say.
          relay: 'never',
          links,
        }),
        sever: () => links.sever(),
      }
    },
  })
}
