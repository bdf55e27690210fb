import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SignalHub, RELAY_FRAME_COST_BYTES, type HubEffect } from './hub.ts'
import { SIGNAL_VERSION } from './protocol.ts'
import { decodeRelayFrame, encodeRelayFrame, MAX_RELAY_HEADER_BYTES } from './relay-frame.ts'
import { signalLimits, type SignalLimits } from './signal-limits.ts'

const ann = { peer: 'ann', session: 'a1' }
const bob = { peer: 'bob', session: 'b1' }
const payload = Uint8Array.of(1, 2, 3)

/** Ann is connection 1, Bob 2, both in one room. */
function hubOfTwo(limits: Partial<SignalLimits> = {}, relay = true): SignalHub {
  const hub = new SignalHub(signalLimits(limits), { relay })
  for (const [index, who] of [ann, bob].entries()) {
    hub.step({ kind: 'connected', connection: index + 1, nowMs: 0 })
    const attach = { type: 'attach', version: SIGNAL_VERSION, room: 'oak', create: 'if-missing' }
    const text = JSON.stringify({ ...attach, ...who, sessionSecret: 'sixteen characters' })
    hub.step({ kind: 'message', connection: index + 1, text, nowMs: 0 })
  }
  return hub
}

function say(hub: SignalHub, bytes: Uint8Array, nowMs = 0, connection = 1): readonly HubEffect[] {
  return hub.step({ kind: 'binary', connection, bytes, nowMs })
}

function codesOf(effects: readonly HubEffect[]): string[] {
  return effects.map((effect) =>
    effect.kind === 'send' && effect.message.type === 'error' ? effect.message.code : effect.kind,
  )
}

describe('relaying through the hub', () => {
  it('[RELAY-1] a frame reaches the session it names, stamped with who sent it', () => {
    const effects = say(hubOfTwo(), encodeRelayFrame(bob, payload))
    expect(effects).toHaveLength(1)
    const [effect] = effects
    if (effect?.kind !== 'relay') throw new Error('not relayed')
    expect(effect.connection).toBe(2)
    expect(decodeRelayFrame(effect.bytes)).toEqual({ address: ann, payload })
  })

  it('[RELAY-1] nothing goes to another session, to who is not there, or to oneself', () => {
    const hub = hubOfTwo()
    for (const to of [{ ...bob, session: 'b2' }, { peer: 'cyd', session: 'c1' }, ann])
      expect(say(hub, encodeRelayFrame(to, payload))).toEqual([])
  })

  it('[RELAY-2] frames that cannot be relayed get an error and count as messages', () => {
    const hub = hubOfTwo({ maxMessageBytes: 200, burstMessages: 5 })
    hub.step({ kind: 'connected', connection: 3, nowMs: 0 })
    expect(codesOf(say(hub, encodeRelayFrame(bob, payload), 0, 3))).toEqual(['not-attached'])
    for (const bytes of [new Uint8Array(), Uint8Array.of(7), encodeRelayFrame(bob, payload).subarray(0, 3)])
      expect(codesOf(say(hub, bytes))).toEqual(['malformed'])
    expect(codesOf(say(hub, encodeRelayFrame(bob, new Uint8Array(200))))).toEqual(['message-too-large'])
    expect(codesOf(say(hub, Uint8Array.of(7)))).toEqual(['rate-exceeded'])
    const off = hubOfTwo({}, false)
    expect(codesOf(say(off, encodeRelayFrame(bob, payload)))).toEqual(['malformed'])
  })

  it('[RELAY-2] any bytes are a relay frame or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const frame = decodeRelayFrame(bytes)
        if (frame !== null) expect(encodeRelayFrame(frame.address, frame.payload)).toEqual(new Uint8Array(bytes))
      }),
    )
    const longest = { peer: '\u4e2d'.repeat(128), session: '\u4e2d'.repeat(128) }
    expect(encodeRelayFrame(longest, new Uint8Array()).length).toBe(MAX_RELAY_HEADER_BYTES)
  })

  it('[RELAY-3] who is over its rate is relayed all the same, then not read until it owes nothing', () => {
    const hub = hubOfTwo({ relayBytesPerSecond: 1_000, relayBurstBytes: 2_000 })
    const bytes = encodeRelayFrame(bob, new Uint8Array(1_000 - RELAY_FRAME_COST_BYTES - 8))
    expect(bytes.length + RELAY_FRAME_COST_BYTES).toBe(1_000)
    expect(codesOf(say(hub, bytes))).toEqual(['relay'])
    expect(codesOf(say(hub, bytes))).toEqual(['relay'])
    expect(say(hub, bytes)[0]).toEqual({ kind: 'pause', connection: 1, ms: 1_000 })
    expect(codesOf(say(hub, bytes, 500))).toEqual(['pause', 'relay'])
    expect(codesOf(say(hub, bytes, 4_000))).toEqual(['relay'])
    expect(codesOf(say(hub, encodeRelayFrame(ann, payload), 0, 2))).toEqual(['relay'])
  })

  it('[RELAY-6] when all together are over the rate of the server, who relays is not read until it owes nothing', () => {
    const of = { totalRelayBytesPerSecond: 1_000, relayBytesPerSecond: 1_000, relayBurstBytes: 3_000 }
    const hub = hubOfTwo(of)
    const [fromAnn, fromBob] = [bob, ann].map((to) =>
      encodeRelayFrame(to, new Uint8Array(1_000 - RELAY_FRAME_COST_BYTES - 8)),
    ) as [Uint8Array, Uint8Array]
    expect(codesOf(say(hub, fromAnn))).toEqual(['relay'])
    expect(codesOf(say(hub, fromAnn))).toEqual(['relay'])
    // Neither has used up what it may have relayed itself.
    expect(say(hub, fromBob, 0, 2)[0]).toEqual({ kind: 'pause', connection: 2, ms: 1_000 })
    expect(say(hub, fromAnn)[0]).toEqual({ kind: 'pause', connection: 1, ms: 2_000 })
    expect(codesOf(say(hub, fromAnn, 3_000))).toEqual(['relay'])
    // Of both debts the longer one counts.
    const own = hubOfTwo({ relayBytesPerSecond: 500, relayBurstBytes: 1_000, totalRelayBytesPerSecond: 1_000 })
    expect(codesOf(say(own, fromAnn))).toEqual(['relay'])
    expect(say(own, fromAnn)[0]).toEqual({ kind: 'pause', connection: 1, ms: 2_000 })
  })
})
