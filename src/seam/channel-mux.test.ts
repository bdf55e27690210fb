import { describe, expect, it } from 'vitest'
import { OverloadedError } from '../base/errors.ts'
import { InMemoryLoom, InMemoryTag } from '../fabric/memory/index.ts'
import { testIdentity } from '../sim/test-identity.ts'
import { MAX_UNOPENED_CHANNELS } from './channel-mux.ts'
import { VIEW_CREDIT_BYTES, type Seam } from './contract.ts'
import { MAX_WAITING_BYTES, MAX_WAITING_SENDS } from './credit.ts'
import { NamedMux } from './named-mux.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A session of `names`, the first its host. */
async function session(...names: string[]): Promise<{ loom: InMemoryLoom; seams: Seam[] }> {
  const loom = new InMemoryLoom()
  const seams: Seam[] = []
  for (const name of names) {
    const own = loom.as(testIdentity(name))
    seams.push(await (seams.length === 0 ? own.host({ sessionName: 's' }) : own.join(new InMemoryTag(name))))
  }
  return { loom, seams }
}

async function first(seam: Seam): Promise<number[] | null> {
  for await (const { payload } of seam.incoming) return [...payload]
  return null
}

/** Whether a send goes without the other end's help. */
async function goes(send: Promise<void>): Promise<boolean> {
  let taken = false
  send.then(
    () => (taken = true),
    () => {},
  )
  await turn()
  return taken
}

describe('a mux and channels that nobody has opened', () => {
  it('[MUX-18] bounds them per peer: one that fills its share is cut off, and the others keep theirs', async () => {
    const { seams } = await session('host', 'hostile', 'honest')
    const [host, hostile, honest] = seams as [Seam, Seam, Seam]
    const mux = new NamedMux(host)
    const flood = new NamedMux(hostile)
    for (let i = 0; i < MAX_UNOPENED_CHANNELS; i++) await flood.channel(`flood-${i}`).sendTo('host', bytes(1))
    const own = new NamedMux(honest)
    await own.channel('chat').sendTo('host', bytes(7))
    await own.channel('flood-3').sendTo('host', bytes(8))
    await turn()
    expect(mux.counts.cutOffPeers).toBe(0)
    await flood.channel('one more').sendTo('host', bytes(1))
    await turn()
    expect(mux.counts.cutOffPeers).toBe(1)
    const chat = mux.channel('chat')
    expect(chat.peers.get()).toEqual(new Set(['host', 'honest']))
    expect(await first(chat)).toEqual([7])
  })

  it('[MUX-18] opening a channel makes room for another', async () => {
    const { seams } = await session('host', 'other')
    const [mux, other] = seams.map((seam) => new NamedMux(seam)) as [NamedMux, NamedMux]
    for (let i = 0; i < MAX_UNOPENED_CHANNELS; i++) await other.channel(`c-${i}`).broadcast(bytes(1))
    await turn()
    expect(await first(mux.channel('c-0'))).toEqual([1])
    await other.channel('next').broadcast(bytes(2))
    await turn()
    expect(mux.counts.cutOffPeers).toBe(0)
    expect(await first(mux.channel('next'))).toEqual([2])
  })

  it('[MUX-19] keeps the last of those that peers left behind, however many come and go', async () => {
    const { loom, seams } = await session('host')
    const mux = new NamedMux(seams[0] as Seam)
    const visitors = 4
    const each = MAX_UNOPENED_CHANNELS / 2
    for (let v = 0; v < visitors; v++) {
      const visitor = await loom.as(testIdentity(`visitor-${v}`)).join(new InMemoryTag('v'))
      const own = new NamedMux(visitor)
      for (let i = 0; i < each; i++) await own.channel(`${v}-${i}`).broadcast(bytes(v))
      await turn()
      await visitor.close()
    }
    await turn()
    const held: boolean[] = []
    for (let v = 0; v < visitors; v++) {
      const view = mux.channel(`${v}-0`)
      const reading = first(view)
      await view.close()
      held.push((await reading) !== null)
    }
    expect(held).toEqual([false, false, true, true])
  })
})

describe('a mux and credit', () => {
  it('[MUX-12] a frame that is on its way into a mux when it is detached costs its sender nothing', async () => {
    const { seams } = await session('host', 'other')
    const [host, other] = seams as [Seam, Seam]
    const view = new NamedMux(other).channel('c')
    // It is within the credit of the base, too, which nobody reads for a while.
    const most = new Uint8Array((VIEW_CREDIT_BYTES * 5) / 8)
    for (let i = 0; i < 2; i++) {
      const mux = new NamedMux(host)
      mux.channel('c')
      await turn()
      const sent = view.broadcast(most)
      await mux.detach()
      expect(await goes(sent)).toBe(true)
    }
    new NamedMux(host)
    expect(await goes(view.broadcast(most))).toBe(true)
  })

  it('[MUX-20] a grant that the base refuses for overload is made up for', async () => {
    const { seams } = await session('host', 'other')
    const [host, other] = seams as [Seam, Seam]
    const mux = new NamedMux(host)
    const sender = new NamedMux(other).channel('c')
    await sender.broadcast(new Uint8Array(VIEW_CREDIT_BYTES))
    await turn()
    const view = mux.channel('c')
    const waiting = sender.broadcast(bytes(9))
    expect(await goes(waiting)).toBe(false)
    const refuse = Object.getPrototypeOf(host).sendTo as Seam['sendTo']
    host.sendTo = () => Promise.reject(new OverloadedError('full'))
    await first(view)
    await turn()
    host.sendTo = refuse
    await view.sendTo('other', bytes(1))
    expect(await goes(waiting)).toBe(true)
  })

  it('[SEAM-40] an application that awaits none of its sends is refused beyond the bound only', async () => {
    const { seams } = await session('host', 'other')
    const [host, other] = seams as [Seam, Seam]
    for (let i = 0; i < 4; i++) await host.broadcast(new Uint8Array(VIEW_CREDIT_BYTES / 4))
    const sends = Array.from({ length: MAX_WAITING_SENDS }, () => host.broadcast(bytes(1)))
    await expect(host.broadcast(bytes(2))).rejects.toBeInstanceOf(OverloadedError)
    let arrived = 0
    for await (const { payload } of other.incoming) {
      if (payload.length === 1) expect(payload[0]).toBe(1)
      if (++arrived === MAX_WAITING_SENDS + 4) break
    }
    await Promise.all(sends)
  })

  it('[SEAM-40] what waits is bounded in bytes too, and what was given up makes room', async () => {
    const { seams } = await session('host', 'other')
    const [host, other] = seams as [Seam, Seam]
    const max = host.maxPayloadBytes as number
    await host.broadcast(new Uint8Array(max))
    const large = new Uint8Array(max)
    const caller = new AbortController()
    const givenUp = host.broadcast(large, { signal: caller.signal })
    givenUp.catch(() => {})
    // That one is under way; these wait behind it.
    for (let cost = max; cost <= MAX_WAITING_BYTES; cost += max) void host.broadcast(large)
    await expect(host.broadcast(bytes(1))).rejects.toBeInstanceOf(OverloadedError)
    caller.abort(new Error('enough'))
    await expect(givenUp).rejects.toThrow('enough')
    void host.broadcast(bytes(2))
    let last: Uint8Array = bytes()
    for await (const { payload } of other.incoming) {
      last = payload
      if (last.length === 1) break
    }
    expect([...last]).toEqual([2])
  })
})
