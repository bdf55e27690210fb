import { inject } from 'vitest'
import { describeLaws } from '../../conformance/describe-laws.ts'
import { LAW_PAYLOAD_BYTES } from '../../conformance/law-payloads.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { LAWS_LOST_AFTER_MS, meshHarness } from '../../mesh/test-support/mesh-harness.ts'
import { SeverableLinks } from '../../mesh/test-support/severable-links.ts'
import { WebRtcLoom } from '../webrtc/index.ts'
import { simplePeerLinks } from './index.ts'

const harness = () =>
  meshHarness({
    loom: (peerIdentity) => {
      const links = new SeverableLinks(simplePeerLinks())
      const servers = inject('signalServers')
      return {
        loom: new WebRtcLoom({
          app: 'laws',
          maxPayloadBytes: LAW_PAYLOAD_BYTES,
          servers,
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

describeLaws('WebRtcLoom over simple-peer keeps the laws of seams', seamLaws, harness, { timeoutMs: 60_000 })
