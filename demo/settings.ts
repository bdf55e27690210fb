import { type Fabric, fabricIn } from './fabric.ts'

/** What the page's address sets; all of it can be left out. */
export interface Settings {
  /** What carries frames. Default, and for one that there is not: WebRTC. `?fabric=peerjs` */
  readonly fabric: Fabric
  /**
   * Signalling servers, the first preferred. Default: the one that serves the page; for peerjs, whose servers are
   * PeerServers, its public one. `?servers=url,url`
   */
  readonly servers: readonly string[]
  /** `undefined`: the library's public STUN server. `?stun=off` keeps everything on the local network. */
  readonly iceServers: RTCIceServer[] | undefined
  /** Default: any path. `?path=turn`: through TURN servers alone, so that without any no direct link forms. */
  readonly iceTransportPolicy: RTCIceTransportPolicy
  /** How long the place of who is away is held, milliseconds; `undefined`: the library's default. `?window=20`, in seconds. */
  readonly windowMs: number | undefined
}

/** Invitations never choose servers: a link uses those of the page that opens it. */
export function settingsOf(address: URL): Settings {
  const listed = (address.searchParams.get('servers') ?? '').split(',').filter((url) => /^wss?:\/\//.test(url))
  const windowS = Number(address.searchParams.get('window') ?? Number.NaN)
  const fabric = fabricIn(address) ?? 'webrtc'
  const own = fabric === 'peerjs' ? PUBLIC_PEER_SERVER : ownServer(address)
  return {
    fabric,
    servers: listed.length > 0 ? listed : [own],
    iceServers: address.searchParams.get('stun') === 'off' ? [] : undefined,
    iceTransportPolicy: address.searchParams.get('path') === 'turn' ? 'relay' : 'all',
    windowMs: windowS >= 1 && windowS <= 3600 ? windowS * 1000 : undefined,
  }
}

const PUBLIC_PEER_SERVER = 'wss://0.peerjs.com/'

/** The development server mounts a signalling server beside the page. */
function ownServer(address: URL): string {
  const scheme = address.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${address.host}/signal`
}
