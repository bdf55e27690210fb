import { afterAll, beforeAll } from 'vitest'
import { WebSocket } from 'ws'
import { describeLaws } from '../../conformance/describe-laws.ts'
import { LAW_PAYLOAD_BYTES } from '../../conformance/law-payloads.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { LAWS_LOST_AFTER_MS, meshHarness } from '../../mesh/test-support/mesh-harness.ts'
import { SeverableSockets } from '../../mesh/test-support/severable-sockets.ts'
import { startSignalServer, type SignalServer } from '../../server/index.ts'
import { WebSocketLoom } from './index.ts'

let server: SignalServer

beforeAll(async () => {
  // The laws are about the fabric: waiting for the rate of a relay would only take time.
  const limits = { relayBytesPerSecond: 1_073_741_824, relayBurstBytes: 1_073_741_824 }
  server = await startSignalServer({ limits })
})

afterAll(() => server.close())

/** Through a real server, in Node. */
const harness = () =>
  meshHarness({
    loom: (peerIdentity) => {
      const sockets = new SeverableSockets(WebSocket)
      const loom = new WebSocketLoom({
        app: 'laws',
        maxPayloadBytes: LAW_PAYLOAD_BYTES,
        servers: [server?.url ?? 'ws://127.0.0.1:1'],
        peerIdentity,
        lostAfterMs: LAWS_LOST_AFTER_MS,
        WebSocket: sockets.WebSocket,
      })
      return { loom, sever: () => sockets.sever() }
    },
  })

describeLaws('WebSocketLoom keeps the laws of seams in Node', seamLaws, harness, { timeoutMs: 60_000 })
