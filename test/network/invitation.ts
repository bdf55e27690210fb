import { newRoomSecret, SignalTag } from '../../src/fabric/webrtc/index.ts'

/** The fragment of an address that leads to a room which nobody knows yet. */
export function newInvitation(): string {
  const tag = new SignalTag({ room: 'proof', secret: newRoomSecret() })
  return tag.toURL('http://localhost/').hash.slice(1)
}
