import type { Loom, PeerIdentity } from 'selvage'
import { type SignalTag, WebRtcLoom } from 'selvage/webrtc'
import type { Settings } from './settings.ts'

/** What carries frames between the browsers, as `?fabric=` in the address says. */
export type Fabric = keyof typeof FABRICS

/** Every loom that makes a mesh is one. */
export type DemoLoom = Loom<SignalTag> & Pick<WebRtcLoom, 'reopen' | 'signalling' | 'servers' | 'links'>

/** Each but the first is loaded only where the address asks for it. */
const FABRICS = {
  webrtc: async (options: FabricOptions): Promise<DemoLoom> => new WebRtcLoom(options),
  'simple-peer': async (options: FabricOptions): Promise<DemoLoom> => {
    const { simplePeerLinks } = await import('selvage/simple-peer')
    return new WebRtcLoom({ ...options, links: simplePeerLinks() })
  },
  peerjs: async (options: FabricOptions): Promise<DemoLoom> => {
    const { PeerJsLoom } = await import('selvage/peerjs')
    return new PeerJsLoom(options)
  },
  websocket: async ({ app, servers, peerIdentity, lostAfterMs }: FabricOptions): Promise<DemoLoom> => {
    const { WebSocketLoom } = await import('selvage/websocket')
    return new WebSocketLoom({ app, servers, peerIdentity, lostAfterMs })
  },
  'broadcast-channel': async ({ app, peerIdentity, lostAfterMs }: FabricOptions): Promise<DemoLoom> => {
    const { BroadcastChannelLoom } = await import('selvage/broadcast-channel')
    return new BroadcastChannelLoom({ app, peerIdentity, lostAfterMs })
  },
}

/** Those that work in a browser without WebRTC. */
export const WITHOUT_WEBRTC: ReadonlySet<Fabric> = new Set<Fabric>(['websocket', 'broadcast-channel'])

export const FABRIC_NAMES: readonly string[] = Object.keys(FABRICS)

/** WebRTC where the address asks for none; `null` where it asks for one that there is not. */
export function fabricIn(address: URL): Fabric | null {
  const asked = address.searchParams.get('fabric') ?? 'webrtc'
  return isFabric(asked) ? asked : null
}

export function loomOf(app: string, settings: Settings, peerIdentity: PeerIdentity): Promise<DemoLoom> {
  const { fabric, servers, iceServers, iceTransportPolicy } = settings
  return FABRICS[fabric]({ app, servers, peerIdentity, iceServers, iceTransportPolicy, lostAfterMs: LOST_AFTER_MS })
}

/** How long who is out of reach stays listed. The library's own default, named because the pages count it down. */
export const LOST_AFTER_MS = 15_000

interface FabricOptions {
  readonly app: string
  readonly servers: readonly string[]
  readonly peerIdentity: PeerIdentity
  readonly iceServers: RTCIceServer[] | undefined
  readonly iceTransportPolicy: RTCIceTransportPolicy
  readonly lostAfterMs: number
}

function isFabric(name: string): name is Fabric {
  return Object.hasOwn(FABRICS, name)
}
