import { describe, expect, it, vi } from 'vitest'
import type { Seam } from '../seam/contract.ts'
import type { NodeId } from './contract.ts'
import { type LinkBinding, type SeamTransport, seamTransport } from './seam-transport.ts'
import { Cluster } from './test-support/cluster.ts'

const frame = (...bytes: number[]): Uint8Array => Uint8Array.of(1, ...bytes)

interface Ends {
  readonly cluster: Cluster
  readonly a: SeamTransport
  readonly b: SeamTransport
  readonly seams: { readonly a: Seam; readonly b: Seam }
  readonly heard: { from: NodeId; bytes: number[] }[]
  readonly frames: Uint8Array[]
  readonly stop: () => Promise<void>
}

/** Two transports, both read; what `b` hears is kept. */
async function connect(
  bindingA?: LinkBinding,
  bindingB?: LinkBinding,
  onMismatch?: (peer: string) => void,
): Promise<Ends> {
  const cluster = new Cluster({ seed: 1, latencyMs: 5 })
  const seams = { a: await cluster.attach('a'), b: await cluster.attach('b') }
  const a = seamTransport(seams.a, { binding: bindingA })
  const b = seamTransport(seams.b, { binding: bindingB, onMismatch })
  const heard: Ends['heard'] = []
  const frames: Uint8Array[] = []
  const readA = a.incoming[Symbol.asyncIterator]()
  const readB = b.incoming[Symbol.asyncIterator]()
  void drain(readA, () => {})
  void drain(readB, ({ from, frame: bytes }) => {
    frames.push(bytes)
    heard.push({ from, bytes: [...bytes] })
  })
  await cluster.clock.advance(100)
  const stop = async (): Promise<void> => {
    await readA.return?.()
    await readB.return?.()
  }
  return { cluster, a, b, seams, heard, frames, stop }
}

async function drain<T>(iterator: AsyncIterator<T>, take: (item: T) => void): Promise<void> {
  for (;;) {
    const result = await iterator.next()
    if (result.done === true) return
    take(result.value)
  }
}

describe('seamTransport', () => {
  it("[RLINK-1] frames pass once both ends have bound to the same, and carry the link's word for the sender", async () => {
    const binding = { gameId: 'g', lineage: 'l' }
    const { cluster, a, b, heard } = await connect(binding, { ...binding })
    expect([...a.peers.get()]).toEqual(['b'])
    expect([...b.peers.get()]).toEqual(['a'])
    a.send('b', frame(1, 2))
    await cluster.clock.advance(50)
    expect(heard).toEqual([{ from: 'a', bytes: [1, 1, 2] }])
    await cluster.close()
  })

  it('[RLINK-1] without a binding both ends agree', async () => {
    const { cluster, a, heard } = await connect()
    a.send('b', frame(9))
    await cluster.clock.advance(50)
    expect(heard).toHaveLength(1)
    await cluster.close()
  })

  for (const [what, theirs] of [
    ['game', { gameId: 'other', lineage: 'l' }],
    ['lineage', { gameId: 'g', lineage: 'other' }],
  ] as const) {
    it(`[RLINK-2] nothing of another ${what} gets through, and the owner is told`, async () => {
      const told: string[] = []
      const { cluster, a, b, seams, heard } = await connect(theirs, { gameId: 'g', lineage: 'l' }, (peer) =>
        told.push(peer),
      )
      a.send('b', frame(1))
      expect(a.dropped.get('unreachable')).toBe(1)
      // Nor does a frame that comes all the same.
      void seams.a.sendTo('b', frame(1))
      await cluster.clock.advance(50)
      expect(heard).toEqual([])
      expect(told).toContain('a')
      expect(b.dropped.get('unbound')).toBe(1)
      await cluster.close()
    })
  }

  it('[RLINK-2] an owner that throws when told of a mismatch does not end the reading', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const { cluster, a, b, seams, heard } = await connect({ gameId: 'x', lineage: '' }, undefined, () => {
      throw new Error('an owner with a fault')
    })
    await a.close()
    const again = seamTransport(seams.a)
    void drain(again.incoming[Symbol.asyncIterator](), () => {})
    await cluster.clock.advance(50)
    again.send('b', frame(7))
    await cluster.clock.advance(50)
    vi.unstubAllGlobals()
    expect(reported).toHaveLength(2)
    expect(heard).toEqual([{ from: 'a', bytes: [1, 7] }])
    expect([...b.peers.get()]).toEqual(['a'])
    await cluster.close()
  })

  it('[RLINK-3] sending never throws: to a stranger, over the budget, on a torn seam, the frame is dropped and counted', async () => {
    const { cluster, a, seams } = await connect()
    a.send('nobody', frame(1))
    a.send('b', new Uint8Array((seams.a.maxPayloadBytes ?? 0) + 1).fill(1))
    expect(a.dropped.get('unreachable')).toBe(1)
    expect(a.dropped.get('over-budget')).toBe(1)
    await seams.a.close()
    a.send('b', frame(1))
    await cluster.clock.advance(10)
    expect(a.dropped.get('unreachable')).toBe(2)
    await cluster.close()
  })

  it('[RLINK-4] when reading ends the seam is free again, and a new transport over it is greeted anew', async () => {
    const { cluster, a, b, seams, stop } = await connect()
    await stop()
    expect(a.peers.get().size).toBe(0)
    const heard: number[] = []
    const again = { a: seamTransport(seams.a), b: seamTransport(seams.b) }
    void drain(again.b.incoming[Symbol.asyncIterator](), () => heard.push(1))
    void drain(again.a.incoming[Symbol.asyncIterator](), () => {})
    await cluster.clock.advance(50)
    again.a.send('b', frame(5))
    await cluster.clock.advance(50)
    expect(heard).toEqual([1])
    expect(b.peers.get().size).toBe(0)
    await cluster.close()
  })

  it('[RLINK-4] a transport made anew on one end alone is bound again', async () => {
    const { cluster, b, seams, heard, a } = await connect()
    await a.close()
    const again = seamTransport(seams.a)
    void drain(again.incoming[Symbol.asyncIterator](), () => {})
    await cluster.clock.advance(50)
    again.send('b', frame(6))
    await cluster.clock.advance(50)
    expect(heard).toEqual([{ from: 'a', bytes: [1, 6] }])
    expect([...b.peers.get()]).toEqual(['a'])
    await cluster.close()
  })

  it("[RLINK-6] a frame that is handed over shares no bytes with the seam's", async () => {
    const sent = frame(3)
    const { cluster, seams, frames } = await connect()
    void seams.a.sendTo('b', sent)
    await cluster.clock.advance(50)
    sent.fill(0)
    expect(frames.map((each) => [...each])).toEqual([[1, 3]])
    await cluster.close()
  })

  it('[RLINK-7] who watches hears of every frame that is dropped, until it stops', async () => {
    const { cluster, a, b, seams } = await connect()
    const heard: string[] = []
    const stops = [a, b].map((transport) =>
      transport.watchDrops?.((peer, reason) => heard.push(`${transport.selfId} ${peer} ${reason}`)),
    )
    a.send('b', new Uint8Array((seams.a.maxPayloadBytes ?? 0) + 1))
    void seams.a.sendTo('b', Uint8Array.of(0, 9))
    await cluster.clock.advance(50)
    for (const stop of stops) stop?.()
    a.send('nobody', frame(1))
    expect(heard).toEqual(['a b over-budget', 'b a malformed'])
    await cluster.close()
  })

  it('[RLINK-5] a binding frame that is malformed is dropped and counted', async () => {
    const { cluster, b, seams } = await connect()
    for (const bytes of [[0], [0, 2, 0, 0, 0], [0, 1, 7, 0, 0], [0, 1, 0, 200], [0, 1, 0, 0, 0, 0]]) {
      void seams.a.sendTo('b', Uint8Array.from(bytes))
    }
    await cluster.clock.advance(50)
    expect(b.dropped.get('malformed')).toBe(5)
    expect([...b.peers.get()]).toEqual(['a'])
    await cluster.close()
  })
})
