import { describeLaws } from '../../conformance/describe-laws.ts'
import { LAW_PAYLOAD_BYTES } from '../../conformance/law-payloads.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { LAWS_LOST_AFTER_MS, meshHarness } from '../../mesh/test-support/mesh-harness.ts'
import { SeverableLinks } from '../../mesh/test-support/severable-links.ts'
import { BroadcastChannelLoom, tabLinks } from './index.ts'

const harness = () =>
  meshHarness({
    loom: (peerIdentity) => {
      const links = new SeverableLinks(tabLinks())
      return {
        loom: new BroadcastChannelLoom({
          app: 'laws',
          maxPayloadBytes: LAW_PAYLOAD_BYTES,
          lostAfterMs: LAWS_LOST_AFTER_MS,
          peerIdentity,
          links,
        }),
        sever: () => links.sever(),
      }
    },
  })

describeLaws('BroadcastChannelLoom keeps the laws of seams', seamLaws, harness, { timeoutMs: 60_000 })
