import { describeLaws } from '../../conformance/describe-laws.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { meshHarness } from '../../mesh/test-support/mesh-harness.ts'
import { SeverableLinks } from '../../mesh/test-support/severable-links.ts'
import { BroadcastChannelLoom, tabLinks } from './index.ts'

const harness = () =>
  meshHarness({
    loom: (peerIdentity) => {
      const links = new SeverableLinks(tabLinks())
      return { loom: new BroadcastChannelLoom({ app: 'laws', peerIdentity, links }), sever: () => links.sever() }
    },
  })

describeLaws('BroadcastChannelLoom keeps the laws of seams', seamLaws, harness, { timeoutMs: 60_000 })
