import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { LinkFailedError, RoomNotFoundError, RoomTakenError, SignalingUnavailableError } from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import type { PeerIdentity, Seam, Swatch } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { SignalTag, WebRtcLoom, type WebRtcLoomOptions } from './index.ts'
import type { SignalSocket } from '../../signal/signal-socket.ts'
import { HIGH_WATER_BYTES, type Link, type LinkEvents, type LinkOptions } from '../../mesh/link-driver.ts'
import { FALLBACK_DIAL_MS, INTERRUPTED_GRACE_MS } from '../../mesh/mesh.ts'
import { LINK_BOUND_MS } from '../../mesh/peer-link.ts'
import { SEARCH_BOUND_MS } from '../../mesh/room-search.ts'
import { VirtualLinks } from '../../mesh/test-support/virtual-links.ts'
import { VirtualSignalServers } from '../../mesh/test-support/virtual-signal-servers.ts'

const ONE = 'ws://one.example/'
const TWO = 'ws://two.example/'
const ROOM = new SignalTag({ room: 'oak' })
const OAK = { sessionName: 'oak', roomKey: 'oak' }

/** Looms in a test's time: the real thing but for sockets and RTCPeerConnection. */
class World {
  readonly clock: VirtualClock = new VirtualClock()
  readonly servers: VirtualSignalServers = new VirtualSignalServers(this.clock, [ONE, TWO])
  readonly links: VirtualLinks = new VirtualLinks(this.clock)

  loom(options: Partial<WebRtcLoomOptions> = {}): WebRtcLoom {
    return new WebRtcLoom({
      app: 'tests',
      servers: [ONE, TWO],
      iceServers: [],
      links: this.links.driver(),
      WebSocket: this.servers.WebSocket,
      clock: this.clock,
      random: seededRandom(7),
      ...options,
    })
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { limitMs: 600_000 })
  }

  async pair(): Promise<{ a: Seam; b: Seam; host: WebRtcLoom; joiner: WebRtcLoom }> {
    const [host, joiner] = [this.loom(), this.loom()]
    const a = await this.run(host.reopen(ROOM))
    const b = await this.run(joiner.join(ROOM))
    await this.listing(2, a, b)
    return { a, b, host, joiner }
  }

  async listing(size: number, ...seams: Seam[]): Promise<void> {
    for (const seam of seams) await this.run(until(seam.peers, (peers) => peers.size === size))
  }

  async next(seam: Seam): Promise<Swatch> {
    const reader = seam.incoming[Symbol.asyncIterator]()
    const { value } = await this.run(reader.next())
    await reader.return?.()
    return value as Swatch
  }

  /** Closes the seams: then nothing of them may be left. */
  async end(...seams: Seam[]): Promise<void> {
    for (const seam of seams) await this.run(seam.close())
    await this.clock.advance(50)
    expect([this.servers.openSockets, this.links.open.size, this.clock.pendingTimers]).toEqual([0, 0, 0])
  }
}

function rosterOf(seam: Seam): number[] {
  const sizes: number[] = []
  seam.peers.listen((peers) => sizes.push(peers.size))
  return sizes
}

describe('WebRtcLoom in virtual time', () => {
  it('[RTC-26] a link that breaks between attached peers is made again: the peer leaves, then joins', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const seen = [rosterOf(a), rosterOf(b)]
    world.links.breakAll()
    await world.listing(1, a, b)
    await world.listing(2, a, b)
    expect(seen).toEqual([
      [1, 2],
      [1, 2],
    ])
    await world.run(a.sendTo(b.selfId, utf8('again')))
    expect(fromUtf8((await world.next(b)).payload)).toBe('again')
    await world.end(a, b)
  })

  it('[RTC-27] an interrupted link is said to be so, restarted from one end, and dropped when its time is up', async () => {
    const world = new World()
    const { a, b, host, joiner } = await world.pair()
    world.links.path('interrupted')
    expect(host.links(a).get().get(b.selfId)).toEqual({ state: 'interrupted' })
    expect([...world.links.open].map(({ restarts }) => restarts).toSorted()).toEqual([0, 1])
    await world.clock.advance(INTERRUPTED_GRACE_MS - 1_000)
    world.links.path('connected')
    expect(joiner.links(b).get().get(a.selfId)).toEqual({ state: 'connected' })
    await world.clock.advance(INTERRUPTED_GRACE_MS)
    expect(a.peers.get().size).toBe(2)
    const seen = rosterOf(a)
    world.links.path('interrupted')
    await world.clock.advance(INTERRUPTED_GRACE_MS + 5)
    expect(seen[0]).toBe(1)
    await world.end(a, b)
  })

  it('[RTC-28] an interrupted link whose peer has left its server is dropped at once', async () => {
    const world = new World()
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

  it('[RTC-38] a lossy frame is dropped where much is buffered already; reliable ones wait and arrive', async () => {
    const world = new World()
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

  it('[RTC-37] what is buffered stays at or under the mark, for frames of any size', async () => {
    const world = new World()
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
    const world = new World()
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

  it('[RTC-8] with every server dead the pauses grow, and are drawn anew by every peer', async () => {
    const world = new World()
    const { a, b, host } = await world.pair()
    world.servers.stop(ONE)
    world.servers.stop(TWO)
    world.servers.asked.length = 0
    await world.clock.advance(60_000)
    const firstMinute = world.servers.asked.length
    expect(firstMinute).toBeGreaterThan(16)
    await world.clock.advance(240_000)
    expect(world.servers.asked.length - firstMinute).toBeLessThan(4 * firstMinute)
    expect(host.signalling(a).get()).toMatchObject({
      kind: 'searching',
      lastError: expect.any(SignalingUnavailableError),
    })
    expect([a.peers.get().size, b.peers.get().size]).toEqual([2, 2])
    world.servers.start(TWO)
    await world.run(until(host.signalling(a), ({ kind }) => kind === 'attached'))
    await world.run(world.clock.advance(30_000))
    const late = await world.run(world.loom().join(ROOM))
    await world.listing(3, a, b, late)
    await world.end(a, b, late)
  })

  it('[RTC-8] a newcomer outlasts the pause of who moves to the next server', async () => {
    // The longest pauses there are.
    const world = new World()
    const random = (): number => 0.999
    const a = await world.run(world.loom({ random }).reopen(ROOM))
    world.servers.stop(ONE)
    const newcomer = await world.run(world.loom({ random }).join(ROOM))
    await world.listing(2, a, newcomer)
    await world.end(a, newcomer)
  })

  it('[RTC-8] a room that nobody is in is reported within a bound, also while a server is dead', async () => {
    const world = new World()
    world.servers.stop(ONE)
    const begun = world.clock.now()
    await expect(world.run(world.loom().join(ROOM))).rejects.toBeInstanceOf(RoomNotFoundError)
    expect(world.clock.now() - begun).toBeLessThan(SEARCH_BOUND_MS + 1_000)
    await world.end()
  })

  it('[RTC-8] who alone lost its server finds the others there again instead of opening the room elsewhere', async () => {
    const world = new World()
    const { a, b, host, joiner } = await world.pair()
    const seen = rosterOf(a)
    world.servers.dropOldest(ONE)
    await world.clock.advance(5)
    expect(host.signalling(a).get().kind).toBe('searching')
    await world.clock.advance(2_000)
    const home = { kind: 'attached', url: ONE }
    expect([host.signalling(a).get(), joiner.signalling(b).get()]).toEqual([home, home])
    expect(seen).toEqual([])
    const late = await world.run(world.loom().join(ROOM))
    await world.listing(3, a, b, late)
    await world.end(a, b, late)
  })

  it('[RTC-11] away from the first server a room finds its way home, and those who met apart are linked', async () => {
    const world = new World()
    world.servers.stop(ONE)
    const host = world.loom()
    const a = await world.run(host.reopen(ROOM))
    expect(host.signalling(a).get()).toEqual({ kind: 'attached', url: TWO })
    world.servers.start(ONE)
    const b = await world.run(world.loom({ servers: [ONE] }).reopen(ROOM))
    await world.listing(2, a, b)
    expect(host.signalling(a).get()).toEqual({ kind: 'attached', url: ONE })
    await world.end(a, b)
  })

  it('[RTC-3] a room whose only attachment is the own ghost is not found by join, and reopened by reopen', async () => {
    const world = new World()
    const peerIdentity: PeerIdentity = await createPeerIdentity()
    const ghost = await world.run(world.loom({ peerIdentity }).reopen(ROOM))
    await expect(world.run(world.loom({ peerIdentity }).join(ROOM))).rejects.toBeInstanceOf(RoomNotFoundError)
    const back = await world.run(world.loom({ peerIdentity }).reopen(ROOM))
    expect(back.peers.get().size).toBe(1)
    await world.end(ghost, back)
  })

  it.each([[[ONE]], [[ONE, TWO]]])('[RTC-12] the own ghost takes no room from its owner, on %j', async (servers) => {
    const world = new World()
    const peerIdentity: PeerIdentity = await createPeerIdentity()
    const mine = world.loom({ peerIdentity, servers })
    const ghost = await world.run(mine.host(OAK))
    await expect(world.run(world.loom({ servers }).host(OAK))).rejects.toBeInstanceOf(RoomTakenError)
    const back = await world.run(mine.host(OAK))
    const friend = await world.run(world.loom({ servers }).join(ROOM))
    await world.listing(2, back, friend)
    // With somebody else in it the room is theirs too, whosever it was.
    await expect(world.run(mine.host(OAK))).rejects.toBeInstanceOf(RoomTakenError)
    await world.end(ghost, back, friend)
  })

  it.each([[[ONE]], [[ONE, TWO]]])('[RTC-2] a room that is full is taken like any other, on %j', async (servers) => {
    const world = new World()
    const a = await world.run(world.loom({ servers }).host({ ...OAK, maxPeers: 2 }))
    const b = await world.run(world.loom({ servers }).join(ROOM))
    await expect(world.run(world.loom({ servers }).host(OAK))).rejects.toBeInstanceOf(RoomTakenError)
    await world.end(a, b)
  })

  it('[RTC-3] a ticket that never comes, or fails, is a server that cannot be used', async () => {
    const world = new World()
    const never = (): Promise<string> => new Promise(() => {})
    const fails = (): Promise<string> => Promise.reject(new Error('no session'))
    const servers = [
      { url: ONE, ticket: never },
      { url: TWO, ticket: fails },
    ]
    const hosting = world.loom({ servers }).host({ sessionName: 'oak' })
    await expect(world.run(hosting)).rejects.toBeInstanceOf(SignalingUnavailableError)
    await world.end()
  })

  it('[RTC-39] a link that takes small messages only is refused, and does not lower what the seam carries', async () => {
    const world = new World()
    const links = {
      open: (of: LinkOptions) => Object.assign(world.links.driver().open(of), { maxMessageBytes: 1_000 }),
    }
    const host = await world.run(world.loom({ links }).reopen(ROOM))
    const budget = host.maxPayloadBytes
    await expect(world.run(world.loom().join(ROOM))).rejects.toBeInstanceOf(LinkFailedError)
    expect([host.maxPayloadBytes, host.peers.get().size]).toEqual([budget, 1])
    await world.end(host)
  })

  it('[RTC-3] a friend who vanishes without a word at any millisecond of a join leaves nothing open', async () => {
    const outcomes = { linked: 0, failed: 0 }
    for (let afterMs = 0; afterMs < 60; afterMs += 2) {
      const world = new World()
      const friend = new Mortal(world)
      await world.run(friend.loom().reopen(ROOM))
      const joining = world
        .loom()
        .join(ROOM)
        .catch((error: unknown) => error)
      await world.clock.advance(afterMs)
      friend.vanish()
      const outcome = await world.run(joining)
      if (outcome instanceof LinkFailedError) outcomes.failed++
      else outcomes.linked++
      if (!(outcome instanceof LinkFailedError)) await world.run((outcome as Seam).close())
      friend.bury()
      await world.end()
    }
    expect(outcomes.failed).toBeGreaterThan(5)
    expect(outcomes.linked).toBeGreaterThan(5)
  })

  it('[RTC-3] a newcomer who vanishes without a word at any millisecond leaves nothing with who was there', async () => {
    for (let afterMs = 0; afterMs < 60; afterMs += 2) {
      const world = new World()
      const loom = world.loom()
      const host = await world.run(loom.reopen(ROOM))
      const timers = world.clock.pendingTimers
      const newcomer = new Mortal(world)
      newcomer
        .loom()
        .join(ROOM)
        .catch(() => {})
      await world.clock.advance(afterMs)
      newcomer.vanish()
      await world.clock.advance(20_000)
      newcomer.bury()
      await world.clock.advance(LINK_BOUND_MS)
      expect([loom.diagnostics(host).openLinks, host.peers.get().size]).toEqual([0, 1])
      expect(world.clock.pendingTimers).toBe(timers)
      await world.end(host)
    }
  })

  it('[RTC-4] an abort at any millisecond of a join leaves nothing open', async () => {
    let aborted = 0
    for (let afterMs = 0; afterMs < 40; afterMs++) {
      const world = new World()
      const host = await world.run(world.loom().reopen(ROOM))
      const controller = new AbortController()
      const reason = new Error("the caller's own")
      const joining = world
        .loom()
        .join(ROOM, { signal: controller.signal })
        .catch((error: unknown) => error)
      await world.clock.advance(afterMs)
      controller.abort(reason)
      const outcome = await world.run(joining)
      if (outcome === reason) aborted++
      await (outcome === reason ? world.end(host) : world.end(host, outcome as Seam))
    }
    expect(aborted).toBeGreaterThan(10)
    expect(aborted).toBeLessThan(40)
  })

  it('[RTC-3] options that cannot work are refused when the loom is made', () => {
    const { loom } = { loom: (options: Partial<WebRtcLoomOptions>) => new World().loom(options) }
    expect(() => loom({ servers: [] })).toThrow(RangeError)
    expect(() => loom({ app: '' })).toThrow(TypeError)
    expect(() => loom({ servers: ['ftp://x'] })).toThrow(TypeError)
  })
})

/** A peer whose process may end: from one moment to the next it does nothing and hears nothing. */
class Mortal {
  readonly #world: World
  readonly #sockets: SignalSocket[] = []
  readonly #links: Link[] = []
  readonly #timers: unknown[] = []
  #gone = false

  constructor(world: World) {
    this.#world = world
  }

  loom(): WebRtcLoom {
    const { clock, servers, links } = this.#world
    const whileAlive = <A extends unknown[]>(act: (...args: A) => void): ((...args: A) => void) => {
      return (...args) => {
        if (!this.#gone) act(...args)
      }
    }
    const deaf = (events: LinkEvents): LinkEvents => {
      const heard = Object.entries(events).map(([name, hear]: [string, (...args: unknown[]) => void]) => [
        name,
        whileAlive(hear),
      ])
      return Object.fromEntries(heard) as LinkEvents
    }
    const sockets = this.#sockets
    return this.#world.loom({
      clock: {
        now: () => clock.now(),
        wallNow: () => clock.wallNow(),
        track: (io) => clock.track(io),
        clearTimeout: (handle) => clock.clearTimeout(handle),
        setTimeout: (run, ms) => {
          const handle = clock.setTimeout(whileAlive(run), ms)
          this.#timers.push(handle)
          return handle
        },
      },
      links: {
        open: (options) => {
          const link = links.driver().open({ ...options, events: deaf(options.events) })
          this.#links.push(link)
          return link
        },
      },
      WebSocket: class extends servers.WebSocket {
        constructor(url: string) {
          super(url)
          sockets.push(this)
        }
        override addEventListener(type: string, listener: (event: never) => void): void {
          super.addEventListener(type as never, whileAlive(listener as (event: unknown) => void) as never)
        }
      },
    })
  }

  vanish(): void {
    this.#gone = true
  }

  /** What the network and the platform do sooner or later about one that has vanished. */
  bury(): void {
    for (const socket of this.#sockets) socket.close()
    for (const link of this.#links) void link.close()
    for (const timer of this.#timers) this.#world.clock.clearTimeout(timer)
  }
}

function silentLink(): ReturnType<NonNullable<WebRtcLoomOptions['links']>['open']> {
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
