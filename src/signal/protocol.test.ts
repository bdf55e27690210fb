import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeClientMessage,
  decodeServerMessage,
  encodeMessage,
  LEFT_WHYS,
  SIGNAL_BOUNDS,
  SIGNAL_ERROR_CODES,
  SIGNAL_VERSION,
  type ClientMessage,
  type ServerMessage,
} from './protocol.ts'

const text = (maxLength: number, minLength = 1): fc.Arbitrary<string> =>
  fc.string({ minLength, maxLength, unit: 'binary' })
const address = fc.record({ peer: text(SIGNAL_BOUNDS.peer), session: text(SIGNAL_BOUNDS.session) })
const body = text(200, 0)

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant('attach' as const),
      version: fc.constant(SIGNAL_VERSION),
      room: text(SIGNAL_BOUNDS.room),
      peer: text(SIGNAL_BOUNDS.peer),
      session: text(SIGNAL_BOUNDS.session),
      sessionSecret: text(SIGNAL_BOUNDS.sessionSecret.max, SIGNAL_BOUNDS.sessionSecret.min),
      create: fc.constantFrom('no', 'new', 'if-missing'),
      maxPeers: fc.integer({ min: 1 }),
    },
    { requiredKeys: ['type', 'version', 'room', 'peer', 'session', 'sessionSecret', 'create'] },
  ),
  fc.record({ type: fc.constant('signal' as const), to: address, body }),
  fc.constantFrom({ type: 'detach' as const }, { type: 'ping' as const }, { type: 'turn' as const }),
)

const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('attached' as const),
    relay: fc.boolean(),
    turn: fc.boolean(),
    version: fc.nat(),
    created: fc.boolean(),
    maxPeers: fc.nat(),
    maxMessageBytes: fc.nat(),
    peers: fc.array(address, { maxLength: 5 }),
  }),
  address.map((who) => ({ type: 'joined' as const, ...who })),
  fc.tuple(address, fc.constantFrom(...LEFT_WHYS)).map(([who, why]) => ({ type: 'left' as const, ...who, why })),
  fc.record({ type: fc.constant('signal' as const), from: address, body }),
  fc.record({
    type: fc.constant('turn-credentials' as const),
    urls: fc.array(text(512), { maxLength: 8 }),
    username: text(512, 0),
    credential: text(512, 0),
    ttlSeconds: fc.nat(),
  }),
  fc.constant({ type: 'pong' as const }),
  fc.record({
    type: fc.constant('error' as const),
    code: fc.constantFrom(...SIGNAL_ERROR_CODES),
    message: text(1_024, 0),
  }),
)

const attach = {
  type: 'attach',
  version: 1,
  room: 'oak',
  peer: 'ann',
  session: '1',
  sessionSecret: 'sixteen characters',
  create: 'no',
}
const long = (length: number): string => 'x'.repeat(length)

/** Message, and the field that the fault has to name. */
const broken: readonly (readonly [object, string])[] = [
  [{}, 'type'],
  [{ type: 'shout' }, 'type'],
  [{ type: ['ping'] }, 'type'],
  [{ type: 'constructor' }, 'type'],
  [{ ...attach, version: '1' }, 'version'],
  [{ ...attach, room: '' }, 'room'],
  [{ ...attach, room: long(257) }, 'room'],
  [{ ...attach, room: null }, 'room'],
  [{ ...attach, peer: 7 }, 'peer'],
  [{ ...attach, peer: long(129) }, 'peer'],
  [{ ...attach, session: undefined }, 'session'],
  [{ ...attach, session: long(129) }, 'session'],
  [{ ...attach, sessionSecret: undefined }, 'sessionSecret'],
  [{ ...attach, sessionSecret: long(15) }, 'sessionSecret'],
  [{ ...attach, sessionSecret: long(129) }, 'sessionSecret'],
  [{ ...attach, create: 'yes' }, 'create'],
  [{ ...attach, create: true }, 'create'],
  [{ ...attach, maxPeers: 0 }, 'maxPeers'],
  [{ ...attach, maxPeers: -1 }, 'maxPeers'],
  [{ ...attach, maxPeers: 1.5 }, 'maxPeers'],
  [{ ...attach, maxPeers: null }, 'maxPeers'],
  [{ type: 'signal', body: '' }, 'to'],
  [{ type: 'signal', to: 'ann', body: '' }, 'to'],
  [{ type: 'signal', to: [], body: '' }, 'to'],
  [{ type: 'signal', to: { peer: 'ann' }, body: '' }, 'session'],
  [{ type: 'signal', to: { peer: 'ann', session: '1' } }, 'body'],
  [{ type: 'signal', to: { peer: 'ann', session: '1' }, body: {} }, 'body'],
  [{ type: 'signal', to: { peer: 'ann', session: '1' }, body: long(SIGNAL_BOUNDS.body + 1) }, 'body'],
]

describe('signalling messages', () => {
  it('[SIGWIRE-1] what is encoded decodes to itself, both ways', () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        expect(decodeClientMessage(encodeMessage(message))).toEqual({ ok: true, message })
      }),
    )
    fc.assert(
      fc.property(serverMessage, (message) => {
        expect(decodeServerMessage(encodeMessage(message))).toEqual({ ok: true, message })
      }),
    )
  })

  it.each(broken)('[SIGWIRE-2] malformed: %.100j', (message, field) => {
    const decoded = decodeClientMessage(JSON.stringify(message))
    expect(decoded).toEqual({ ok: false, fault: { code: 'malformed', message: expect.stringContaining(field) } })
  })

  it.each([
    '',
    ' ',
    'null',
    '7',
    '"ping"',
    '[]',
    '[{"type":"ping"}]',
    '{',
    '{"type":"ping"}x',
    '\u0000',
    long(100_000),
  ])('[SIGWIRE-2] not a JSON object: %.20j', (frame) => {
    const fault = { code: 'malformed', message: expect.stringMatching(/^not (JSON|a JSON object)$/) }
    expect(decodeClientMessage(frame)).toEqual({ ok: false, fault })
    expect(decodeServerMessage(frame)).toEqual({ ok: false, fault })
  })

  it('[SIGWIRE-3] another version is told so, whatever else its message holds', () => {
    const fault = { code: 'unsupported-version', message: expect.stringContaining('2') }
    expect(decodeClientMessage('{"type":"attach","version":2,"place":"oak"}')).toEqual({ ok: false, fault })
  })

  it('[SIGWIRE-4] fields that the grammar does not list are left out', () => {
    const decoded = decodeClientMessage(JSON.stringify({ ...attach, admin: true, __proto__: null }))
    expect(decoded).toEqual({ ok: true, message: attach })
    expect(decodeClientMessage('{"type":"ping","__proto__":{"x":1}}')).toEqual({ ok: true, message: { type: 'ping' } })
  })

  it('[SIGWIRE-5] no frame throws: any text, any JSON, any message with one thing changed', () => {
    const mutated = fc.tuple(fc.oneof(clientMessage, serverMessage), fc.string(), fc.jsonValue())
    const frame = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      mutated.map(([message, key, value]) => JSON.stringify({ ...message, [key]: value })),
      mutated.chain(([message, , value]) =>
        fc.constantFrom(...Object.keys(message)).map((key) => JSON.stringify({ ...message, [key]: value })),
      ),
    )
    fc.assert(
      fc.property(frame, (someText) => {
        for (const decoded of [decodeClientMessage(someText), decodeServerMessage(someText)]) {
          if (!decoded.ok) expect(['malformed', 'unsupported-version']).toContain(decoded.fault.code)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('[SIGWIRE-5] a name that holds half a character is malformed: it has no bytes', () => {
    const to = { peer: 'ann \ud83c', session: '1' }
    expect(decodeClientMessage(JSON.stringify({ type: 'signal', to, body: '\ud83c' }))).toMatchObject({ ok: false })
    expect(decodeServerMessage(JSON.stringify({ type: 'joined', peer: 'ann', session: '\udf42' }))).toMatchObject({
      fault: { code: 'malformed', message: 'session is not well-formed' },
    })
  })

  it('[SIGWIRE-5] JSON nested deeper than the stack is malformed', () => {
    const deep = '['.repeat(1_000_000)
    expect(decodeClientMessage(deep).ok).toBe(false)
    expect(decodeClientMessage(`{"type":"ping","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toBeDefined()
  })
})
