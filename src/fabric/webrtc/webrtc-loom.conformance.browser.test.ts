import { expect, inject } from 'vitest'
import { sleep, withinMs } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { describeLaws } from '../../conformance/describe-laws.ts'
import type { SeamHarness } from '../../conformance/seam-harness.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import type { PeerIdentity, Seam } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import { SignalTag, WebRtcLoom, type Link, type LinkDriver, nativeLinks } from './index.ts'
import { newRoomSecret } from '../../mesh/room-address.ts'

describeLaws('WebRtcLoom keeps the laws of seams', seamLaws, webRtcHarness, { timeoutMs: 60_000 })

/** Each peer is a loom of its own, all in one page, introduced by a real signalling server. */
function webRtcHarness(): SeamHarness {
  const weaves: {
    readonly seam: Seam
    readonly loom: WebRtcLoom
    readonly identity: PeerIdentity
    readonly links: SeverableLinks
  }[] = []
  const weave = async (meet: (loom: WebRtcLoom) => Promise<Seam>, known?: PeerIdentity): Promise<Seam> => {
    const identity = known ?? (await createPeerIdentity())
    const links = new SeverableLinks()
    const loom = new WebRtcLoom({
      app: 'laws',
      servers: inject('signalServers'),
      iceServers: [],
      peerIdentity: identity,
      links,
    })
    const seam = await meet(loom)
    weaves.push({ seam, loom, identity, links })
    return seam
  }
  return {
    room: ({ maxPeers } = {}) => {
      const roomKey = newRoomSecret()
      const tag = new SignalTag({ room: roomKey })
      return {
        host: (wait) => weave((loom) => loom.host({ sessionName: 'laws', roomKey, maxPeers }, wait)),
        join: (wait) => weave((loom) => loom.join(tag, wait)),
        rejoin: (seam) => weave((loom) => loom.join(tag), weaves.find((known) => known.seam === seam)?.identity),
      }
    },
    settle: (promise) => withinMs(systemClock, 25_000, promise, () => new Error('nothing came within 25 s')),
    quiet: () => sleep(systemClock, 150),
    capability: () => new WebRtcLoom({ app: 'laws', servers: inject('signalServers') }).capability(),
    loseLink: async (a, b) => {
      for (const { seam, links } of weaves) if (seam === a || seam === b) links.sever()
    },
    close: async () => {
      await Promise.all(weaves.map(({ seam }) => seam.close()))
      for (const { seam, loom } of weaves) expect(loom.diagnostics(seam).openLinks).toBe(0)
    },
  }
}

/** Native links that can be cut: without a word, and for good. */
class SeverableLinks implements LinkDriver {
  readonly #open: Set<() => void> = new Set()
  #severed = false

  open(options: Parameters<LinkDriver['open']>[0]): Link {
    const { events } = options
    const link = nativeLinks().open({
      ...options,
      events: {
        onSignal: (body) => {
          if (!this.#severed) events.onSignal(body)
        },
        onOpen: () => events.onOpen(),
        onMessage: (bytes) => events.onMessage(bytes),
        onDrain: () => events.onDrain(),
        onPath: (path) => events.onPath(path),
        onClosed: (why) => events.onClosed(why),
      },
    })
    this.#open.add(() => {
      events.onClosed('cut')
      void link.close()
    })
    return link
  }

  sever(): void {
    this.#severed = true
    for (const cut of this.#open) cut()
  }
}
