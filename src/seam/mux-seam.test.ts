import { describe, expect, it } from 'vitest'
import type { Seam, Swatch } from './contract.ts'
import { InMemoryLoom } from '../fabric/memory/in-memory-loom.ts'
import { InMemoryTag } from '../fabric/memory/in-memory-tag.ts'
import { MuxSeam } from './mux-seam.ts'
import { NamedMux } from './named-mux.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

async function pair(): Promise<[Seam, Seam]> {
  const loom = new InMemoryLoom()
  return [await loom.host({ sessionName: 'mux' }), await loom.join(new InMemoryTag('second'))]
}

async function take(seam: Seam, count: number): Promise<Swatch[]> {
  const taken: Swatch[] = []
  for await (const swatch of seam.incoming) {
    taken.push(swatch)
    if (taken.length === count) break
  }
  return taken
}

describe('MuxSeam', () => {
  it('[MUX-1] carries frames of each channel to the same channel, before and after it is opened', async () => {
    const [a, b] = await pair()
    const [left, right] = [new MuxSeam(a), new MuxSeam(b)]
    await left.channel(7).broadcast(bytes(1))
    await left.channel(8).sendTo(b.selfId, bytes(2))
    await left.channel(7).broadcast(bytes(3))
    expect((await take(right.channel(7), 2)).map((s) => [...s.payload, s.sequence])).toEqual([
      [1, 1],
      [3, 2],
    ])
    expect((await take(right.channel(8), 1)).map((s) => [...s.payload])).toEqual([[2]])
  })

  it('[MUX-2] muxes stack on muxes', async () => {
    const [a, b] = await pair()
    const left = new NamedMux(new MuxSeam(a).channel(3))
    const right = new NamedMux(new MuxSeam(b).channel(3))
    await left.channel('chat').broadcast(bytes(0x68, 0x69))
    expect([...(await take(right.channel('chat'), 1))[0]!.payload]).toEqual([0x68, 0x69])
    await a.close()
    expect(left.channel('chat').state.get()).toEqual({ kind: 'torn', reason: { kind: 'normal' } })
    expect(right.channel('chat').peers.get()).toEqual(new Set([b.selfId]))
  })

  it('[MUX-12] detach gives the base back', async () => {
    const [a, b] = await pair()
    const first = new MuxSeam(b)
    expect(() => new MuxSeam(b)).toThrow('already being read')
    const view = first.channel(1)
    await first.detach()
    expect(view.state.get().kind).toBe('torn')
    expect(() => first.channel(1)).toThrow('detached')
    const second = new MuxSeam(b)
    await new MuxSeam(a).channel(1).broadcast(bytes(9))
    expect((await take(second.channel(1), 1)).map((s) => [...s.payload])).toEqual([[9]])
  })
})
