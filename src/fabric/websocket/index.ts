/**
 * Peers without WebRTC: {@link WebSocketLoom} weaves meshes whose links go through the signalling server,
 * sealed from end to end.
 */
export { WebSocketLoom, type WebSocketLoomOptions } from './websocket-loom.ts'
export { SignalTag, TAG_BOUNDS, type SignalTagOptions } from '../../mesh/seal/signal-tag.ts'
export type { SignallingStatus } from '../../mesh/presence/presence.ts'
export type { SignalServerEntry } from '../../mesh/presence/room-presence.ts'
export type { LinkStatus } from '../../mesh/link/link-status.ts'
export type { MeshDiagnostics } from '../../mesh/mesh-seam.ts'
