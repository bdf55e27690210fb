import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import { LinkFailedError, PeerNotConnectedError } from '../base/errors.ts'
import { HIGH_WATER_BYTES, type Link, type LinkOptions } from './link/link-driver.ts'
import { FALLBACK_DIAL_MS, LOST_AFTER_MS, RESTART_BOUND_MS } from './mesh.ts'
import { PULSE_BOUND_MS } from './link/link-pulse.ts'
import { MeshWorld, OAK, ONE, ROOM, rosterOf, TWO } from './test-support/mesh-world.ts'
import { Mortal } from './test-support/mortal.ts'

describe('the links of a mesh, in virtual time', () => {
  it('[RTC-26, BOND-1] a link that breaks is made again, its peer listed throughout, and no frame is lost', async () => {
    const world = new MeshWorld()
    const { a, b, host } = await world.pair()
    const seen = [rosterOf(a), rosterOf(b)]
    await world.run(a.sendTo(b.selfId, utf8('on its way')))
    world.links.breakAll()
    await world.run(a.sendTo(b.selfId, utf8('meanwhile')))
    expect(host.links(a).get().get(b.selfId)).toMatchObject({ state: 'interrupted' })
    await world.clock.advance(2_000)
    await world.run(a.sendTo(b.selfId, utf8('afterwards')))
    const heard: string[] = []
    for (let i = 0; i < 3; i++) heard.push(fromUtf8((await world.next(b)).payload))
    expect(heard).toEqual(['on its way', 'meanwhile', 'afterwards'])
    expect(host.links(a).get().get(b.selfId)).toMatchObject({ state: 'connected' })
    expect(seen).toEqual([[], []])
    await world.end(a, b)
  })

  it('[RTC-25] a peer whose link cannot be made again leaves after its time, and its sends with it', async () => {
    const world = new MeshWorld()
    const { a, b } = await world.pair()
    world.links.refusing = true
    world.links.breakAll()
    const full = Array.from({ length: 4 }, () => a.sendTo(b.selfId, new Uint8Array(260_000)).catch((e: unknown) => e))
    const waiting = a.sendTo(b.selfId, new Uint8Array(262_000)).catch((error: unknown) => error)
    await world.clock.advance(LOST_AFTER_MS - 100)
    expect(a.peers.get().size).toBe(2)
    await world.clock.advance(200)
    expect([a.peers.get().size, b.peers.get().size]).toEqual([1, 1])
    await world.run(Promise.all(full))
    expect(await world.run(waiting)).toBeInstanceOf(PeerNotConnectedError)
    world.links.refusing = false
    await world.listing(2, a, b)
    await world.run(a.sendTo(b.selfId, utf8('anew')))
    expect(fromUtf8((await world.next(b)).payload)).toBe('anew')
    await world.end(a, b)
  })

  it('[RTC-25] where one end alone gave the other up, both begin anew', async () => {
    const world = new MeshWorld()
    const a = await world.run(world.loom({ lostAfterMs: 1_000 }).reopen(ROOM))
    const b = await world.run(world.loom().join(ROOM))
    await world.listing(2, a, b)
    const seen = [rosterOf(a), rosterOf(b)]
    world.links.refusing = true
    world.links.breakAll()
    await world.run(b.sendTo(a.selfId, utf8('never heard')))
    await world.clock.advance(5_000)
    world.links.refusing = false
    await world.clock.advance(20_000)
    expect(seen).toEqual([
      [1, 2],
      [1, 2],
    ])
    await world.run(b.sendTo(a.selfId, utf8('heard')))
    expect(fromUtf8((await world.next(a)).payload)).toBe('heard')
    await world.end(a, b)
  })

  it('[RTC-27] an interrupted link is said to be so, restarted, and made again when that finds no path', async () => {
    const world = new MeshWorld()
    const { a, b, host, joiner } = await world.pair()
    const seen = rosterOf(a)
    world.links.path('interrupted')
    expect(host.links(a).get().get(b.selfId)).toMatchObject({ state: 'interrupted' })
    expect([...world.links.open].map(({ restarts }) => restarts)).toEqual([1, 1])
    await world.clock.advance(RESTART_BOUND_MS - 1_000)
    world.links.path('connected')
    expect(joiner.links(b).get().get(a.selfId)).toMatchObject({ state: 'connected' })
    await world.clock.advance(RESTART_BOUND_MS)
    const former = new Set(world.links.open)
    world.links.path('interrupted')
    await world.clock.advance(RESTART_BOUND_MS + 1_000)
    expect(host.links(a).get().get(b.selfId)).toMatchObject({ state: 'connected' })
    expect([...world.links.open].filter((link) => former.has(link))).toEqual([])
    expect(seen).toEqual([])
    await world.end(a, b)
  })

  it('[RTC-28] an interrupted peer that has left its server for good is gone at once', async () => {
    const world = new MeshWorld()
    const { a, b } = await world.pair()
    const c = await world.run(world.loom().join(ROOM))
    await world.listing(3, a, b, c)
    world.links.stalled = true
    void c.close()
    await world.clock.advance(3)
    const seen = rosterOf(a)
    world.links.path('interrupted')
    expect(seen).toEqual([2])
    await world.clock.advance(10_000)
    world.links.resume()
    await world.end(a, b, c)
  })

  it('[RTC-28] who merely lost its server, or moved to another, is waited for', async () => {
    const world = new MeshWorld()
    const { a, b } = await world.pair()
    world.links.refusing = true
    world.servers.dropOldest(ONE)
    await world.clock.advance(5)
    world.links.breakAll()
    await world.clock.advance(1_000)
    expect([a.peers.get().size, b.peers.get().size]).toEqual([2, 2])
    world.links.refusing = false
    await world.clock.advance(5_000)
    expect([a.peers.get().size, b.peers.get().size]).toEqual([2, 2])
    await world.end(a, b)
  })

  it('[RTC-41] a page that was closed without a goodbye is gone within seconds', async () => {
    const world = new MeshWorld()
    const a = await world.run(world.loom().reopen(ROOM))
    const friend = new Mortal(world)
    const b = await world.run(friend.loom().join(ROOM))
    await world.listing(2, a)
    friend.vanish()
    friend.closePage()
    await world.clock.advance(PULSE_BOUND_MS + 100)
    expect(a.peers.get().size).toBe(1)
    friend.bury()
    await world.clock.advance(100)
    await world.end(a, b)
  })

  it('[RTC-40] a wake dials at once whom a pause keeps waiting', async () => {
    const world = new MeshWorld()
    const wakes: (() => void)[] = []
    const loom = world.loom({ wake: (wake) => (wakes.push(wake), () => void wakes.splice(wakes.indexOf(wake), 1)) })
    const a = await world.run(loom.reopen(ROOM))
    const b = await world.run(world.loom().join(ROOM))
    await world.listing(2, a, b)
    world.links.refusing = true
    world.links.breakAll()
    await world.clock.advance(1_000)
    world.links.refusing = false
    world.links.breakAll()
    for (const wake of wakes) wake()
    await world.clock.advance(100)
    expect(loom.links(a).get().get(b.selfId)).toMatchObject({ state: 'connected' })
    await world.end(a, b)
    expect(wakes).toEqual([])
  })

  it('[RTC-42] links tell how long a round trip takes, and why there is none', async () => {
    const world = new MeshWorld()
    const { a, b, host } = await world.pair()
    const links = host.links(a)
    const stop = links.listen(() => {})
    await world.clock.advance(100)
    expect(links.get().get(b.selfId)).toEqual({
      state: 'connected',
      route: 'direct',
      roundTripMs: 10,
      jitterMs: 5,
      via: null,
      why: null,
    })
    await world.clock.advance(60_000)
    expect(links.get().get(b.selfId)?.jitterMs).toBeLessThan(1.5)
    world.links.refusing = true
    world.links.breakAll()
    expect(links.get().get(b.selfId)).toMatchObject({ state: 'interrupted', why: 'the channel broke' })
    world.servers.stop(ONE)
    world.servers.stop(TWO)
    await world.clock.advance(1_000)
    expect(links.get().get(b.selfId)?.why).toContain('no signalling server is attached')
    await world.clock.advance(LOST_AFTER_MS)
    expect(links.get().get(b.selfId)).toMatchObject({ state: 'lost', why: 'the channel broke' })
    stop()
    await world.end(a, b)
  })

  it(
    '[RTC-43] sixteen peers that come at once are a full mesh, with one link a pair',
    { timeout: 60_000 },
    async () => {
      const world = new MeshWorld()
      const size = 16
      const loom = world.loom()
      const host = await world.run(loom.host({ ...OAK, maxPeers: size }))
      const others = await world.run(Promise.all(Array.from({ length: size - 1 }, () => world.loom().join(ROOM))))
      const all = [host, ...others]
      await world.listing(size, ...all)
      await world.clock.advance(1_000)
      expect(world.links.open.size).toBe(size * (size - 1))
      const seen = all.map(rosterOf)
      await world.run(Promise.all(all.map((seam) => seam.broadcast(utf8(seam.selfId)))))
      world.links.breakAll()
      await world.clock.advance(3_000)
      for (const seam of all) {
        const heard = new Set<string>()
        for (let i = 1; i < size; i++) heard.add(fromUtf8((await world.next(seam)).payload))
        expect(heard.size).toBe(size - 1)
      }
      expect(world.links.open.size).toBe(size * (size - 1))
      expect(seen.flat()).toEqual([])
      await world.end(...all)
    },
  )

  it('[RTC-38] a lossy frame is dropped where much is buffered already; reliable ones wait and arrive', async () => {
    const world = new MeshWorld()
    const { a, b, host } = await world.pair()
    world.links.stalled = true
    const frame = new Uint8Array(100_000)
    const sends = [1, 2, 3, 4].map(() => a.sendTo(b.selfId, frame))
    await world.run(a.sendTo(b.selfId, utf8('late'), { delivery: 'lossy' }))
    for (const link of world.links.open) expect(link.bufferedAmount).toBeLessThanOrEqual(HIGH_WATER_BYTES)
    expect(host.diagnostics(a).lossyDropped).toBe(1)
    world.links.resume()
    await world.run(Promise.all(sends))
    await world.run(a.sendTo(b.selfId, utf8('too late'), { delivery: 'lossy' }))
    await world.clock.advance(100)
    await world.run(a.sendTo(b.selfId, utf8('in time'), { delivery: 'lossy' }))
    await world.clock.advance(100)
    const arrived: string[] = []
    for (let i = 0; i < 5; i++) arrived.push((await world.next(b)).delivery)
    expect(arrived).toEqual(['reliable', 'reliable', 'reliable', 'reliable', 'lossy'])
    await world.end(a, b)
    expect(host.diagnostics(a).lossyDropped).toBe(2)
  })

  it('[RTC-50, RTC-52] with a way of their own lossy frames pass what waits for room, and no more of them are kept', async () => {
    const world = new MeshWorld()
    const host = world.loom({ links: world.links.lossyDriver() })
    const a = await world.run(host.reopen(ROOM))
    const b = await world.run(world.loom({ links: world.links.lossyDriver() }).join(ROOM))
    await world.listing(2, a, b)
    world.links.stalled = true
    const sends = [1, 2, 3, 4].map(() => a.sendTo(b.selfId, new Uint8Array(100_000)))
    for (let i = 0; i < 5; i++) await world.run(a.sendTo(b.selfId, new Uint8Array(10_000), { delivery: 'lossy' }))
    for (let i = 0; i < 4; i++) expect((await world.next(b)).delivery).toBe('lossy')
    expect(host.diagnostics(a).lossyDropped).toBe(1)
    world.links.losing = true
    await world.run(a.sendTo(b.selfId, utf8('lost'), { delivery: 'lossy' }))
    await world.clock.advance(100)
    world.links.resume()
    await world.run(Promise.all(sends))
    for (let i = 0; i < 4; i++) expect((await world.next(b)).delivery).toBe('reliable')
    expect(host.diagnostics(a).lossyDropped).toBe(1)
    await world.end(a, b)
  })

  it('[RTC-51] what comes over the second channel before the proof is dropped, and what is not lossy is malformed', async () => {
    const world = new MeshWorld()
    const eager: Link[] = []
    const links = {
      sendsLossyApart: true,
      open(options: LinkOptions): Link {
        const { events } = options
        const onOpen = (): void => {
          link.sendLossy?.(LOSSY_FRAME)
          events.onOpen()
        }
        const link = world.links.lossyDriver().open({ ...options, events: { ...events, onOpen } })
        eager.push(link)
        return link
      },
    }
    const host = world.loom({ links: world.links.lossyDriver() })
    const a = await world.run(host.reopen(ROOM))
    const b = await world.run(world.loom({ links }).join(ROOM))
    await world.listing(2, a, b)
    await world.clock.advance(100)
    expect(host.diagnostics(a)).toMatchObject({ lossyDropped: 1, malformed: 0 })
    eager[0]?.sendLossy?.(utf8('not a lossy frame'))
    eager[0]?.sendLossy?.(LOSSY_FRAME)
    expect(await world.next(a)).toMatchObject({ delivery: 'lossy', sequence: 1, sender: b.selfId })
    expect(host.diagnostics(a)).toMatchObject({ lossyDropped: 1, malformed: 1 })
    await world.end(a, b)
  })

  it('[RTC-37] what is buffered stays at or under the mark, for frames of any size', async () => {
    const world = new MeshWorld()
    const { a, b } = await world.pair()
    let most = 0
    const sizes = [1, 64_000, 200_000, 262_143, 5, 130_000, 262_143, 100_000]
    const reading = (async () => {
      const read: number[] = []
      for await (const { payload } of b.incoming) if (read.push(payload.length) === sizes.length) return read
      return read
    })()
    const sends = sizes.map((size) => a.sendTo(b.selfId, new Uint8Array(size)))
    for (let i = 0; i < 200; i++) {
      for (const link of world.links.open) most = Math.max(most, link.bufferedAmount)
      await world.clock.advance(1)
    }
    await world.run(Promise.all(sends))
    expect(await world.run(reading)).toEqual(sizes)
    expect(most).toBeLessThanOrEqual(HIGH_WATER_BYTES)
    await world.end(a, b)
  })

  it('[RTC-20] a newcomer whose call is lost is called', async () => {
    const world = new MeshWorld()
    const host = await world.run(world.loom().reopen(ROOM))
    // It attaches and then never says a word: no driver of its own.
    const mute = world.loom({ links: { open: () => silentLink() } })
    const joining = mute.join(ROOM).catch((error: unknown) => error)
    const calls: number[] = []
    host.peers.listen(() => {})
    for (let i = 0; i < 12; i++) {
      await world.clock.advance(1_000)
      calls.push(world.links.open.size)
    }
    expect(calls.slice(0, FALLBACK_DIAL_MS / 1_000 - 1)).toEqual([0, 0, 0, 0])
    expect(calls.at(FALLBACK_DIAL_MS / 1_000 + 1)).toBe(1)
    expect(await world.run(joining)).toBeInstanceOf(LinkFailedError)
    await world.end(host)
  })

  it('[RTC-61] what keeps a link from being made is told while it is tried, and by a join that fails for it', async () => {
    const world = new MeshWorld()
    const host = world.loom()
    const seam = await world.run(host.reopen(ROOM))
    const links = host.links(seam)
    world.links.refusing = true
    const joining = world
      .loom({ joinTimeoutMs: 3_000 })
      .join(ROOM)
      .catch((error: unknown) => error)
    await world.clock.advance(1_000)
    for (const { events } of world.links.open) events.onTrouble('the TURN server refused')
    expect([...links.get().values()]).toEqual([
      expect.objectContaining({ state: 'connecting', why: 'the TURN server refused' }),
    ])
    const error = await world.run(joining)
    expect(error).toBeInstanceOf(LinkFailedError)
    expect(String(error)).toMatch(/nothing was joined: no link to .* was ready yet: the TURN server refused$/)
    await world.end(seam)
  })

  it('[RTC-39] a link that takes small messages only is refused, and does not lower what the seam carries', async () => {
    const world = new MeshWorld()
    const links = {
      open: (of: LinkOptions) => Object.assign(world.links.driver().open(of), { maxMessageBytes: 1_000 }),
    }
    const host = await world.run(world.loom({ links }).reopen(ROOM))
    const budget = host.maxPayloadBytes
    await expect(world.run(world.loom().join(ROOM))).rejects.toBeInstanceOf(LinkFailedError)
    expect([host.maxPayloadBytes, host.peers.get().size]).toEqual([budget, 1])
    await world.end(host)
  })
})

/** Type 4, and one byte of payload. */
const LOSSY_FRAME = Uint8Array.of(4, 1)

function silentLink(): Link {
  return {
    signal: () => {},
    send: () => {},
    bufferedAmount: 0,
    maxMessageBytes: 1,
    drainMarkBytes: 0,
    fingerprints: () => ({ local: [], remote: [] }),
    close: () => Promise.resolve(),
  }
}
