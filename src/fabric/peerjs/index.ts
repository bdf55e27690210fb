/**
 * Any PeerServer as the signalling server: {@link PeerJsLoom} weaves, a {@link PeerJsTag} names what to join. It
 * is a mesh (`src/mesh`) whose links are peerjs's data connections (`data-connection-links.ts`). A PeerServer has
 * no rooms: one of the members keeps the list of who is there (`peer-server-attachment.ts`).
 */
export { PeerJsLoom } from './peerjs-loom.ts'
export type { PeerJsLoomOptions } from './peerjs-means.ts'
export { PeerJsTag } from './peerjs-tag.ts'
export { newRoomSecret } from '../../mesh/seal/room-address.ts'
