import { fabricIn, WITHOUT_WEBRTC } from './fabric.ts'

/** What keeps a page from connecting before it has tried. */
export type Obstacle = 'insecure' | 'unknown-fabric' | 'no-webrtc'

/** In this browser, for what the address asks. */
export function obstacleAt(address: URL): Obstacle | null {
  if (!isSecureContext) return 'insecure'
  const fabric = fabricIn(address)
  if (fabric === null) return 'unknown-fabric'
  return WITHOUT_WEBRTC.has(fabric) || 'RTCPeerConnection' in globalThis ? null : 'no-webrtc'
}
