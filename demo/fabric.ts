import type { PeerIdentity } from 'selvage'
import { WebRtcLoom } from 'selvage/webrtc'
import type { Settings } from './settings.ts'

/** What carries the game between the browsers, as `?fabric=` in the address says. */
export type Fabric = keyof typeof FABRICS

/** The part of a loom that the table needs; every loom that makes a mesh has it. */
export type TableLoom = Pick<WebRtcLoom, 'reopen' | 'join' | 'signalling' | 'links'>

/** Each but the first is loaded only where the address asks for it. */
const FABRICS = {
  webrtc: async (options: FabricOptions): Promise<TableLoom> => new WebRtcLoom(options),
  'simple-peer': async (options: FabricOptions): Promise<TableLoom> => {
    const { simplePeerLinks } = await import('selvage/simple-peer')
    return new WebRtcLoom({ ...options, links: simplePeerLinks() })
  },
  peerjs: async (options: FabricOptions): Promise<TableLoom> => {
    const { PeerJsLoom } = await import('selvage/peerjs')
    return new PeerJsLoom(options)
  },
  websocket: async ({ app, servers, peerIdentity }: FabricOptions): Promise<TableLoom> => {
    const { WebSocketLoom } = await import('selvage/websocket')
    return new WebSocketLoom({ app, servers, peerIdentity })
  },
  'broadcast-channel': async ({ app, peerIdentity }: FabricOptions): Promise<TableLoom> => {
    const { BroadcastChannelLoom } = await import('selvage/broadcast-channel')
    return new BroadcastChannelLoom({ app, peerIdentity })
  },
}

/** Those that work in a browser without WebRTC. */
export const WITHOUT_WEBRTC: ReadonlySet<Fabric> = new Set<Fabric>(['websocket', 'broadcast-channel'])

export function isFabric(name: string): name is Fabric {
  return Object.hasOwn(FABRICS, name)
}

export function loomOf(settings: Settings, peerIdentity: PeerIdentity): Promise<TableLoom> {
  const { fabric, servers, iceServers, iceTransportPolicy } = settings
  return FABRICS[fabric]({ app: 'selvage tic-tac-toe', servers, peerIdentity, iceServers, iceTransportPolicy })
}

interface FabricOptions {
  readonly app: string
  readonly servers: readonly string[]
  readonly peerIdentity: PeerIdentity
  readonly iceServers: RTCIceServer[] | undefined
  readonly iceTransportPolicy: RTCIceTransportPolicy
}
