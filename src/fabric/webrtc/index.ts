/**
 * WebRTC as a fabric: {@link WebRtcLoom} weaves, a {@link SignalTag} names what to join. It is a mesh
 * (`src/mesh`) whose links are data channels (`native-links.ts`).
 */
export { WebRtcLoom, DEFAULT_ICE_SERVERS, type WebRtcLoomOptions } from './webrtc-loom.ts'
export { SignalTag, TAG_BOUNDS, type SignalTagOptions } from '../../mesh/seal/signal-tag.ts'
export { newRoomSecret } from '../../mesh/seal/room-address.ts'
export { nativeLinks } from './native-links.ts'
export {
  CLOSE_BOUND_MS,
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkEvents,
  type LinkOptions,
} from '../../mesh/link/link-driver.ts'
export type { Fingerprints, RefusalReason } from '../../mesh/link/link-handshake.ts'
export type { ServerHealth, SignallingStatus } from '../../mesh/presence/presence.ts'
export type { SignalServerEntry } from '../../mesh/presence/room-presence.ts'
export type { RoomTrust } from '../../mesh/seal/seal-key.ts'
export type { SealGate } from '../../mesh/seal/signal-seal.ts'
export type { LinkRoute, LinkStage, LinkStatus } from '../../mesh/link/link-status.ts'
export type { MeshDiagnostics } from '../../mesh/mesh-seam.ts'
