import { describe, expect, inject, it } from 'vitest'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { until } from '../../base/observable.ts'
import type { PeerIdentity, Seam } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import { WebRtcLoom } from './index.ts'

function loomOf(peerIdentity?: PeerIdentity): WebRtcLoom {
  return new WebRtcLoom({ app: 'crowd', servers: inject('signalServers'), iceServers: [], peerIdentity })
}

/** Each lists all of them, and hears `word` from each of the others. */
async function hearEachOther(all: readonly Seam[], word: string): Promise<void> {
  const ids = new Set(all.map(({ selfId }) => selfId))
  const hearing = all.map(async (seam) => {
    await until(seam.peers, (peers) => peers.size === ids.size && [...peers].every((peer) => ids.has(peer)))
    await seam.broadcast(utf8(word))
    const missing = new Set(ids)
    missing.delete(seam.selfId)
    for await (const { sender, payload } of seam.incoming) {
      if (fromUtf8(payload) === word) missing.delete(sender)
      if (missing.size === 0) return
    }
  })
  await Promise.all(hearing)
}

describe('WebRtcLoom with six peers', () => {
  it('[RTC-1] is a full mesh in which all hear all; one leaves, and comes back as the same peer', async () => {
    const first = loomOf()
    const host = await first.host({ sessionName: 'oak' })
    const tag = first.invite(host)
    const identity = await createPeerIdentity()
    const [leaver, ...rest] = await Promise.all([
      loomOf(identity).join(tag),
      ...Array.from({ length: 4 }, () => loomOf().join(tag)),
    ])
    const stayed = [host, ...rest]
    await hearEachOther([leaver, ...stayed], 'all six')
    await leaver.close()
    await hearEachOther(stayed, 'without one')
    const returned = await loomOf(identity).join(tag)
    expect(returned.selfId).toBe(leaver.selfId)
    await hearEachOther([returned, ...stayed], 'six again')
    await Promise.all([returned, ...stayed].map((seam) => seam.close()))
  }, 30_000)
})
