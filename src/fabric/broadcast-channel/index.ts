/**
 * Tabs of one browser as a fabric, without a server and without WebRTC: {@link BroadcastChannelLoom} weaves, a
 * {@link SignalTag} names what to join. It is a mesh (`src/mesh`) whose room is kept by Web Locks
 * (`tab-presence.ts`) and whose links are BroadcastChannels (`tab-links.ts`).
 */
export { BroadcastChannelLoom, type BroadcastChannelLoomOptions } from './broadcast-channel-loom.ts'
export { tabLinks } from './tab-links.ts'
export { SignalTag, TAG_BOUNDS, type SignalTagOptions } from '../../mesh/seal/signal-tag.ts'
export { newRoomSecret } from '../../mesh/seal/room-address.ts'
