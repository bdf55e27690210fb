import { beforeEach, describe, expect, it } from 'vitest'
import { SIGNAL_CLOSE } from './protocol.ts'
import { encodeRelayFrame } from './relay-frame.ts'
import { attach, Scene } from './test-support/hub-scene.ts'
import { SharedRooms } from './test-support/shared-rooms.ts'

let rooms: SharedRooms
let here: Scene
let there: Scene
beforeEach(() => {
  rooms = new SharedRooms()
  here = new Scene({ maxPeersPerRoom: 3 }, rooms.line())
  there = new Scene({ maxPeersPerRoom: 3 }, rooms.line())
})

describe('hubs that share their rooms', () => {
  it('[HUB-27] two peers on two hubs are in one room: they see each other, signal, and part', () => {
    expect(here.attach(1, 'ann', 'new')).toEqual(['attached first [] of 3'])
    expect(there.attach(1, 'bob', 'no')).toEqual(['attached [ann/1] of 3'])
    expect(here.heard(1)).toEqual(['joined bob/1'])
    here.signal(1, 'bob', 'offer')
    there.signal(1, 'ann', 'answer')
    rooms.settle()
    expect([here.heard(1), there.heard(1)]).toEqual([['bob/1: answer'], ['ann/1: offer']])
    const bytes = encodeRelayFrame({ peer: 'ann', session: '1' }, Uint8Array.of(1, 2, 3))
    there.step({ kind: 'binary', connection: 1, bytes, nowMs: there.nowMs })
    rooms.settle()
    expect(here.heard(1)).toEqual(['relayed'])
    there.disconnect(1)
    rooms.settle()
    expect(here.heard(1)).toEqual(['left bob/1'])
  })

  it('[HUB-28] capacity, founding and sessions are decided once for all of them', () => {
    here.attach(1, 'ann', 'new', { maxPeers: 2 })
    expect(there.attach(1, 'bob', 'new')).toEqual(['room-taken'])
    expect(there.attach(2, 'bob', 'no')).toEqual(['attached [ann/1] of 2'])
    expect(here.attach(2, 'cyd', 'no')).toEqual(['room-full'])
    expect(here.attach(3, 'bob', 'no', { sessionSecret: 'a guess of the secret' })).toEqual(['session-taken'])
    expect(there.attach(3, 'dan', 'no', { room: 'ash' })).toEqual(['room-not-found'])
  })

  it('[HUB-28] of two foundings under way at once, one stands', () => {
    here.connect(1)
    there.connect(1)
    here.say(1, attach('ann', 'new'), 'unsettled')
    there.say(1, attach('bob', 'new'), 'unsettled')
    rooms.settle()
    expect([here.heard(1), there.heard(1)].flat().sort()).toEqual(['attached first [] of 3', 'room-taken'])
  })

  it('[HUB-29] the same session with its secret moves from one hub to another, and the others notice nothing', () => {
    here.attach(1, 'ann')
    here.attach(2, 'bob')
    here.heard(1)
    expect(there.attach(1, 'ann', 'no')).toEqual(['attached [bob/1] of 3'])
    expect(here.heard(1)).toEqual(['replaced', `closed ${SIGNAL_CLOSE.replaced}`])
    expect(here.heard(2)).toEqual([])
    here.signal(2, 'ann', 'still there?')
    rooms.settle()
    expect(there.heard(1)).toEqual(['bob/1: still there?'])
  })

  it('[HUB-30] a hub that dies takes its peers with it once its lease has run out, and they come back elsewhere', () => {
    here.attach(1, 'ann')
    there.attach(1, 'bob')
    here.heard(1)
    const name = there.line?.cut(false) ?? ''
    expect(here.attach(2, 'bob', 'no')).toEqual(['attached [ann/1] of 3'])
    expect(here.heard(1)).toEqual([])
    rooms.expire(name)
    rooms.settle()
    expect([here.heard(1), here.heard(2)]).toEqual([[], []])
  })

  it('[HUB-31] while the backplane is away, those of one hub go on, and nobody new gets in', () => {
    here.attach(1, 'ann')
    here.attach(2, 'bob')
    here.connect(3)
    here.heard(1)
    here.say(3, attach('cyd', 'no'), 'unsettled')
    here.line?.cut()
    expect(here.heard(3)).toEqual(['unavailable'])
    here.say(3, attach('cyd', 'no'))
    expect(here.heard(3)).toEqual(['unavailable'])
    here.signal(1, 'bob', 'offer')
    expect(here.heard(2)).toEqual(['ann/1: offer'])
    here.disconnect(2)
    expect(here.heard(1)).toEqual(['left bob/1'])
  })

  it('[HUB-32] when it comes back, each is told who came and who went meanwhile, and who stayed is not named', () => {
    here.attach(1, 'ann')
    there.attach(1, 'bob')
    there.attach(2, 'cyd')
    here.heard(1)
    const name = here.line?.cut() ?? null
    there.disconnect(2)
    there.attach(3, 'dan')
    here.line?.mend(name)
    rooms.settle()
    expect(here.heard(1)).toEqual(['left cyd/1', 'joined dan/1'])
    expect(there.heard(1)).toEqual(['joined cyd/1', 'left cyd/1', 'joined dan/1'])
  })

  it('[HUB-32] when it comes back with nothing, the room is as it was', () => {
    here.attach(1, 'ann')
    there.attach(1, 'bob')
    here.heard(1)
    const names = [here, there].map(({ line }) => line?.cut() ?? '')
    for (const name of names) rooms.expire(name)
    here.line?.mend(null)
    there.line?.mend(null)
    rooms.settle()
    expect(rooms.directory.size).toBe(1)
    here.signal(1, 'bob', 'still there?')
    rooms.settle()
    expect(there.heard(1).at(-1)).toBe('ann/1: still there?')
  })

  it('[HUB-33] who goes before its attach is answered is in no room', () => {
    here.connect(1)
    here.say(1, attach('ann', 'new'), 'unsettled')
    here.disconnect(1)
    expect(here.hub.size).toEqual({ connections: 0, rooms: 0 })
    rooms.settle()
    expect(here.heard(1)).toEqual([])
    expect(here.hub.size).toEqual({ connections: 0, rooms: 0 })
    expect(rooms.directory.size).toBe(0)
  })
})
