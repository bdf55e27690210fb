import { describe, expect, it } from 'vitest'
import { controlServers } from '../../../test/browser/control-servers.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import { until } from '../../base/observable.ts'
import type { PeerId, Seam } from '../../seam/contract.ts'
import { nativeLinks, WebRtcLoom, type LinkStatus } from './index.ts'

/** Native links that can be broken, and not made again, with one peer. */
class DeniableLinks implements LinkDriver {
  readonly #native: LinkDriver = nativeLinks()
  readonly #cuts: Map<PeerId, (() => void)[]> = new Map()
  #denied: PeerId | null = null

  open(options: Parameters<LinkDriver['open']>[0]): ReturnType<LinkDriver['open']> {
    const link = this.#native.open(options)
    const { peer } = options.at
    const cuts = this.#cuts.get(peer) ?? []
    const cut = (): void => void link.close().then(() => options.events.onClosed('no path leads there'))
    cuts.push(cut)
    this.#cuts.set(peer, cuts)
    if (peer === this.#denied) queueMicrotask(cut)
    return link
  }

  deny(peer: PeerId): void {
    this.#denied = peer
    for (const cut of this.#cuts.get(peer) ?? []) cut()
  }
}

function loomOn(servers: readonly string[], links: LinkDriver): WebRtcLoom {
  return new WebRtcLoom({ app: 'selvage tests', servers, iceServers: [], links })
}

function within(ms: number): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) }
}

async function next(seam: Seam): Promise<Uint8Array> {
  for await (const { payload } of seam.incoming) return payload
  throw new Error('the seam ended')
}

function statusOf(loom: WebRtcLoom, seam: Seam, peer: PeerId): LinkStatus | undefined {
  return loom.links(seam).get().get(peer)
}

describe('a pair that loses its direct path, and a third peer', { timeout: 40_000 }, () => {
  it('[HOP-1] [HOP-9] goes on through the third with every server dead: no frame is lost, and nobody leaves', async () => {
    await using cluster = await controlServers(1)
    const [atAda, atBen] = [new DeniableLinks(), new DeniableLinks()]
    const looms = [nativeLinks(), atAda, atBen].map((links) => loomOn(cluster.urls, links))
    const [host, adaLoom, benLoom] = looms as [WebRtcLoom, WebRtcLoom, WebRtcLoom]
    const cyd = await host.host({ sessionName: 'oak' })
    const ada = await adaLoom.join(host.invite(cyd))
    const ben = await benLoom.join(host.invite(cyd))
    await Promise.all([cyd, ada, ben].map((seam) => until(seam.peers, ({ size }) => size === 3, within(15_000))))
    const rosters: number[] = []
    for (const seam of [ada, ben]) seam.peers.listen(({ size }) => rosters.push(size))

    await cluster.kill(0)
    const payload = new Uint8Array(2_000_000).map((_, i) => i % 251)
    const sending = ada.sendTo(ben.selfId, payload.slice())
    atAda.deny(ben.selfId)
    atBen.deny(ada.selfId)
    const [heard] = await Promise.all([next(ben), sending])
    expect(equalBytes(heard, payload)).toBe(true)

    await until(adaLoom.links(ada), () => statusOf(adaLoom, ada, ben.selfId)?.via === cyd.selfId, within(15_000))
    await until(benLoom.links(ben), () => statusOf(benLoom, ben, ada.selfId)?.via === cyd.selfId, within(15_000))
    expect(statusOf(adaLoom, ada, ben.selfId)).toMatchObject({ state: 'connected', route: 'relayed' })
    const [answer] = await Promise.all([next(ada), ben.sendTo(ada.selfId, payload.slice(0, 500_000))])
    expect(equalBytes(answer, payload.subarray(0, 500_000))).toBe(true)
    expect(rosters).toEqual([])
    expect([...host.diagnostics(cyd).refusedHops]).toEqual([])
    await Promise.all([ada.close(), ben.close(), cyd.close()])
    expect([adaLoom.diagnostics(ada).openLinks, benLoom.diagnostics(ben).openLinks]).toEqual([0, 0])
  })
})
