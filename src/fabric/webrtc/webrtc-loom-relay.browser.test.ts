import { describe, expect, inject, it, vi } from 'vitest'
import { until } from '../../base/observable.ts'
import type { Seam } from '../../seam/contract.ts'
import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import { nativeLinks, newRoomSecret, SignalTag, WebRtcLoom } from './index.ts'

describe('a pair that no direct link forms between', { timeout: 30_000 }, () => {
  it('[RELAY-20] meets through the server, sealed', async () => {
    // Relay candidates alone, and no TURN server to give any: no two of these can ever connect.
    const [host, joiner] = [loom({ iceTransportPolicy: 'relay' }), loom({ iceTransportPolicy: 'relay' })]
    const [a, b] = await meet(host, joiner)
    expect(routes(joiner, b)).toEqual(['relayed'])
    const payload = new Uint8Array(100_000).map((_, i) => i)
    await a.sendTo(b.selfId, payload.slice())
    const { value } = await b.incoming[Symbol.asyncIterator]().next()
    expect(value?.payload).toEqual(payload)
    await Promise.all([a.close(), b.close()])
  })

  it('[RELAY-21] is linked directly as soon as it can be, and no frame is lost or doubled', async () => {
    const gate = { open: false }
    const [host, joiner] = [loom({ links: gated(gate) }), loom({ links: gated(gate) })]
    const [a, b] = await meet(host, joiner)
    expect(routes(host, a)).toEqual(['relayed'])
    const [atA, atB] = [firstNumbersIn(a), firstNumbersIn(b)]
    gate.open = true
    const [sentByA, sentByB] = await Promise.all([count(host, a), count(joiner, b)])
    // Whoever closes first takes with it what is on its way to it.
    await vi.waitFor(() => expect([atA.length, atB.length]).toEqual([sentByB, sentByA]), { timeout: 10_000 })
    await Promise.all([a.close(), b.close()])
    for (const heard of [atA, atB]) expect(heard).toEqual(heard.map((_, i) => i))
  })
})

/** Sends numbers until fifty have gone over a direct link, and tells how many that were. */
async function count(own: WebRtcLoom, seam: Seam): Promise<number> {
  let [next, direct] = [0, 0]
  for (; direct < 50; next++) {
    const payload = new Uint8Array(3_000)
    new DataView(payload.buffer).setUint32(0, next)
    await seam.broadcast(payload)
    if (routes(own, seam)[0] === 'direct') direct++
    if (next % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return next
}

/** The list grows with what comes. */
function firstNumbersIn(seam: Seam): readonly number[] {
  const numbers: number[] = []
  void (async () => {
    for await (const { payload } of seam.incoming)
      numbers.push(new DataView(payload.buffer, payload.byteOffset).getUint32(0))
  })()
  return numbers
}

function routes(own: WebRtcLoom, seam: Seam): (string | null)[] {
  return [...own.links(seam).get().values()].map(({ route }) => route)
}

function loom(options: { iceTransportPolicy?: RTCIceTransportPolicy; links?: LinkDriver }): WebRtcLoom {
  return new WebRtcLoom({ app: 'relay', servers: inject('signalServers'), iceServers: [], ...options })
}

async function meet(host: WebRtcLoom, joiner: WebRtcLoom): Promise<[Seam, Seam]> {
  const roomKey = newRoomSecret()
  const a = await host.host({ sessionName: roomKey, roomKey })
  const b = await joiner.join(new SignalTag({ room: roomKey }))
  await until(a.peers, (peers) => peers.size === 2)
  return [a, b]
}

/** Native links that fail at once until the gate is open. */
function gated(gate: { open: boolean }): LinkDriver {
  const native = nativeLinks()
  return {
    open: (options) => {
      const link = native.open(options)
      if (!gate.open) queueMicrotask(() => void link.close().then(() => options.events.onClosed('the gate was shut')))
      return link
    },
  }
}
