import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../base/clock.ts'
import type { BackplaneEvent, BackplaneRequest } from '../signal/backplane.ts'
import type { CreateRoom } from '../signal/protocol.ts'
import { RoomDirectory } from '../signal/room-directory.ts'
import { openAttachment, type Attachment } from '../signal/signal-client.ts'
import { RedisBackplane, startSignalServer, type SignalServer } from './index.ts'
import { hasRedis, RedisProcess } from './test-support/redis-process.ts'

vi.setConfig({ testTimeout: 60_000 })
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 20 })

let prefixes = 0
const newPrefix = (): string => `test ${process.pid} ${prefixes++}:`

async function serve(url: string, prefix: string, leaseMs = 1_000): Promise<SignalServer> {
  const server = await startSignalServer({ backplane: new RedisBackplane({ url, prefix, leaseMs }) })
  onTestFinished(() => server.close({ abrupt: true }))
  return server
}

/** A client that writes down what it hears. */
class Guest {
  readonly heard: string[] = []
  attachment!: Attachment

  static async enter(server: SignalServer, peer: string, create: CreateRoom = 'if-missing'): Promise<Guest> {
    const guest = new Guest()
    const note = (line: string): void => void guest.heard.push(line)
    guest.attachment = await openAttachment({
      url: server.url,
      room: 'oak "\u{1f333}"\n',
      peer,
      session: '1',
      sessionSecret: 'sixteen characters',
      create,
      maxPeers: 3,
      handlers: {
        onJoined: (at) => note(`joined ${at.peer}`),
        onLeft: (at) => note(`left ${at.peer}`),
        onSignal: (from, body) => note(`${from.peer}: ${body}`),
        onRelayed: (from, payload) => note(`${from.peer}: ${payload.join(' ')}`),
        onLost: () => note('lost'),
      },
      WebSocket,
    })
    onTestFinished(() => guest.attachment.close())
    return guest
  }

  /** Fails where the server takes the peer in, and then the peer is not there any more. */
  static async refused(server: SignalServer, peer: string, why: RegExp): Promise<void> {
    const entering = Guest.enter(server, peer)
    entering.then(
      ({ attachment }) => attachment.close(),
      () => {},
    )
    await expect(entering).rejects.toThrow(why)
  }

  get others(): string[] {
    return this.attachment.peers.map(({ peer }) => peer)
  }
}

const at = (peer: string): { peer: string; session: string } => ({ peer, session: '1' })

const withRedis = (): void => {
  let redis: RedisProcess
  beforeAll(async () => {
    redis = await RedisProcess.start()
  })
  afterAll(() => redis.kill())

  it('[REDIS-1] two peers on two servers meet, signal and relay, and one leaves', async () => {
    const prefix = newPrefix()
    const [here, there] = [await serve(redis.url, prefix), await serve(redis.url, prefix)]
    const ann = await Guest.enter(here, 'ann', 'new')
    const bob = await Guest.enter(there, 'bob \u{1f600}', 'no')
    expect([bob.others, bob.attachment.created, bob.attachment.maxPeers]).toEqual([['ann'], false, 3])
    await eventually(() => expect(ann.heard).toEqual(['joined bob \u{1f600}']))
    bob.attachment.send(at('ann'), 'a "quoted"\nbody')
    bob.attachment.relay(at('ann'), Uint8Array.of(0, 128, 255))
    await eventually(() =>
      expect(ann.heard.slice(1)).toEqual(['bob \u{1f600}: a "quoted"\nbody', 'bob \u{1f600}: 0 128 255']),
    )
    await expect(Guest.enter(there, 'cyd', 'new')).rejects.toMatchObject({ code: 'RoomTakenError' })
    bob.attachment.close()
    await eventually(() => expect(ann.heard.at(-1)).toBe('left bob \u{1f600}'))
  })

  it('[REDIS-3] a server is killed, and its peers carry on through the other', async () => {
    const prefix = newPrefix()
    const here = await serve(redis.url, prefix)
    const { server: there, crash } = await serveUntilCrash(redis.url, prefix)
    const ann = await Guest.enter(here, 'ann')
    const bob = await Guest.enter(there, 'bob')
    const cyd = await Guest.enter(there, 'cyd')
    await crash()
    await eventually(() => expect([bob.heard.at(-1), cyd.heard.at(-1)]).toEqual(['lost', 'lost']))
    const back = await Guest.enter(here, 'bob')
    expect(back.others.filter((peer) => peer !== 'cyd')).toEqual(['ann'])
    await eventually(() => expect(ann.heard).toEqual(['joined bob', 'joined cyd', 'left cyd']))
    back.attachment.send(at('ann'), 'here I am')
    await eventually(() => expect(ann.heard.at(-1)).toBe('bob: here I am'))
  })

  it('[REDIS-4] Redis goes away and comes back with nothing: those attached stay, and the room is one again', async () => {
    const own = await RedisProcess.start()
    onTestFinished(() => own.kill())
    const prefix = newPrefix()
    const [here, there] = [await serve(own.url, prefix), await serve(own.url, prefix)]
    const ann = await Guest.enter(here, 'ann')
    const dan = await Guest.enter(here, 'dan')
    const bob = await Guest.enter(there, 'bob')
    await own.kill()
    await vi.waitFor(() => Guest.refused(here, 'cyd', /unavailable/), { timeout: 20_000 })
    ann.attachment.send(at('dan'), 'still here')
    await eventually(() => expect(dan.heard.at(-1)).toBe('ann: still here'))
    await own.start()
    // The room takes three, and three are there, though this Redis has never heard of them before. Who asks before the
    // servers have told it of them gets in.
    await vi.waitFor(() => Guest.refused(there, 'cyd', /full/), { timeout: 20_000 })
    await vi.waitFor(
      () => {
        ann.attachment.send(at('bob'), 'are you there?')
        expect(bob.heard.at(-1)).toBe('ann: are you there?')
      },
      { timeout: 20_000, interval: 100 },
    )
    expect([ann, dan, bob].flatMap(({ heard }) => heard.filter((line) => line === 'lost'))).toEqual([])
  })

  it('[REDIS-2] decides and tells what the directory in memory does, whatever is asked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, { minLength: 1, maxLength: 25 }), async (steps) => {
        const prefix = newPrefix()
        const lines = await Promise.all([0, 1].map(() => Line.open(redis.url, prefix)))
        try {
          const directory = new RoomDirectory()
          const wanted: BackplaneEvent[][] = [[], []]
          for (const { line, request } of steps) {
            const { server } = lines[line] as Line
            const told = 'to' in request ? { ...request, to: { ...request.to, server } } : request
            lines[line]?.backplane.ask(told)
            for (const { server: to, event } of directory.step(server, told)) {
              wanted[lines.findIndex((each) => each.server === to)]?.push(event)
            }
            // A fence: the next request comes from another connection, and must not overtake this one.
            await lines[line]?.fence()
          }
          for (const line of lines) await line.fence()
          expect(lines.map(({ heard }) => heard.map(sorted))).toEqual(wanted.map((events) => events.map(sorted)))
        } finally {
          await Promise.all(lines.map(({ backplane }) => backplane.close()))
        }
      }),
      { numRuns: 25 },
    )
  })
}

if (hasRedis) describe('servers that share a Redis', withRedis)
else
  it('the Redis backplane: [REDIS-1..4] left out, for this machine has no redis-server', () =>
    expect(hasRedis).toBe(false))

it('[REDIS-5] a Redis that cannot be reached is an error at the start', async () => {
  const backplane = new RedisBackplane({ url: 'redis://127.0.0.1:1' })
  await expect(startSignalServer({ backplane })).rejects.toThrow(/ECONNREFUSED/)
  expect(() => new RedisBackplane({ url: 'redis://127.0.0.1', leaseMs: 10 })).toThrow(RangeError)
})

/** A server whose crash is played: its time stands still, and it gives nothing up. */
async function serveUntilCrash(url: string, prefix: string): Promise<{ server: SignalServer; crash(): Promise<void> }> {
  let crashed = false
  const clock = {
    ...systemClock,
    setTimeout: (run: () => void, ms: number) => systemClock.setTimeout(() => crashed || run(), ms),
  }
  const backplane = new RedisBackplane({ url, prefix, leaseMs: 1_000, clock })
  onTestFinished(() => backplane.close())
  const line = {
    open: (onEvent: (event: BackplaneEvent) => void) => backplane.open(onEvent),
    ask: (request: BackplaneRequest) => crashed || backplane.ask(request),
    close: async () => {},
  }
  const server = await startSignalServer({ backplane: line })
  const crash = async (): Promise<void> => {
    crashed = true
    await server.close({ abrupt: true })
  }
  onTestFinished(crash)
  return { server, crash }
}

/** One server's end, with what it was told. */
class Line {
  readonly backplane: RedisBackplane
  readonly heard: BackplaneEvent[] = []
  server = ''
  #fences = 0

  private constructor(backplane: RedisBackplane) {
    this.backplane = backplane
  }

  static async open(url: string, prefix: string): Promise<Line> {
    const line = new Line(new RedisBackplane({ url, prefix }))
    await line.backplane.open((event) => {
      if (event.kind === 'up') line.server = event.server
      else if (event.kind === 'signal' && event.room === 'the fence') line.#fences--
      else line.heard.push(event)
    })
    return line
  }

  /** Resolves once all that this line asked for before has been done, and all events for it have come. */
  async fence(): Promise<void> {
    const to = { peer: 'self', session: '1', server: this.server, connection: 0 }
    this.#fences++
    this.backplane.ask({ kind: 'signal', room: 'the fence', from: to, to, body: '' })
    await vi.waitFor(() => expect(this.#fences).toBe(0), { timeout: 10_000, interval: 1 })
  }
}

const anyName = fc.record({ peer: fc.constantFrom('ann', 'bob "\n', 'c\ud800'), session: fc.constantFrom('1', '2') })
const anyEntrant = fc
  .tuple(anyName, fc.integer({ min: 1, max: 4 }), fc.constantFrom('the right secret', 'the wrong secret'))
  .map(([name, connection, sessionSecret]) => ({ ...name, connection, sessionSecret }))
const room = fc.constantFrom('oak', 'ash "\n')
const anyRequest = fc.record({
  line: fc.constantFrom(0, 1),
  request: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('enter' as const),
        room,
        entrant: anyEntrant,
        create: fc.constantFrom<CreateRoom>('no', 'new', 'if-missing', 'if-missing'),
        canCreate: fc.constantFrom(true, true, false),
        maxPeers: fc.constantFrom(1, 2, 5),
        maxSessionsPerPeer: fc.constantFrom(1, 2),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('leave' as const),
        room,
        at: anyName,
        connection: fc.integer({ min: 1, max: 4 }),
        why: fc.constantFrom('lost' as const, 'gone' as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('restore' as const),
        room,
        maxPeers: fc.constantFrom(1, 5),
        entrants: fc.array(anyEntrant, { minLength: 1, maxLength: 2 }),
        previous: fc.constant('nobody'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(room, anyName, anyName, fc.string()).map(([where, from, to, body]) => ({
        kind: 'signal' as const,
        room: where,
        from,
        to: { ...to, connection: 1 },
        body,
      })),
    },
  ),
})

/** Whom a roster names in what order says nothing. */
function sorted(event: BackplaneEvent): unknown {
  const text = JSON.stringify(event, (_key, value: unknown) =>
    Array.isArray(value) ? value.map((each) => JSON.stringify(each)).sort() : value,
  )
  const fields = JSON.parse(text) as Record<string, unknown>
  return Object.fromEntries(Object.entries(fields).sort())
}
