import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SignalHub, type ConnectionId, type HubInput } from './hub.ts'
import { SIGNAL_VERSION } from './protocol.ts'
import { encodeRelayFrame } from './relay-frame.ts'
import { signalLimits } from './signal-limits.ts'

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
    if (effect.kind !== 'send') throw new Error(`a hub that is alone and gives no TURN does not ${effect.kind}`)
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
