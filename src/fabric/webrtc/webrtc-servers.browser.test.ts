import { afterEach, describe, expect, it } from 'vitest'
import { controlServers } from '../../../test/browser/control-servers.ts'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { until } from '../../base/observable.ts'
import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import type { PeerId, Seam } from '../../seam/contract.ts'
import { nativeLinks, WebRtcLoom, type LinkStatus } from './index.ts'

const seams: Seam[] = []

function member(servers: readonly string[], links: LinkDriver = nativeLinks()): WebRtcLoom {
  return new WebRtcLoom({ app: 'selvage tests', servers, iceServers: [], links })
}

async function kept(weaving: Promise<Seam>): Promise<Seam> {
  const seam = await weaving
  seams.push(seam)
  return seam
}

async function listing(size: number, ...all: Seam[]): Promise<void> {
  await Promise.all(
    all.map((seam) => until(seam.peers, (peers) => peers.size === size, { signal: AbortSignal.timeout(15_000) })),
  )
}

async function next(seam: Seam): Promise<string> {
  for await (const { payload } of seam.incoming) return fromUtf8(payload)
  throw new Error('the seam ended')
}

/** Native links that can be cut, each by its number. */
class CuttableLinks implements LinkDriver {
  readonly #native: LinkDriver = nativeLinks()
  readonly cuts: (() => void)[] = []

  open(options: Parameters<LinkDriver['open']>[0]): ReturnType<LinkDriver['open']> {
    const link = this.#native.open(options)
    this.cuts.push(() => {
      options.events.onClosed('cut')
      void link.close()
    })
    return link
  }
}

describe('WebRtcLoom and servers that die', () => {
  afterEach(async () => {
    await Promise.all(seams.splice(0).map((seam) => seam.close()))
  })

  it('[LIST-9] with every server dead a broken link is made again through a third peer, and nobody leaves', async () => {
    await using cluster = await controlServers(2)
    const links = new CuttableLinks()
    const host = member(cluster.urls, links)
    const a = await kept(host.host({ sessionName: 'oak' }))
    const b = await kept(member(cluster.urls).join(host.invite(a)))
    await listing(2, a, b)
    const c = await kept(member(cluster.urls).join(host.invite(a)))
    await listing(3, a, b, c)
    await Promise.all([cluster.kill(0), cluster.kill(1)])
    await until(host.signalling(a), ({ kind }) => kind === 'searching', { signal: AbortSignal.timeout(10_000) })
    const seen: number[] = []
    for (const seam of [a, b]) seam.peers.listen((peers) => seen.push(peers.size))
    const opened = links.cuts.length
    links.cuts[0]?.()
    await Promise.all([a.sendTo(b.selfId, utf8('to b')), b.sendTo(a.selfId, utf8('to a'))])
    expect([await next(b), await next(a)]).toEqual(['to b', 'to a'])
    // Meanwhile the third peer may have passed their frames on.
    const isDirectAgain = (all: ReadonlyMap<PeerId, LinkStatus>): boolean =>
      links.cuts.length > opened && all.get(b.selfId)?.route === 'direct'
    await until(host.links(a), isDirectAgain, { signal: AbortSignal.timeout(15_000) })
    expect(seen).toEqual([])
  }, 40_000)

  it('[LIST-4] the only server is killed and started again in mid-game: the same room is there, with all its members', async () => {
    await using cluster = await controlServers(1)
    const looms = [member(cluster.urls), member(cluster.urls), member(cluster.urls)] as const
    const a = await kept(looms[0].host({ sessionName: 'oak' }))
    const invite = looms[0].invite(a)
    const b = await kept(looms[1].join(invite))
    const c = await kept(looms[2].join(invite))
    await listing(3, a, b, c)
    await cluster.kill(0)
    const woven = [a, b, c].map((seam, i) => (looms[i] as WebRtcLoom).signalling(seam))
    const kind = (of: 'searching' | 'attached'): Promise<unknown> =>
      Promise.all(woven.map((status) => until(status, (s) => s.kind === of, { signal: AbortSignal.timeout(15_000) })))
    await kind('searching')
    await b.broadcast(utf8('still here'))
    expect([await next(a), await next(c)]).toEqual(['still here', 'still here'])
    await cluster.start(0)
    await kind('attached')
    expect(looms[0].servers(a).get()).toMatchObject([{ isAttached: true, failures: 0, lastError: null }])
    const late = await kept(member(cluster.urls).join(invite))
    await listing(4, a, b, c, late)
  }, 40_000)
})
