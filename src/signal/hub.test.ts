import { beforeEach, describe, expect, it } from 'vitest'
import { SIGNAL_CLOSE } from './protocol.ts'
import { attach, Scene } from './test-support/hub-scene.ts'

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

  it.each([
    [SIGNAL_CLOSE.normal, ' for good'],
    [SIGNAL_CLOSE.goingAway, ' for good'],
    [SIGNAL_CLOSE.moved, ''],
    [1006, ''],
    [undefined, ''],
  ])('[HUB-60] whose connection is closed with %s has left%s', (code, why) => {
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.disconnect(2, code)
    expect(scene.heard(1)).toEqual(['joined bob/1', `left bob/1${why}`])
  })

  it('[HUB-60] who detaches has left for good', () => {
    scene.attach(1, 'ann')
    scene.attach(2, 'bob')
    scene.say(2, { type: 'detach' })
    expect(scene.heard(1)).toEqual(['joined bob/1', 'left bob/1 for good'])
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
