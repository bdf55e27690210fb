/**
 * WebRTC as a fabric: {@link WebRtcLoom} weaves, a {@link SignalTag} names what to join. Read on in
 * `webrtc-seam.ts`, which puts together what the other files decide and carry: presence in a room
 * (`room-presence.ts`), who is linked with whom (`mesh.ts`), and one link from its first signal to its
 * last word (`peer-link.ts`, `link-handshake.ts`, `link-frames.ts`) over a driver (`link-driver.ts`).
 */
export { WebRtcLoom, DEFAULT_ICE_SERVERS, type WebRtcLoomOptions } from './webrtc-loom.ts'
export { SignalTag, TAG_BOUNDS, type SignalTagOptions } from './signal-tag.ts'
export { newRoomSecret } from './room-address.ts'
export { nativeLinks } from './native-links.ts'
export {
  CLOSE_BOUND_MS,
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkEvents,
  type LinkOptions,
} from './link-driver.ts'
export type { Fingerprints, RefusalReason } from './link-handshake.ts'
export type { LinkStage } from './mesh.ts'
export type { SignallingStatus, SignalServerEntry } from './room-presence.ts'
export type { LinkStatus, WebRtcDiagnostics } from './webrtc-seam.ts'
