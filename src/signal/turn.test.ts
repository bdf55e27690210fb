import { beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { SIGNAL_CLOSE } from './protocol.ts'
import { attach, Scene } from './test-support/hub-scene.ts'
import { TURN_TIMEOUT_MS, TurnRequests } from './turn-requests.ts'

describe('the signalling hub: TURN', () => {
  let scene: Scene
  beforeEach(() => {
    scene = new Scene({ burstTurnGrants: 2 }, null, { turn: true })
  })

  it('[TURNCRED-2] only who is in a room with another peer, or has a ticket, is given any', () => {
    scene.connect(1)
    scene.say(1, { type: 'turn' })
    scene.say(1, attach('ann', 'new'))
    scene.attach(2, 'ann/2')
    scene.say(1, { type: 'turn' })
    expect(scene.heard(1)).toEqual(['turn-refused', 'attached first [] of 64', 'joined ann/2', 'turn-refused'])
    scene.attach(3, 'bob')
    scene.say(3, { type: 'turn' })
    expect(scene.heard(3)).toEqual(['turn for bob'])
    const { nowMs } = scene
    scene.step({ kind: 'connected', connection: 4, nowMs, pass: { kind: 'ticket', expiresAtMs: nowMs + 1 } })
    scene.say(4, attach('cyd', 'new', { room: 'ash' }))
    scene.say(4, { type: 'turn' })
    expect(scene.heard(4).at(-1)).toBe('turn for cyd')
  })

  it('[TURNCRED-3] an address that asks too often is refused', () => {
    for (const connection of [1, 2]) {
      scene.step({ kind: 'connected', connection, address: '192.0.2.1', nowMs: scene.nowMs })
      scene.say(connection, attach(`peer ${connection}`, 'if-missing'))
    }
    for (let i = 0; i < 3; i++) scene.say(1, { type: 'turn' })
    scene.say(2, { type: 'turn' })
    expect(scene.heard(1).slice(-3)).toEqual(['turn for peer 1', 'turn for peer 1', 'turn-refused'])
    expect(scene.heard(2).at(-1)).toBe('turn-refused')
    expect(scene.heard(1)).not.toContain(`closed ${SIGNAL_CLOSE.policy}`)
  })

  it('[TURNCRED-4] a server without TURN refuses', () => {
    scene = new Scene()
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.say(1, { type: 'turn' })
    expect(scene.heard(1).at(-1)).toBe('turn-refused')
  })
})

describe('asking for TURN', () => {
  const server = { urls: ['turn:turn.example'], username: 'u', credential: 'c' }

  it('[TURNCRED-6] is done once for all who wait, bounded, and what was given is kept for half its time', async () => {
    const clock = new VirtualClock()
    let asked = 0
    const requests = new TurnRequests(clock, () => asked++)
    const unanswered = requests.servers()
    await clock.advance(TURN_TIMEOUT_MS)
    expect(await unanswered).toEqual([])
    const both = [requests.servers(), requests.servers()]
    requests.granted(server, 60)
    expect(await Promise.all(both)).toEqual([[server], [server]])
    await clock.advance(29_999)
    expect(await requests.servers()).toEqual([server])
    expect(asked).toBe(2)
    await clock.advance(1)
    const refused = requests.servers()
    requests.settle()
    expect(await refused).toEqual([])
    expect(asked).toBe(3)
  })
})
