import { beforeEach, describe, expect, it } from 'vitest'
import type { EntryPass } from './entry-pass.ts'
import { SIGNAL_CLOSE } from './protocol.ts'
import { signalLimits, type SignalLimits } from './signal-limits.ts'
import { attach, Scene } from './test-support/hub-scene.ts'

let scene: Scene
beforeEach(() => {
  scene = new Scene({ maxPeersPerRoom: 3 })
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

describe('the signalling hub: addresses and tickets', () => {
  const from = (connection: number, address: string, pass?: EntryPass): void =>
    scene.step({ kind: 'connected', connection, address, pass, nowMs: scene.nowMs })

  it('[HUB-35] over maxConnectionsPerAddress a newcomer of that address is told and closed', () => {
    scene = new Scene({ maxConnectionsPerAddress: 2 })
    for (const connection of [1, 2, 3]) from(connection, '192.0.2.1')
    expect(scene.heard(3)).toEqual(['too-many-connections', `closed ${SIGNAL_CLOSE.tryAgainLater}`])
    from(4, '192.0.2.2')
    scene.disconnect(3)
    scene.disconnect(1)
    scene.disconnect(1)
    from(5, '192.0.2.1')
    from(6, '192.0.2.1')
    expect([4, 5, 6].map((connection) => scene.heard(connection).length)).toEqual([0, 0, 2])
  })

  it('[HUB-36] who guesses rooms is slowed down, by address, and learns nothing more', () => {
    scene = new Scene({ attachesPerSecond: 1, burstAttaches: 3, maxConnectionsPerAddress: 1 })
    from(1, '192.0.2.1')
    for (let i = 0; i < 5; i++) scene.say(1, attach('eve', 'no', { room: `guess ${i}` }))
    expect(scene.heard(1)).toEqual([...Array<string>(3).fill('room-not-found'), 'rate-exceeded', 'rate-exceeded'])
    scene.disconnect(1)
    scene.tickAfter(0)
    from(2, '192.0.2.1')
    scene.say(2, attach('eve', 'if-missing'))
    expect(scene.heard(2)).toEqual(['rate-exceeded'])
    from(3, '192.0.2.2')
    scene.say(3, attach('ann', 'if-missing'))
    scene.nowMs += 1_000
    scene.say(2, attach('eve', 'if-missing'))
    expect([scene.heard(2), scene.heard(3)]).toEqual([
      ['attached [ann/1] of 64'],
      ['attached first [] of 64', 'joined eve/1'],
    ])
  })

  it('[HUB-37] a ticket is for its peer, its room and its time', () => {
    const ticket: EntryPass = { kind: 'ticket', peer: 'ann', room: 'oak', expiresAtMs: scene.nowMs + 1_000 }
    from(1, 'a', ticket)
    scene.say(1, attach('bob', 'new'))
    scene.say(1, attach('ann', 'new', { room: 'ash' }))
    scene.say(1, attach('ann', 'new'))
    expect(scene.heard(1)).toEqual(['ticket-refused', 'ticket-refused', 'attached first [] of 3'])
    scene.tickAfter(2_000)
    from(2, 'a', ticket)
    scene.say(2, attach('ann/2', 'no'))
    from(3, 'a', { kind: 'refused', message: 'attaching here takes a ticket' })
    scene.say(3, attach('cyd', 'no'))
    expect([scene.heard(1), scene.heard(2), scene.heard(3)]).toEqual([[], ['ticket-refused'], ['ticket-refused']])
  })
})

describe('the signalling hub: draining', () => {
  it('[HUB-38] nobody is taken in any more, and those here are told over half of the time, room by room', () => {
    scene = new Scene()
    for (let i = 0; i < 400; i++) scene.attach(i, `peer ${i}`, 'if-missing', { room: `room ${i % 10}` })
    scene.connect(1_000)
    for (let i = 0; i <= 1_000; i++) scene.heard(i)
    const told = (): number[] => [...Array(400).keys()].filter((i) => scene.heard(i).includes('shutting-down'))
    scene.step({ kind: 'drain', nowMs: scene.nowMs, withinMs: 8_000 })
    const first = told()
    expect(first).toHaveLength(99)
    expect(new Set(first.map((i) => i % 10)).size).toBe(3)
    expect(scene.heard(1_000)).toEqual(['shutting-down'])
    scene.say(1_000, attach('late', 'if-missing'))
    expect(scene.heard(1_000)).toEqual(['shutting-down'])
    scene.tickAfter(4_000)
    expect(told()).toHaveLength(301)
    scene.tickAfter(1_000)
    expect(told()).toEqual([])
    expect(scene.hub.isReady).toBe(false)
  })
})
