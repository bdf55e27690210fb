import { describe, expect, it } from 'vitest'
import { RoomTakenError } from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import { eventually, soon, wiredEnds } from '../../mesh/test-support/link-end.ts'
import type { Seam } from '../../seam/contract.ts'
import { BroadcastChannelLoom, newRoomSecret, SignalTag, tabLinks } from './index.ts'

function loom(): BroadcastChannelLoom {
  return new BroadcastChannelLoom({ app: 'tabs' })
}

async function pair(): Promise<{ host: Seam; joiner: Seam }> {
  const hosting = loom()
  const host = await hosting.host({ sessionName: 'tabs' })
  const joiner = await soon(loom().join(hosting.invite(host)))
  await soon(until(host.peers, (peers) => peers.size === 2))
  return { host, joiner }
}

async function locksLeft(): Promise<string[]> {
  const { held = [], pending = [] } = await navigator.locks.query()
  return [...held, ...pending].map(({ name = '' }) => name).filter((name) => name.startsWith('selvage '))
}

describe('BroadcastChannelLoom', () => {
  it('[TABS-1] of tabs that host one room at once, one does and the others are told that it is taken', async () => {
    const roomKey = newRoomSecret()
    const hosting = Array.from({ length: 6 }, () => loom().host({ sessionName: 'tabs', roomKey }))
    const settled = await soon(Promise.allSettled(hosting))
    const hosts = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(hosts).toHaveLength(1)
    for (const one of settled) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(RoomTakenError)
    await hosts[0]?.close()
  })

  it('[TABS-2] a tab that dies without a word leaves the roster of the others, and its place', async () => {
    const hosting = loom()
    const host = await hosting.host({ sessionName: 'tabs', maxPeers: 2 })
    const tag = hosting.invite(host)
    const tab = new Worker(new URL('./test-support/dying-tab.ts', import.meta.url), { type: 'module' })
    tab.postMessage(tag.toURL(location.href).href)
    await soon(until(host.peers, (peers) => peers.size === 2))
    tab.terminate()
    await soon(until(host.peers, (peers) => peers.size === 1))
    const next = await soon(loom().join(tag))
    expect([...next.peers.get()]).toContain(host.selfId)
    await Promise.all([host.close(), next.close()])
  })

  it('[TABS-3] words of other programs in its channels are dropped', async () => {
    const { host, joiner } = await pair()
    const { held = [] } = await navigator.locks.query()
    const names = new Set(held.map(({ name = '' }) => name.split(' ').slice(0, 3).join(' ')))
    for (const name of names) {
      const channel = new BroadcastChannel(name.replace(' tab ', ' room '))
      for (const word of [null, 7, -1, Number.NaN, 'what', { kind: 'joined', place: { peer: 1 } }, { kind: 'signal' }])
        channel.postMessage(word)
      channel.close()
    }
    const heard = joiner.incoming[Symbol.asyncIterator]().next()
    await host.sendTo(joiner.selfId, new Uint8Array([5]))
    expect((await soon(heard)).value?.payload).toEqual(new Uint8Array([5]))
    await Promise.all([host.close(), joiner.close()])
  })

  it('[TABS-4] a tag that names servers is joined all the same: none is asked', async () => {
    const roomKey = newRoomSecret()
    const host = await loom().host({ sessionName: 'tabs', roomKey })
    const joiner = await soon(loom().join(new SignalTag({ room: roomKey, servers: ['wss://nowhere.invalid'] })))
    expect(joiner.peers.get().size).toBe(2)
    await Promise.all([host.close(), joiner.close()])
  })

  it('[TABS-6] leaves no lock behind when it closes', async () => {
    const { host, joiner } = await pair()
    await Promise.all([host.close(), joiner.close()])
    await expect.poll(locksLeft).toEqual([])
  })
})

describe('a link between tabs', () => {
  it('[TABS-5] counts what is under way until the other end has it, and says when it has drained', async () => {
    const [a, b] = wiredEnds(tabLinks())
    await Promise.all([a.opened, b.opened])
    const drains: number[] = []
    a.onDrain = () => void drains.push(a.link.bufferedAmount)
    a.link.drainMarkBytes = 0
    a.link.send(new Uint8Array(100_000))
    a.link.send(new Uint8Array(3))
    expect(a.link.bufferedAmount).toBe(100_003)
    await eventually(() => a.link.bufferedAmount === 0)
    expect(drains).toEqual([0])
    expect(b.received.map(({ length }) => length)).toEqual([100_000, 3])
    await Promise.all([a.link.close(), b.link.close()])
  })
})
