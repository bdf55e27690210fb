import { describe, expect, it } from 'vitest'
import type { Seam } from '../seam/contract.ts'
import { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-network.ts'
import { testIdentity } from './test-identity.ts'
import { VirtualClock } from './virtual-clock.ts'

const room = { sessionName: 'room', peerKey: 'room' }

function network(faults: Partial<SimulatedNetworkOptions> = {}): SimulatedNetwork {
  return new SimulatedNetwork({ clock: new VirtualClock(), seed: 1, ...faults })
}

async function meet(net: SimulatedNetwork, count: number): Promise<Seam[]> {
  const seams = [await net.clock.run(net.loom().host(room))]
  while (seams.length < count) seams.push(await net.clock.run(net.loom().join(room)))
  await net.clock.advance(1000)
  return seams
}

/** Numbers in the payloads of what has arrived, as they came. */
function collect(seam: Seam): number[] {
  const seen: number[] = []
  void (async () => {
    for await (const { payload } of seam.incoming) seen.push(new DataView(payload.buffer).getUint32(0))
  })()
  return seen
}

function numbered(value: number): Uint8Array {
  const payload = new Uint8Array(4)
  new DataView(payload.buffer).setUint32(0, value)
  return payload
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const names = (seam: Seam): string[] => [...seam.peers.get()].toSorted()

describe('SimulatedNetwork', () => {
  const badNetwork = { latencyMs: 30, jitterMs: 40, loss: 0.2, duplicate: 0.2, reorder: 0.2 }

  it('[SIM-1] reliable frames arrive once and in order, whatever the faults', async () => {
    const net = network(badNetwork)
    const [a, b] = (await meet(net, 2)) as [Seam, Seam]
    const seen = collect(b)
    for (const i of numbers(500)) void a.broadcast(numbered(i))
    await net.clock.advance(60_000)
    expect(seen).toEqual(numbers(500))
  })

  it('[SIM-2] lossy frames are lost, doubled and overtaken', async () => {
    const net = network(badNetwork)
    const [a, b] = (await meet(net, 2)) as [Seam, Seam]
    const seen = collect(b)
    for (const i of numbers(500)) {
      await a.broadcast(numbered(i), { delivery: 'lossy' })
      await net.clock.advance(5)
    }
    await net.clock.advance(1000)
    expect(new Set(seen).size).toBeLessThan(450)
    expect(seen.length - new Set(seen).size).toBeGreaterThan(50)
    expect(seen.some((value, i) => i > 0 && value < seen[i - 1]!)).toBe(true)
  })

  it('[SIM-3] the same seed gives the same run, another seed another', async () => {
    const run = async (seed: number): Promise<string> => {
      const net = network({ ...badNetwork, seed })
      const [a, b] = (await meet(net, 2)) as [Seam, Seam]
      const log: string[] = []
      void (async () => {
        for await (const { payload } of b.incoming) log.push(`${net.clock.now()}:${payload[3]}`)
      })()
      for (const i of numbers(50)) void a.broadcast(numbered(i))
      await net.clock.advance(10_000)
      return log.join(' ')
    }
    const first = await run(7)
    expect(await run(7)).toBe(first)
    expect(await run(8)).not.toBe(first)
  })

  it('[SIM-4] frames across a short cut wait, and nobody is dropped', async () => {
    const net = network()
    const [a, b] = (await meet(net, 2)) as [Seam, Seam]
    const seen = collect(b)
    net.cut(a.selfId, b.selfId)
    await a.broadcast(numbered(1))
    await net.clock.advance(4000)
    expect(seen).toEqual([])
    expect(names(a)).toHaveLength(2)
    net.heal(a.selfId, b.selfId)
    await a.broadcast(numbered(2))
    await net.clock.advance(1000)
    expect(seen).toEqual([1, 2])
  })

  it('[SIM-5] after peerLossMs both ends of a cut drop each other, one-way cuts too; healed they link afresh', async () => {
    for (const oneWay of [false, true]) {
      const net = network({ peerLossMs: 2000 })
      const [a, b, c] = (await meet(net, 3)) as [Seam, Seam, Seam]
      const seen = collect(b)
      net.cut(a.selfId, b.selfId, { oneWay })
      await a.sendTo(b.selfId, numbered(1))
      await net.clock.advance(2000)
      expect(names(a)).toEqual([a.selfId, c.selfId])
      expect(names(b)).toEqual([b.selfId, c.selfId])
      expect(names(c)).toHaveLength(3)
      net.heal()
      await net.clock.advance(1000)
      expect(names(a)).toHaveLength(3)
      expect(names(b)).toHaveLength(3)
      await a.sendTo(b.selfId, numbered(2))
      await net.clock.advance(1000)
      expect(seen).toEqual([2])
    }
  })

  it('[SIM-6] a crash says no goodbye: the others find out after peerLossMs, or when the same identity comes back', async () => {
    const net = network({ peerLossMs: 3000 })
    const [a, b] = (await meet(net, 2)) as [Seam, Seam]
    net.crash(b.selfId)
    expect(b.state.get().kind).toBe('torn')
    await net.clock.advance(2999)
    expect(names(a)).toHaveLength(2)
    await net.clock.advance(1)
    expect(names(a)).toEqual([a.selfId])

    const again = net.loom({ peerIdentity: testIdentity(b.selfId) })
    const back = await net.clock.run(again.reopen(room))
    await net.clock.advance(100)
    expect(names(a)).toEqual([a.selfId, b.selfId])
    const rosters: string[][] = []
    a.peers.listen((peers) => rosters.push([...peers].toSorted()))
    net.crash(b.selfId)
    await net.clock.run(again.join(room))
    await net.clock.advance(10_000)
    expect(rosters).toEqual([[a.selfId], [a.selfId, b.selfId]])
    expect(back.state.get().kind).toBe('torn')
  })

  it('[SIM-6] healing a network does not keep the dead listed', async () => {
    const net = network({ peerLossMs: 3000 })
    const [a, b] = (await meet(net, 2)) as [Seam, Seam]
    net.crash(b.selfId)
    await net.clock.advance(1000)
    net.heal()
    await net.clock.advance(2000)
    expect(names(a)).toEqual([a.selfId])
    expect(net.clock.pendingTimers).toBe(0)
  })

  it('[SIM-7] a closed network leaves no timer armed', async () => {
    const net = network(badNetwork)
    const seams = await meet(net, 4)
    net.cut(seams[0]!.selfId, seams[1]!.selfId)
    for (const seam of seams) await seam.close()
    await net.clock.advance(10_000)
    expect(net.clock.pendingTimers).toBe(0)
  })

  it('[SIM-8] reopen makes the room again for the first to come back', async () => {
    const net = network()
    const [a, b] = (await meet(net, 2)) as [Seam, Seam]
    await a.close()
    await b.close()
    await net.clock.advance(1000)
    const second = await net.clock.run(net.loom({ peerIdentity: testIdentity(b.selfId) }).reopen(room))
    const first = await net.clock.run(net.loom({ peerIdentity: testIdentity(a.selfId) }).reopen(room))
    await net.clock.advance(1000)
    expect(names(first)).toEqual(names(second))
    expect(names(first)).toHaveLength(2)
  })

  it('[SIM-9] faults that are no durations or probabilities are refused', () => {
    expect(() => network({ loss: 2 })).toThrow(RangeError)
    expect(() => network({ latencyMs: -1 })).toThrow(RangeError)
    expect(() => network().setFaults({ duplicate: Number.NaN })).toThrow(RangeError)
  })
})
