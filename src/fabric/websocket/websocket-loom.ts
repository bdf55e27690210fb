import { MeshLoom, type MeshLoomOptions, type WeaveMeans } from '../../mesh/mesh-loom.ts'
import { RelayedPresence } from '../../mesh/relay/relayed-presence.ts'
import { sealedLinks } from '../../mesh/relay/sealed-links.ts'

/**
 * Seams without WebRTC: the links of the mesh go through the signalling server that introduced their ends,
 * encrypted from end to end. For Node programs, and for pages that may not open a peer connection. It costs
 * the server every byte, and each of them a way through it; a server that is lost interrupts all links until
 * the next one is attached to. A room of these peers is none for peers of a `WebRtcLoom`, unless those relay.
 */
export class WebSocketLoom extends MeshLoom {
  /**
   * Throws a `TypeError` or `RangeError` for options that cannot work. Opens nothing. Node before 22 has no
   * WebSocket of its own: pass that of the package `ws` as `WebSocket`.
   */
  constructor(options: WebSocketLoomOptions) {
    super(options, {
      weave: relayedWeave,
      roles: ['websocket', 'relay'],
      lacking: () => (options.WebSocket === undefined ? lackingWebSocket() : null),
    })
  }
}

export interface WebSocketLoomOptions extends MeshLoomOptions {}

function relayedWeave(): WeaveMeans {
  let presence: RelayedPresence | null = null
  return {
    driver: sealedLinks((link, at, events) => presence?.openPipe(link, at, events) ?? null),
    presence: (options) => (presence = new RelayedPresence(options, true)),
  }
}

function lackingWebSocket(): Error | null {
  if (typeof globalThis.WebSocket === 'function') return null
  return new TypeError(
    'this platform has no WebSocket: pass one as the option WebSocket, for Node that of the package ws',
  )
}
