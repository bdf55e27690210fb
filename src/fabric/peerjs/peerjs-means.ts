import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import type { MeshLoomOptions, MeshMeans } from '../../mesh/mesh-loom.ts'
import { RoomPresence } from '../../mesh/presence/room-presence.ts'
import { dataConnectionLinks } from './data-connection-links.ts'
import { PeerDesk } from './peer-desk.ts'
import { attachToPeerServer } from './peer-server-attachment.ts'

/** What a mesh over PeerServers stands on; `links` may put something around its links. */
export function peerJsMeans(
  { iceServers = [], iceTransportPolicy }: PeerJsLoomOptions,
  links: (driver: LinkDriver) => LinkDriver = (driver) => driver,
): MeshMeans {
  return {
    weave: () => {
      const desk = new PeerDesk()
      return {
        driver: links(dataConnectionLinks(desk)),
        presence: (presence) => new RoomPresence({ ...presence, attach: (attach) => attachToPeerServer(attach, desk) }),
      }
    },
    iceServers: async () => (typeof iceServers === 'function' ? iceServers() : iceServers),
    iceTransportPolicy,
    roles: ['webrtc', 'peerjs'],
    lacking: () =>
      typeof globalThis.RTCPeerConnection === 'function'
        ? null
        : new TypeError('this platform has no RTCPeerConnection: take another fabric'),
  }
}

export interface PeerJsLoomOptions extends Omit<MeshLoomOptions, 'WebSocket'> {
  /** STUN and TURN servers; a function is asked before each link. Default: none, which finds peers of the same network only. */
  readonly iceServers?: RTCIceServer[] | (() => Promise<RTCIceServer[]>) | undefined
  readonly iceTransportPolicy?: RTCIceTransportPolicy | undefined
}
