import { InsecureContextError } from '../../base/errors.ts'
import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import { MeshLoom, type MeshLoomOptions, type WeaveMeans } from '../../mesh/mesh-loom.ts'
import type { RelayPolicy } from '../../mesh/mesh-steps.ts'
import { RelayedPresence } from '../../mesh/relay/relayed-presence.ts'
import { nativeLinks } from './native-links.ts'

/**
 * Seams over WebRTC: the links of the mesh are data channels. Bytes go from player to player; signalling
 * servers do no more than introduce them.
 */
export class WebRtcLoom extends MeshLoom {
  /** Throws a `TypeError` or `RangeError` for options that cannot work. Opens nothing. */
  constructor(options: WebRtcLoomOptions) {
    const { links, iceServers = DEFAULT_ICE_SERVERS, iceTransportPolicy, relay = 'fallback' } = options
    const driver = links ?? nativeLinks()
    super(options, {
      weave: () => ({ driver, ...(relay === 'never' ? {} : relayedWeave(relay)) }),
      iceServers: async () => (typeof iceServers === 'function' ? iceServers() : iceServers),
      iceTransportPolicy,
      roles: driver.sendsLossyApart === true ? ['webrtc', 'lossy'] : ['webrtc'],
      lacking: () => (links === undefined && relay !== 'always' ? lackingNative() : null),
    })
  }
}

export interface WebRtcLoomOptions extends MeshLoomOptions {
  /**
   * STUN and TURN servers; a function is asked before each link, and before a link looks for another path. Default {@link DEFAULT_ICE_SERVERS}.
   * `[]` finds peers of the same network only.
   */
  readonly iceServers?: RTCIceServer[] | (() => Promise<RTCIceServer[]>) | undefined
  readonly iceTransportPolicy?: RTCIceTransportPolicy | undefined
  /**
   * `fallback`: a peer that no direct link can be made with in 3 s is linked with through a third peer that is linked
   * with both, else through the signalling server, where that relays; sealed from end to end. Direct links go on being
   * tried, and one that stands takes over without a frame lost. This peer carries for others likewise, at most 1 MiB a
   * second, after its own. `always`: through the server alone. `never`: direct links alone, and nothing is carried for
   * others. Default `fallback`.
   */
  readonly relay?: RelayPolicy | undefined
  /** Default {@link nativeLinks}. */
  readonly links?: LinkDriver | undefined
}

/** One public STUN server, so that most home networks can be crossed. It learns the address of who asks, and nothing else. */
export const DEFAULT_ICE_SERVERS: RTCIceServer[] = [{ urls: 'stun:stun.l.google.com:19302' }]

function relayedWeave(relay: RelayPolicy): Pick<WeaveMeans, 'relay' | 'relayed' | 'presence'> {
  let presence: RelayedPresence | null = null
  return {
    relay,
    relayed: (link, at, events) => presence?.openPipe(link, at, events) ?? null,
    presence: (options) => (presence = new RelayedPresence(options, relay === 'always')),
  }
}

function lackingNative(): Error | null {
  if (typeof globalThis.RTCPeerConnection === 'function') return null
  if (globalThis.isSecureContext === false) {
    return new InsecureContextError(
      'this page is no secure context (it came over plain HTTP, and not from localhost), so the browser gives it no WebRTC: nothing was opened; serve the page over HTTPS, or open it from localhost',
    )
  }
  return new TypeError('this platform has no RTCPeerConnection: pass a link driver as the option links')
}
