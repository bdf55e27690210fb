import { inject } from 'vitest'
import { describeLaws } from '../../conformance/describe-laws.ts'
import { LAW_PAYLOAD_BYTES } from '../../conformance/law-payloads.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { LAWS_LOST_AFTER_MS, meshHarness } from '../../mesh/test-support/mesh-harness.ts'
import { SeverableSockets } from '../../mesh/test-support/severable-sockets.ts'
import { WebSocketLoom } from './index.ts'

/** Through a real server, in a page. */
const harness = () =>
  meshHarness({
    // Each window of bytes takes a way through the server and back.
    quietMs: 500,
    loom: (peerIdentity) => {
      const sockets = new SeverableSockets(WebSocket)
      const servers = inject('signalServers')
      return {
        loom: new WebSocketLoom({
          app: 'laws',
          maxPayloadBytes: LAW_PAYLOAD_BYTES,
          servers,
          peerIdentity,
          lostAfterMs: LAWS_LOST_AFTER_MS,
          WebSocket: sockets.WebSocket,
        }),
        sever: () => sockets.sever(),
      }
    },
  })

describeLaws('WebSocketLoom keeps the laws of seams in a page', seamLaws, harness, { timeoutMs: 60_000 })
