import type { Seam } from 'selvage'
import { SignalTag, WebRtcLoom } from 'selvage/webrtc'
import { type Line, type Opened, sharedNow, type Subject } from '../line.ts'

/** A seam of `WebRtcLoom`, introduced by the signalling server that serves this page. */
export const webRtcSeam: Subject = {
  name: 'seam',
  async answer(meeting) {
    const loom = newLoom()
    const seam = await loom.host({ sessionName: meeting, maxPeers: 2 })
    const invitation = loom.invite(seam).toURL(location.href).href
    return { opened: firstPeer(loom, seam), invitation }
  },
  async call(_meeting, invitation) {
    const seam = await newLoom().join(SignalTag.fromURL(invitation))
    return { line: lineOver(seam), offeredAt: null, openAt: sharedNow() }
  },
}

function newLoom(): WebRtcLoom {
  const server = new URL('/signal', location.href)
  server.protocol = 'ws:'
  return new WebRtcLoom({ app: 'selvage-bench', servers: [server.href], iceServers: [] })
}

/** The offer begins when the host first hears of the joiner: both are attached by then. */
function firstPeer(loom: WebRtcLoom, seam: Seam): Promise<Opened> {
  let offeredAt: number | null = null
  loom.links(seam).subscribe((links) => {
    if (links.size > 0) offeredAt ??= sharedNow()
  })
  return new Promise((resolve) => {
    const stop = seam.peers.listen((peers) => {
      if (peers.size < 2) return
      stop()
      resolve({ line: lineOver(seam), offeredAt, openAt: sharedNow() })
    })
  })
}

function lineOver(seam: Seam): Line {
  const peer = [...seam.peers.get()].find((id) => id !== seam.selfId)
  if (peer === undefined) throw new Error('the seam has no peer to send to')
  const line: Line = {
    onFrame: () => {},
    send: (frame) => seam.sendTo(peer, frame),
    close: () => seam.close(),
  }
  void deliver(seam, line)
  return line
}

async function deliver(seam: Seam, line: Line): Promise<void> {
  for await (const swatch of seam.incoming) line.onFrame(swatch.payload)
}
