import { describe, expect, it } from 'vitest'
import { SignalTag, WebRtcLoom } from '../fabric/webrtc/index.ts'
import { createPeerIdentity } from '../seam/peer-identity.ts'
import { seededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { openAttachment } from '../signal/signal-client.ts'
import { CALLS_BURST } from './presence/call-limits.ts'
import { encodeEnvelope, newLinkId } from './presence/link-envelope.ts'
import { newRoomSecret, privateRoomAddress } from './seal/room-address.ts'
import { sealKeyOf } from './seal/seal-key.ts'
import { SignalSeal } from './seal/signal-seal.ts'
import { VirtualLinks } from './test-support/virtual-links.ts'
import { VirtualSignalServers } from './test-support/virtual-signal-servers.ts'

const URL = 'ws://one.example/'

describe('a hostile member', () => {
  it('[LINK-11] cannot make others open links as often as it can write to them', async () => {
    const clock = new VirtualClock()
    const { WebSocket } = new VirtualSignalServers(clock, [URL])
    const links = new VirtualLinks(clock)
    let opened = 0
    const { open } = links.driver()
    const driver = { open: (options: Parameters<typeof open>[0]) => (opened++, open(options)) }
    const random = seededRandom(7)
    const loom = (): WebRtcLoom =>
      new WebRtcLoom({ app: 'tests', servers: [URL], iceServers: [], links: driver, WebSocket, clock, random })
    const tag = new SignalTag({ room: 'oak', secret: newRoomSecret() })
    const host = loom()
    const seam = await clock.run(host.reopen(tag))

    const identity = await createPeerIdentity()
    const at = { peer: identity.id, session: newLinkId() }
    const [room, key] = await Promise.all([privateRoomAddress('tests', tag.secret as string), sealKeyOf('tests', tag)])
    const attaching = openAttachment({
      ...{ url: URL, room, ...at, sessionSecret: newLinkId(), create: 'no', maxPeers: undefined, clock, WebSocket },
      handlers: {},
    })
    const attachment = await clock.run(attaching)
    const [victim] = attachment.peers
    if (victim === undefined) throw new Error('the host is not there')
    const seal = new SignalSeal({
      ...{ key, room, identity, session: at.session, clock },
      events: { onSealed: (to, text) => attachment.send(to, text), onOpened: () => {}, onUnsent: () => {} },
    })
    // One signal each, in less time than it takes to be allowed another call.
    for (let i = 0; i < 100; i++) {
      seal.seal(victim, encodeEnvelope({ opens: true, link: newLinkId(), body: 'nonsense' }))
      await clock.advance(2)
    }
    expect(opened).toBe(CALLS_BURST)
    expect(host.diagnostics(seam)).toMatchObject({ refusedCalls: 100 - CALLS_BURST, refusedSignals: new Map() })
    expect(host.diagnostics(seam).openLinks).toBeLessThanOrEqual(1)

    const friend = await clock.run(loom().join(tag))
    expect(friend.peers.get().has(seam.selfId)).toBe(true)
    attachment.close()
    await Promise.all([clock.run(friend.close()), clock.run(seam.close())])
  })
})
