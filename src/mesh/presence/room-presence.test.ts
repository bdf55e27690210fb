import { describe, expect, it } from 'vitest'
import { RoomFullError, RoomNotFoundError, SignalingUnavailableError } from '../../base/errors.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import type { CreateRoom } from '../../signal/protocol.ts'
import { PING_INTERVAL_MS, PONG_TIMEOUT_MS, PROBE_TIMEOUT_MS } from '../../signal/signal-client.ts'
import type { RoomAddress } from '../seal/room-address.ts'
import { RoomPresence, type RoomPresenceOptions } from './room-presence.ts'
import { ATTACH_BOUND_MS, HEAD_START_MS, SEARCH_BOUND_MS, SILENT_SEARCH_BOUND_MS } from './room-search.ts'
import { SILENT, VirtualSignalServers } from '../test-support/virtual-signal-servers.ts'

const URLS = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `ws://${n}.example/`)
const [ONE, TWO, THREE] = URLS as [string, string, string]

/** Presences of one room in a test's time, and what each hears. */
class World {
  readonly clock: VirtualClock = new VirtualClock()
  readonly servers: VirtualSignalServers = new VirtualSignalServers(this.clock, URLS)
  readonly #presences: RoomPresence[] = []

  /** One member of the room, by name. */
  member(name: string, options: Partial<RoomPresenceOptions> = {}): Heard {
    const heard = new Heard(options.servers?.map(({ url }) => url) ?? [ONE, TWO, THREE], {
      room: 'room' as RoomAddress,
      self: { peer: name, session: `${name}1` },
      clock: this.clock,
      random: seededRandom(name.length + name.charCodeAt(0)),
      WebSocket: this.servers.WebSocket,
      ...options,
    })
    this.#presences.push(heard.presence)
    return heard
  }

  async enter(member: Heard, create: CreateRoom = 'if-missing'): Promise<Heard> {
    await this.run(member.presence.enter(create))
    return member
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { limitMs: 600_000 })
  }

  /** How long it takes until it holds, milliseconds, to the tenth of a second. */
  async until(holds: () => boolean, limitMs = 300_000): Promise<number> {
    const begunMs = this.clock.now()
    while (!holds()) {
      if (this.clock.now() - begunMs > limitMs) throw new Error(`it does not hold after ${limitMs} ms`)
      await this.clock.advance(100)
    }
    return this.clock.now() - begunMs
  }

  async end(): Promise<void> {
    for (const presence of this.#presences) presence.close()
    await this.clock.advance(10_000)
    expect([this.servers.openSockets, this.clock.pendingTimers]).toEqual([0, 0])
  }
}

class Heard {
  readonly presence: RoomPresence
  /** Everybody met so far. */
  readonly met: Set<string> = new Set()
  wake: () => void = () => {}

  constructor(urls: readonly string[], options: Omit<RoomPresenceOptions, 'servers' | 'handlers'>) {
    this.presence = new RoomPresence({
      servers: urls.map((url) => ({ url })),
      wake: (attemptNow) => {
        this.wake = attemptNow
        return () => {
          this.wake = () => {}
        }
      },
      ...options,
      handlers: {
        onAttached: (present) => present.forEach(({ peer }) => this.met.add(peer)),
        onDetached: () => {},
        onJoined: ({ peer }) => void this.met.add(peer),
        onLeft: () => {},
        onSignal: () => {},
        onRelayed: () => {},
        knows: ({ peer }) => this.met.has(peer),
      },
    })
  }

  /** Where it is attached, or `null`. */
  get at(): string | null {
    const status = this.presence.status.get()
    return status.kind === 'attached' ? status.url : null
  }
}

describe('a joiner', () => {
  const troubles: [string, (servers: VirtualSignalServers, url: string) => void, number][] = [
    ['dead', (servers, url) => servers.stop(url), 1_000],
    ['silent', (servers, url) => servers.delay(url, SILENT), (URLS.length - 1) * HEAD_START_MS + 1_000],
    ['slow', (servers, url) => servers.delay(url, 2_000), (URLS.length - 1) * HEAD_START_MS + 1_000],
    ['refusing', (servers, url) => servers.limit(url, { maxConnections: 0 }), 1_000],
    ['full of rooms', (servers, url) => servers.limit(url, { maxRooms: 0 }), 1_000],
  ]
  it.each(troubles)(
    '[LIST-1] finds the room on the last server of eight, the others being %s',
    async (_, harm, boundMs) => {
      const world = new World()
      const last = URLS.at(-1) as string
      const all = { servers: URLS.map((url) => ({ url })) }
      await world.enter(world.member('host', { servers: [{ url: last }] }))
      for (const url of URLS.slice(0, -1)) harm(world.servers, url)
      const begunMs = world.clock.now()
      const joiner = await world.enter(world.member('joiner', all), 'no')
      expect(world.clock.now() - begunMs).toBeLessThan(boundMs)
      expect([joiner.at, joiner.met]).toEqual([last, new Set(['host'])])
      await world.end()
    },
  )

  it('[LIST-2] asks the next server beside one that is slow, takes who has the room first, and lets go of the other', async () => {
    const world = new World()
    await world.enter(world.member('host', { servers: [{ url: TWO }] }))
    world.servers.delay(ONE, 1_000)
    world.servers.asked.length = 0
    const joiner = await world.enter(world.member('joiner'), 'no')
    expect([joiner.at, world.clock.now() < 2 * HEAD_START_MS]).toEqual([TWO, true])
    expect(world.servers.asked).toEqual([ONE, TWO])
    await world.clock.advance(ATTACH_BOUND_MS)
    expect(world.servers.openSockets).toBe(2)
    await world.end()
  })

  it('[LIST-2] waits for a slow server that has the room, whoever else has not', async () => {
    const world = new World()
    await world.enter(world.member('host'))
    world.servers.delay(ONE, 1_000)
    const joiner = await world.enter(world.member('joiner'), 'no')
    expect([joiner.at, joiner.met]).toEqual([ONE, new Set(['host'])])
    await world.end()
  })

  it('[LIST-1] waits for members to notice that their server has fallen silent', async () => {
    const world = new World()
    const host = await world.enter(world.member('host'))
    await world.clock.advance(PING_INTERVAL_MS - 1_000)
    world.servers.delay(ONE, SILENT)
    const joiner = await world.enter(world.member('joiner'), 'no')
    expect([host.at, joiner.at, joiner.met]).toEqual([TWO, TWO, new Set(['host'])])
    await world.end()
  })

  it('[LIST-1] gives up within the bound where the room is nowhere', async () => {
    const world = new World()
    const timed = async (): Promise<number> => {
      const begunMs = world.clock.now()
      await expect(world.enter(world.member('joiner'), 'no')).rejects.toBeInstanceOf(RoomNotFoundError)
      return world.clock.now() - begunMs
    }
    expect(await timed()).toBeLessThan(100)
    world.servers.stop(ONE)
    expect(await timed()).toBeLessThan(SEARCH_BOUND_MS + 1_000)
    world.servers.delay(TWO, SILENT)
    expect(await timed()).toBeLessThan(SILENT_SEARCH_BOUND_MS + ATTACH_BOUND_MS + 2 * HEAD_START_MS)
    await world.end()
  })

  it('[LIST-5] is told that the room is full, where a member goes on to another server', async () => {
    const world = new World()
    const member = await world.enter(world.member('member', { maxPeers: 2 }))
    await world.clock.advance(5_000)
    world.servers.dropOldest(ONE)
    await world.clock.advance(5)
    // Two others take its place while it is on its way back.
    await world.enter(world.member('other', { maxPeers: 2, servers: [{ url: ONE }] }))
    await world.enter(world.member('another', { servers: [{ url: ONE }] }))
    await expect(world.enter(world.member('joiner'), 'no')).rejects.toBeInstanceOf(RoomFullError)
    await world.until(() => member.at !== null, 5_000)
    expect(member.at).toBe(TWO)
    await world.end()
  })
})

describe('members', () => {
  it('[LIST-4] meet again on a server that was restarted and knows nobody', async () => {
    const world = new World()
    const only = { servers: [{ url: ONE }] }
    const members = await Promise.all(['ada', 'ben', 'cyd'].map((name) => world.enter(world.member(name, only))))
    await world.clock.advance(10_000)
    world.servers.stop(ONE)
    await world.clock.advance(60_000)
    for (const member of members) member.met.clear()
    world.servers.start(ONE)
    const tookMs = await world.until(() => members.every(({ met }) => met.size === 2))
    expect(tookMs).toBeLessThan(20_000)
    await world.end()
  })

  it('[LIST-3] leave a server that takes them in only to drop them for one that is steady, without a tight loop', async () => {
    const world = new World()
    const [ada, ben] = [await world.enter(world.member('ada')), await world.enter(world.member('ben'))]
    world.servers.asked.length = 0
    for (let second = 0; second < 120; second++) {
      world.servers.stop(ONE)
      world.servers.start(ONE)
      await world.clock.advance(1_000)
    }
    expect([ada.at, ben.at]).toEqual([TWO, TWO])
    expect(world.servers.asked.length).toBeLessThan(60)
    await world.end()
  })

  it('[LIST-3] pause longer and longer where the only server drops them', async () => {
    const world = new World()
    await world.enter(world.member('ada', { servers: [{ url: ONE }] }))
    world.servers.asked.length = 0
    for (let tenth = 0; tenth < 3_000; tenth++) {
      world.servers.dropOldest(ONE)
      await world.clock.advance(100)
    }
    expect(world.servers.asked.length).toBeLessThan(150)
    await world.end()
  })

  it('[LIST-3] have one look at the other servers before them, however often their server was lost', async () => {
    const world = new World()
    const ada = await world.enter(world.member('ada'))
    const timers = world.clock.pendingTimers
    for (let second = 0; second < 60; second++) {
      for (const url of [ONE, TWO, THREE]) world.servers.dropOldest(url)
      await world.clock.advance(1_000)
    }
    await world.until(() => ada.at !== null)
    expect(world.clock.pendingTimers).toBe(timers)
    await world.end()
  })

  it.each(['searching', 'attached'] as const)(
    '[LIST-4] that leave when told that they are %s begin nothing more',
    async (kind) => {
      const world = new World()
      const [ada] = [await world.enter(world.member('ada')), await world.enter(world.member('ben'))]
      await world.clock.advance(10_000)
      ada.met.clear()
      ada.presence.status.listen((status) => {
        if (status.kind === kind) ada.presence.close()
      })
      world.servers.dropOldest(ONE)
      await world.clock.advance(5_000)
      expect(ada.presence.status.get().kind).toBe(kind)
      world.servers.asked.length = 0
      await world.clock.advance(40_000)
      expect([ada.met, world.servers.asked]).toEqual([new Set(), []])
      await world.end()
    },
  )

  it('[LIST-6] that reach different servers are fetched by one that reaches both', async () => {
    const world = new World()
    const far = { WebSocket: world.servers.reaching(TWO) }
    const [ada, ben] = [await world.enter(world.member('ada')), await world.enter(world.member('ben', far))]
    expect([ada.at, ben.at]).toEqual([ONE, TWO])
    expect(await world.until(() => ada.met.has('ben') && ben.met.has('ada'))).toBeLessThan(80_000)
    await world.end()
  })

  it('[LIST-6] go home, and after the loss of home on to the server behind it', async () => {
    const world = new World()
    world.servers.stop(ONE)
    const ada = await world.enter(world.member('ada'))
    expect(ada.at).toBe(TWO)
    world.servers.start(ONE)
    await world.enter(world.member('ben', { servers: [{ url: ONE }] }))
    expect(await world.until(() => ada.at === ONE)).toBeLessThan(35_000)
    world.servers.stop(ONE)
    await world.until(() => ada.at !== null && ada.at !== ONE, 10_000)
    expect(ada.at).toBe(TWO)
    await world.end()
  })

  it('[LIST-6] that came past the first server look for it soon, but not back to one that has just dropped them', async () => {
    const world = new World()
    world.servers.stop(ONE)
    const ada = await world.enter(world.member('ada'))
    expect(ada.at).toBe(TWO)
    world.servers.start(ONE)
    const ben = await world.enter(world.member('ben', { servers: [{ url: ONE }] }))
    expect(await world.until(() => ada.met.has('ben') && ben.met.has('ada'))).toBeLessThan(2_500)
    world.servers.stop(ONE)
    await world.until(() => ada.at === TWO, 10_000)
    world.servers.start(ONE)
    expect(await world.until(() => ada.at === ONE)).toBeGreaterThan(10_000)
    await world.end()
  })

  it('[LIST-11] look for those they miss on earlier servers within two seconds, as often as they are asked', async () => {
    const world = new World()
    const ada = await world.enter(world.member('ada'))
    // So soon after it had been attached to that it does not count as steady: nothing is looked for at once.
    world.servers.stop(ONE)
    await world.until(() => ada.at === TWO, 10_000)
    world.servers.start(ONE)
    await world.clock.advance(5_000)
    expect(ada.at).toBe(TWO)
    await world.enter(world.member('ben', { servers: [{ url: ONE }] }))
    ada.presence.seek()
    expect(await world.until(() => ada.at === ONE)).toBeLessThan(2_500)
    await world.end()
  })

  it('[LIST-6] do not leave their server for somebody who is of their mesh already', async () => {
    const world = new World()
    const [ada, ben] = [world.member('ada'), world.member('ben', { WebSocket: world.servers.reaching(TWO) })]
    ada.met.add('ben')
    await world.enter(ada)
    await world.enter(ben)
    await world.clock.advance(300_000)
    expect([ada.at, ben.at, world.servers.openSockets]).toEqual([ONE, TWO, 2])
    await world.end()
  })
})

describe('how each server does', () => {
  it('[LIST-7] is told: where this peer is attached, the last answer, its latency, failures in a row and why', async () => {
    const world = new World()
    world.servers.stop(ONE)
    world.servers.delay(TWO, 100)
    const ada = await world.enter(world.member('ada'))
    const [one, two, three] = ada.presence.servers.get()
    expect(one).toMatchObject({ url: ONE, isAttached: false, failures: 2, lastAnswerAtMs: null, latencyMs: null })
    expect(one?.lastError).toBeInstanceOf(SignalingUnavailableError)
    expect(two).toMatchObject({ url: TWO, isAttached: true, failures: 0, latencyMs: 300, lastError: null })
    expect(three).toMatchObject({ url: THREE, isAttached: false, failures: 0, latencyMs: 3 })
    const answeredAtMs = two?.lastAnswerAtMs ?? 0
    world.servers.delay(TWO, 30)
    await world.clock.advance(PING_INTERVAL_MS + 100)
    const later = ada.presence.servers.get()[1]
    expect(later).toMatchObject({ latencyMs: 60 })
    expect(later?.lastAnswerAtMs).toBeGreaterThan(answeredAtMs)
    world.servers.delay(TWO, SILENT)
    await world.clock.advance(PING_INTERVAL_MS + PONG_TIMEOUT_MS + 1)
    expect(ada.presence.servers.get()[1]).toMatchObject({ isAttached: false, failures: 1 })
    await world.end()
  })
})

describe('a wake', () => {
  it('[LIST-8] ends the pause before the next attempt, and one that hangs', async () => {
    const world = new World()
    const ada = await world.enter(world.member('ada', { servers: [{ url: ONE }] }))
    await world.clock.advance(10_000)
    world.servers.stop(ONE)
    await world.clock.advance(120_000)
    world.servers.start(ONE)
    expect(ada.at).toBeNull()
    ada.wake()
    await world.clock.advance(10)
    expect(ada.at).toBe(ONE)
    world.servers.stop(ONE)
    world.servers.start(ONE)
    world.servers.delay(ONE, SILENT)
    await world.clock.advance(2_000)
    world.servers.delay(ONE, 1)
    ada.wake()
    await world.clock.advance(10)
    expect(ada.at).toBe(ONE)
    await world.end()
  })

  it('[LIST-8] while attached asks the server for a sign of life: one that gives none is left within two seconds', async () => {
    const world = new World()
    const ada = await world.enter(world.member('ada'))
    ada.wake()
    await world.clock.advance(PROBE_TIMEOUT_MS + 100)
    expect(ada.at).toBe(ONE)
    world.servers.delay(ONE, SILENT)
    ada.wake()
    await world.clock.advance(PROBE_TIMEOUT_MS + 1)
    expect(ada.at).toBeNull()
    await world.until(() => ada.at === TWO, ATTACH_BOUND_MS + 2_000)
    await world.end()
  })
})
