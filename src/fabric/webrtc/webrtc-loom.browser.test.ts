import { afterEach, describe, expect, inject, it } from 'vitest'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { until } from '../../base/observable.ts'
import type { Seam, Swatch } from '../../seam/contract.ts'
import { SignalTag, WebRtcLoom, type WebRtcLoomOptions } from './index.ts'

const servers = inject('signalServers')
const open: Seam[] = []

function loomOf(options: Partial<WebRtcLoomOptions> = {}): WebRtcLoom {
  return new WebRtcLoom({ app: 'selvage tests', servers, iceServers: [], ...options })
}

function kept(seam: Seam): Seam {
  open.push(seam)
  return seam
}

async function listed(seam: Seam, size: number): Promise<void> {
  await until(seam.peers, (peers) => peers.size === size, { signal: AbortSignal.timeout(10_000) })
}

async function next(seam: Seam): Promise<Swatch> {
  for await (const swatch of seam.incoming) return swatch
  throw new Error('the seam ended')
}

describe('WebRtcLoom', () => {
  afterEach(() => Promise.all(open.splice(0).map((seam) => seam.close())))

  it('two peers meet by invite and exchange frames', async () => {
    const [a, b] = [loomOf(), loomOf()]
    const host = kept(await a.host({ sessionName: 'oak' }))
    const joiner = kept(await b.join(SignalTag.fromURL(a.invite(host).toURL(location.href))))
    await listed(host, 2)
    expect([...joiner.peers.get()].sort()).toEqual([...host.peers.get()].sort())
    await joiner.broadcast(utf8('hello'))
    const swatch = await next(host)
    expect([fromUtf8(swatch.payload), swatch.sender, swatch.sequence]).toEqual(['hello', joiner.selfId, 1])
    await host.sendTo(joiner.selfId, utf8('hi'))
    expect(fromUtf8((await next(joiner)).payload)).toBe('hi')
    await host.close()
    await listed(joiner, 1)
  })
})
