import { inject } from 'vitest'
import { sleep, withinMs } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { describeLaws } from '../conformance/describe-laws.ts'
import type { RoomHarness } from '../conformance/room/room-harness.ts'
import { roomLaws } from '../conformance/room/room-laws.ts'
import { roomsOver } from '../conformance/room/rooms-over.ts'
import { newRoomSecret } from '../mesh/seal/room-address.ts'
import { SignalTag, WebRtcLoom } from '../fabric/webrtc/index.ts'
import type { Loom } from '../seam/contract.ts'
import { createPeerIdentity } from '../seam/peer-identity.ts'

describeLaws('SeamRoom over WebRTC keeps the laws of rooms', roomLaws, webRtcRooms, { timeoutMs: 90_000 })

/** Each peer is a loom of its own with a real key, all in one page, introduced by a real signalling server. */
function webRtcRooms(): RoomHarness {
  return roomsOver({
    clock: systemClock,
    timing: { intervalMs: 250, maxTimeoutMs: 1_000, windowMs: 2_500, admitTimeoutMs: 5_000, resumeTimeoutMs: 2_000 },
    identity: () => createPeerIdentity(),
    session: () => {
      const roomKey = newRoomSecret()
      const tag = new SignalTag({ room: roomKey })
      return {
        tag,
        loom: (peerIdentity) => {
          const loom = new WebRtcLoom({ app: 'laws', servers: inject('signalServers'), iceServers: [], peerIdentity })
          const anyTag: Pick<Loom, 'host' | 'join' | 'weave'> = {
            host: (pattern, options) => loom.host({ ...pattern, roomKey }, options),
            join: (_tag, options) => loom.join(tag, options),
            weave: () => Promise.reject(new TypeError('rooms host and join')),
          }
          return { ...anyTag, capability: () => loom.capability(), availability: () => loom.availability() }
        },
      }
    },
    settle: (promise) => withinMs(systemClock, 30_000, promise, () => new Error('nothing came within 30 s')),
    elapse: (ms) => sleep(systemClock, ms),
  })
}
