import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { SignalHub, type ConnectionId, type HubInput } from './hub.ts'
import { encodeRelayFrame } from './relay-frame.ts'
import { SIGNAL_CLOSE, SIGNAL_VERSION, type ClientMessage, type CreateRoom, type ServerMessage } from './protocol.ts'
import { signalLimits, type SignalLimits } from './signal-limits.ts'

/** A hub with a transcript: what each connection was sent, in short, and how it was closed. */
class Scene {
  readonly hub: SignalHub
  nowMs = 1_000
  readonly #heard = new Map<ConnectionId, string[]>()

  constructor(limits: Partial<SignalLimits> = {}) {
    this.hub = new SignalHub(signalLimits(limits))
  }

  step(input: HubInput): void {
    for (const effect of this.hub.step(input)) {
      if (effect.kind === 'close') this.#note(effect.connection, `closed ${effect.code}`)
      else if (effect.kind === 'relay') this.#note(effect.connection, 'relayed')
      else if (effect.kind === 'pause') this.#note(effect.connection, `paused ${effect.ms}`)
      else for (const connection of effect.connections) this.#note(connection, short(effect.message))
    }
  }

  connect(...connections: ConnectionId[]): void {
    for (const connection of connections) this.step({ kind: 'connected', connection, nowMs: this.nowMs })
  }

  say(connection: ConnectionId, message: ClientMessage | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    this.step({ kind: 'message', connection, text, nowMs: this.nowMs })
  }

  /** Connects and attaches; returns what it was answered. */
  attach(
    connection: ConnectionId,
    who: string,
    create: CreateRoom = 'if-missing',
    more: Partial<Attach> = {},
  ): string[] {
    this.connect(connection)
    this.say(connection, attach(who, create, more))
    return this.heard(connection)
  }

  signal(connection: ConnectionId, to: string, body: string): void {
    this.say(connection, { type: 'signal', to: address(to), body })
  }

  disconnect(connection: ConnectionId): void {
    this.step({ kind: 'disconnected', connection })
  }

  tickAfter(ms: number): void {
    this.nowMs += ms
    this.step({ kind: 'tick', nowMs: this.nowMs })
  }

  /** What `connection` was told since the last call. */
  heard(connection: ConnectionId): string[] {
    const heard = this.#heard.get(connection) ?? []
    this.#heard.delete(connection)
    return heard
  }

  #note(connection: ConnectionId, line: string): void {
    const lines = this.#heard.get(connection) ?? []
    lines.push(line)
    this.#heard.set(connection, lines)
  }
}

type Attach = Extract<ClientMessage, { type: 'attach' }>

/** `ann/2` is session 2 of ann. */
function address(who: string): { peer: string; session: string } {
  const [peer = '', session = '1'] = who.split('/')
  return { peer, session }
}

function attach(who: string, create: CreateRoom, more: Partial<Attach> = {}): Attach {
  const sessionSecret = `the secret of ${who}`.padEnd(16)
  return { type: 'attach', version: SIGNAL_VERSION, room: 'oak', ...address(who), sessionSecret, create, ...more }
}

function short(message: ServerMessage): string {
  const name = ({ peer, session }: { peer: string; session: string }): string => `${peer}/${session}`
  switch (message.type) {
    case 'attached':
      return `attached${message.created ? ' first' : ''} [${message.peers.map(name).join(' ')}] of ${message.maxPeers}`
    case 'joined':
    case 'left':
      return `${message.type} ${name(message)}`
    case 'signal':
      return `${name(message.from)}: ${message.body}`
    case 'pong':
      return 'pong'
    case 'error':
      return message.code
  }
}

let scene: Scene
beforeEach(() => {
  scene = new Scene({ maxPeersPerRoom: 3 })
})

describe('the signalling hub: rooms', () => {
  it('[HUB-1] a room is who is attached: it begins with the first, and the last takes it away', () => {
    expect(scene.attach(1, 'ann')).toEqual(['attached first [] of 3'])
    expect(scene.attach(2, 'bob')).toEqual(['attached [ann/1] of 3'])
    expect(scene.heard(1)).toEqual(['joined bob/1'])
    expect(scene.hub.size).toEqual({ connections: 2, rooms: 1 })
    scene.disconnect(1)
    expect(scene.heard(2)).toEqual(['left ann/1'])
    scene.say(2, { type: 'detach' })
    expect(scene.hub.size).toEqual({ connections: 1, rooms: 0 })
    expect(scene.attach(3, 'cyd', 'no')).toEqual(['room-not-found'])
  })

  it('[HUB-2] create no needs the room to exist', () => {
    expect(scene.attach(1, 'ann', 'no')).toEqual(['room-not-found'])
    expect(scene.hub.size.rooms).toBe(0)
    scene.attach(2, 'bob', 'new')
    scene.say(1, attach('ann', 'no'))
    expect(scene.heard(1)).toEqual(['attached [bob/1] of 3'])
  })

  it('[HUB-3] create new needs it not to', () => {
    expect(scene.attach(1, 'ann', 'new')).toEqual(['attached first [] of 3'])
    expect(scene.attach(2, 'bob', 'new')).toEqual(['room-taken'])
    expect(scene.heard(1)).toEqual([])
  })

  it('[HUB-4] create if-missing takes it either way', () => {
    expect(scene.attach(1, 'ann', 'if-missing')).toEqual(['attached first [] of 3'])
    expect(scene.attach(2, 'bob', 'if-missing')).toEqual(['attached [ann/1] of 3'])
  })

  it('[HUB-5] rooms know nothing of each other', () => {
    scene.attach(1, 'ann')
    expect(scene.attach(2, 'bob', 'new', { room: 'ash' })).toEqual(['attached first [] of 3'])
    scene.signal(2, 'ann', 'hello?')
    expect(scene.heard(1)).toEqual([])
  })

  it("[HUB-6] capacity is the creator's, within the server's limit, and only the creator's", () => {
    expect(scene.attach(1, 'ann', 'new', { maxPeers: 2 })).toEqual(['attached first [] of 2'])
    expect(scene.attach(2, 'bob', 'no', { maxPeers: 3 })).toEqual(['attached [ann/1] of 2'])
    expect(scene.attach(3, 'cyd', 'no')).toEqual(['room-full'])
    expect(scene.attach(4, 'dan', 'new', { room: 'ash', maxPeers: 100 })).toEqual(['attached first [] of 3'])
    scene.disconnect(2)
    scene.say(3, attach('cyd', 'no'))
    expect(scene.heard(3)).toEqual(['attached [ann/1] of 2'])
  })

  it('[HUB-7] capacity counts peers, not their sessions: a reloaded tab comes into a full room beside its ghost', () => {
    scene.attach(1, 'ann', 'new', { maxPeers: 2 })
    scene.attach(2, 'bob')
    scene.heard(1)
    expect(scene.attach(3, 'bob/2', 'no')).toEqual(['attached [ann/1 bob/1] of 2'])
    expect(scene.heard(1)).toEqual(['joined bob/2'])
    expect(scene.heard(2)).toEqual(['joined bob/2'])
    scene.disconnect(2)
    expect(scene.heard(1)).toEqual(['left bob/1'])
    expect(scene.attach(4, 'cyd')).toEqual(['room-full'])
  })

  it('[HUB-8] a new session of a peer puts nobody out: the server proves no identity', () => {
    scene.attach(1, 'ann')
    scene.attach(2, 'ann/2')
    scene.signal(2, 'ann/1', 'are you my ghost?')
    expect(scene.heard(1)).toEqual(['joined ann/2', 'ann/2: are you my ghost?'])
  })

  it('[HUB-9] the same session with its secret replaces its own attachment, and the others notice nothing', () => {
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.heard(1)
    expect(scene.attach(3, 'ann', 'no')).toEqual(['attached [bob/1] of 3'])
    expect(scene.heard(1)).toEqual(['replaced', `closed ${SIGNAL_CLOSE.replaced}`])
    expect(scene.heard(2)).toEqual([])
    scene.disconnect(1)
    expect(scene.heard(2)).toEqual([])
    scene.signal(2, 'ann', 'welcome back')
    expect(scene.heard(3)).toEqual(['bob/1: welcome back'])
  })

  it('[HUB-9] whatever it asked for of the room: its own earlier attempt is no obstacle', () => {
    scene.attach(1, 'ann', 'new', { maxPeers: 1 })
    expect(scene.attach(2, 'ann', 'new', { maxPeers: 1 })).toEqual(['attached [] of 1'])
  })

  it('[HUB-10] the same session with another secret is refused, and whom it named stays', () => {
    scene.attach(1, 'ann')
    const impostor = { sessionSecret: 'a guess of the secret' }
    expect(scene.attach(2, 'ann', 'if-missing', impostor)).toEqual(['session-taken'])
    expect(scene.heard(1)).toEqual([])
    expect(scene.attach(3, 'bob')).toEqual(['attached [ann/1] of 3'])
  })
})

describe('the signalling hub: messages', () => {
  it("[HUB-11] a signal reaches the one session it names, with the sender's own address on it", () => {
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.attach(3, 'bob/2')
    for (const connection of [1, 2, 3]) scene.heard(connection)
    scene.say(
      1,
      '{"type":"signal","to":{"peer":"bob","session":"2"},"from":{"peer":"cyd","session":"1"},"body":"offer"}',
    )
    expect(scene.heard(3)).toEqual(['ann/1: offer'])
    expect([scene.heard(1), scene.heard(2)]).toEqual([[], []])
  })

  it('[HUB-12] a signal to somebody who is not there, or to oneself, is dropped in silence', () => {
    scene.attach(1, 'ann')
    scene.signal(1, 'bob', 'offer')
    scene.signal(1, 'ann/2', 'offer')
    scene.signal(1, 'ann/1', 'offer')
    expect(scene.heard(1)).toEqual([])
  })

  it('[HUB-13] signals and attachments out of turn are answered and change nothing', () => {
    scene.connect(1)
    scene.signal(1, 'bob', 'offer')
    expect(scene.heard(1)).toEqual(['not-attached'])
    scene.say(1, { type: 'detach' })
    scene.say(1, attach('ann', 'new'))
    scene.say(1, attach('ann', 'new', { room: 'ash' }))
    expect(scene.heard(1)).toEqual(['attached first [] of 3', 'already-attached'])
    expect(scene.hub.size.rooms).toBe(1)
  })

  it('[HUB-14] a ping is answered, attached or not', () => {
    scene.connect(1)
    scene.say(1, { type: 'ping' })
    expect(scene.heard(1)).toEqual(['pong'])
  })

  it('[HUB-15] unknown, malformed and foreign-version messages get an error, and the connection goes on', () => {
    scene.attach(1, 'ann')
    for (const junk of ['', 'hello', '{}', '{"type":"sudo"}', '{"type":"signal","to":"bob"}']) scene.say(1, junk)
    scene.say(1, '{"type":"attach","version":99}')
    expect(scene.heard(1)).toEqual([...Array<string>(5).fill('malformed'), 'unsupported-version'])
    scene.say(1, { type: 'ping' })
    expect(scene.heard(1)).toEqual(['pong'])
  })

  it('[HUB-16] a message over maxMessageBytes, counted in UTF-8, gets an error and is not relayed', () => {
    scene = new Scene({ maxMessageBytes: 200 })
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.heard(1)
    scene.heard(2)
    for (const body of ['x'.repeat(200), 'é'.repeat(90)]) scene.signal(1, 'bob', body)
    scene.signal(1, 'bob', 'x'.repeat(100))
    expect(scene.heard(1)).toEqual(['message-too-large', 'message-too-large'])
    expect(scene.heard(2)).toEqual([`ann/1: ${'x'.repeat(100)}`])
  })
})

describe('the signalling hub: limits', () => {
  it('[HUB-17] over maxConnections a newcomer is told and closed; when one goes there is room again', () => {
    scene = new Scene({ maxConnections: 2 })
    scene.connect(1, 2, 3)
    expect(scene.heard(3)).toEqual(['too-many-connections', `closed ${SIGNAL_CLOSE.tryAgainLater}`])
    scene.say(3, attach('cyd', 'new'))
    expect(scene.heard(3)).toEqual([])
    scene.disconnect(3)
    scene.disconnect(1)
    expect(scene.attach(4, 'dan')).toEqual(['attached first [] of 64'])
  })

  it('[HUB-18] over maxRooms no room is made; those there are can still be joined', () => {
    scene = new Scene({ maxRooms: 1 })
    scene.attach(1, 'ann')
    expect(scene.attach(2, 'bob', 'if-missing', { room: 'ash' })).toEqual(['too-many-rooms'])
    scene.say(2, attach('bob', 'no'))
    expect(scene.heard(2)).toEqual(['attached [ann/1] of 64'])
  })

  it('[HUB-19] over maxSessionsPerPeer one more session of a peer is refused', () => {
    scene = new Scene({ maxSessionsPerPeer: 2 })
    scene.attach(1, 'ann/1')
    scene.attach(2, 'ann/2')
    expect(scene.attach(3, 'ann/3')).toEqual(['too-many-sessions'])
    expect(scene.attach(4, 'ann/2')).toEqual(['attached [ann/1] of 64'])
  })

  it('[HUB-20] a burst is taken, a flood is dropped with one error, and time makes good', () => {
    scene = new Scene({ maxMessagesPerSecond: 2, burstMessages: 5 })
    scene.connect(1)
    for (let i = 0; i < 8; i++) scene.say(1, { type: 'ping' })
    expect(scene.heard(1)).toEqual([...Array<string>(5).fill('pong'), 'rate-exceeded'])
    scene.nowMs += 1_000
    for (let i = 0; i < 3; i++) scene.say(1, { type: 'ping' })
    expect(scene.heard(1)).toEqual(['pong', 'pong', 'rate-exceeded'])
  })

  it('[HUB-20] a clock that runs backwards gives nothing away', () => {
    scene = new Scene({ maxMessagesPerSecond: 1, burstMessages: 1 })
    scene.connect(1)
    for (const nowMs of [1_000, 500, 1_000, 500, 1_000]) {
      scene.nowMs = nowMs
      scene.say(1, { type: 'ping' })
    }
    expect(scene.heard(1)).toEqual(['pong', 'rate-exceeded', `closed ${SIGNAL_CLOSE.policy}`])
  })

  it('[HUB-21] who floods on for a whole burst more is closed, and the room hears that it left', () => {
    scene = new Scene({ maxMessagesPerSecond: 1, burstMessages: 5 })
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.heard(1)
    for (let i = 0; i < 100; i++) scene.signal(2, 'ann', 'spam')
    expect(scene.heard(1)).toEqual([...Array<string>(4).fill('bob/1: spam'), 'left bob/1'])
    expect(scene.heard(2)).toEqual(['rate-exceeded', `closed ${SIGNAL_CLOSE.policy}`])
    expect(scene.hub.size.connections).toBe(1)
  })

  it('[HUB-22] a connection that does not attach within attachTimeoutMs is told and closed', () => {
    scene = new Scene({ attachTimeoutMs: 5_000 })
    scene.connect(1)
    scene.attach(2, 'bob')
    scene.tickAfter(4_999)
    expect(scene.heard(1)).toEqual([])
    scene.say(1, { type: 'ping' })
    scene.tickAfter(1)
    expect(scene.heard(1)).toEqual(['pong', 'attach-timeout', `closed ${SIGNAL_CLOSE.policy}`])
    expect(scene.heard(2)).toEqual([])
    scene.say(2, { type: 'detach' })
    scene.tickAfter(4_999)
    expect(scene.heard(2)).toEqual([])
    scene.tickAfter(1)
    expect(scene.heard(2)).toEqual(['attach-timeout', `closed ${SIGNAL_CLOSE.policy}`])
  })

  it('[HUB-23] a connection silent for idleTimeoutMs is told and closed, and the room hears that it left', () => {
    scene = new Scene({ idleTimeoutMs: 10_000 })
    for (const [connection, who] of [
      [1, 'ann'],
      [2, 'bob'],
      [3, 'cyd'],
    ] as const)
      scene.attach(connection, who)
    scene.nowMs += 6_000
    scene.say(2, { type: 'ping' })
    scene.step({ kind: 'alive', connection: 3, nowMs: scene.nowMs })
    for (const connection of [1, 2, 3]) scene.heard(connection)
    scene.tickAfter(4_000)
    expect(scene.heard(1)).toEqual(['idle', `closed ${SIGNAL_CLOSE.idle}`])
    expect(scene.heard(2)).toEqual(['left ann/1'])
    expect(scene.heard(3)).toEqual(['left ann/1'])
  })

  it('[HUB-24] a shutdown is told to everybody, who all are closed; nobody hears that others left', () => {
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.heard(1)
    scene.heard(2)
    scene.step({ kind: 'shutdown' })
    const goodbye = ['shutting-down', `closed ${SIGNAL_CLOSE.goingAway}`]
    expect([scene.heard(1), scene.heard(2)]).toEqual([goodbye, goodbye])
    expect(scene.hub.size).toEqual({ connections: 0, rooms: 0 })
  })

  it.each([{ maxRooms: 0 }, { maxMessageBytes: 2_000_000 }, { idleTimeoutMs: Number.NaN }, { maxPeersPerRoom: 5_000 }])(
    '[HUB-25] limits nobody could work under are a RangeError: %j',
    (limits) => {
      expect(() => signalLimits(limits)).toThrow(RangeError)
    },
  )

  it('[HUB-25] a misspelt limit is a RangeError', () => {
    expect(() => signalLimits({ maxRoms: 1 } as Partial<SignalLimits>)).toThrow(/maxRoms/)
  })
})

/* ── Any sequence of inputs ────────────────────────────────────────────────────────────────── */

const LIMITS = { maxConnections: 5, maxRooms: 2, maxPeersPerRoom: 2, maxSessionsPerPeer: 2 }

const anyPeer = fc.constantFrom('ann', 'bob', 'cyd')
const anyAddress = fc.record({ peer: anyPeer, session: fc.constantFrom('1', '2', '3') })
const anyMessage = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('attach'),
        version: fc.constant(SIGNAL_VERSION),
        room: fc.constantFrom('oak', 'ash', 'elm'),
        peer: anyPeer,
        session: fc.constantFrom('1', '2', '3'),
        sessionSecret: fc.constantFrom('the right secret', 'the wrong secret'),
        create: fc.constantFrom('no', 'new', 'if-missing'),
        maxPeers: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('signal'), to: anyAddress, body: fc.string() }) },
    { weight: 1, arbitrary: fc.constantFrom({ type: 'detach' }, { type: 'ping' }) },
  )
  .map((message) => JSON.stringify(message))
const anyConnection = fc.integer({ min: 1, max: 8 })
const anyAct = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('connected' as const), connection: anyConnection }) },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant('message' as const), connection: anyConnection, text: anyMessage }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('message' as const),
      connection: anyConnection,
      text: fc.oneof(fc.string({ unit: 'binary' }), fc.json()),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('binary' as const),
      connection: anyConnection,
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        anyPeer.map((peer) => encodeRelayFrame({ peer, session: '1' }, new Uint8Array(9))),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('disconnected' as const), connection: anyConnection }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('alive' as const), connection: anyConnection }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'tick' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'shutdown' as const }) },
)

describe('the signalling hub: any sequence of inputs', () => {
  it('[HUB-26] never throws, keeps its limits, speaks only to open connections, and each knows who is there', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyAct, fc.nat({ max: 12_000 })), { maxLength: 120 }), (acts) => {
        const hub = new SignalHub(signalLimits(LIMITS))
        const views = new Map<ConnectionId, Set<string> | null>()
        let nowMs = 0
        for (const [act, passedMs] of acts) {
          nowMs += passedMs
          if (act.kind === 'connected' && views.has(act.connection)) continue
          if (act.kind === 'connected') views.set(act.connection, null)
          if (act.kind === 'disconnected') views.delete(act.connection)
          follow(hub.step({ ...act, nowMs } as HubInput), views)
          if (act.kind === 'message' && act.text === '{"type":"detach"}' && views.has(act.connection)) {
            views.set(act.connection, null)
          }
          checkLimits(hub, views)
        }
        const people = [...views.keys()]
        for (const connection of people) {
          views.delete(connection)
          follow(hub.step({ kind: 'disconnected', connection }), views)
        }
        expect(hub.size).toEqual({ connections: 0, rooms: 0 })
      }),
      { numRuns: 500 },
    )
  })
})

/** Plays the clients: each keeps the set of the others it has been told of. */
function follow(effects: ReturnType<SignalHub['step']>, views: Map<ConnectionId, Set<string> | null>): void {
  for (const effect of effects) {
    if (effect.kind === 'close') {
      expect(views.has(effect.connection)).toBe(true)
      views.delete(effect.connection)
      continue
    }
    if (effect.kind === 'relay' || effect.kind === 'pause') {
      expect(views.get(effect.connection) ?? null).not.toBeNull()
      continue
    }
    for (const connection of effect.connections) {
      expect(views.has(connection)).toBe(true)
      const view = views.get(connection) ?? null
      const { message } = effect
      if (message.type === 'attached') {
        views.set(connection, new Set(message.peers.map(({ peer, session }) => `${peer}/${session}`)))
        expect(message.maxPeers).toBeLessThanOrEqual(LIMITS.maxPeersPerRoom)
      } else if (message.type === 'joined') {
        const who = `${message.peer}/${message.session}`
        expect(view?.has(who)).toBe(false)
        view?.add(who)
      } else if (message.type === 'left') {
        expect(view?.delete(`${message.peer}/${message.session}`)).toBe(true)
      } else if (message.type === 'signal') {
        expect(view?.has(`${message.from.peer}/${message.from.session}`)).toBe(true)
      }
    }
  }
}

function checkLimits(hub: SignalHub, views: Map<ConnectionId, Set<string> | null>): void {
  expect(hub.size.connections).toBe(views.size)
  expect(hub.size.connections).toBeLessThanOrEqual(LIMITS.maxConnections)
  expect(hub.size.rooms).toBeLessThanOrEqual(LIMITS.maxRooms)
  for (const view of views.values()) {
    const peers = new Set([...(view ?? [])].map((who) => who.split('/')[0]))
    expect(peers.size).toBeLessThanOrEqual(LIMITS.maxPeersPerRoom)
  }
}
