import { describe, expect, it } from 'vitest'
import { decodeWords, encodeWords, type BeaconWords } from './beacon-words.ts'
import { FORGET_MS, RoomBeacon } from './room-beacon.ts'

function hello(name: string, peer = name): BeaconWords {
  return { kind: 'hello', at: { peer, session: `session ${name}` }, maxPeers: 8 }
}

function beacon(maxPeers = 8): RoomBeacon {
  const room = new RoomBeacon({ session: 'session a', maxPeers, known: [], nowMs: 0 })
  room.hear('id-a', hello('a'), 0)
  return room
}

/** To whom, and what: the ids of those who are listed, or the kind of the words. */
function told(replies: ReturnType<RoomBeacon['hear']>): unknown[] {
  return replies.map(({ to, words }) => [to, words.kind === 'here' ? words.members.map(({ id }) => id) : words.kind])
}

describe('the beacon of a room', () => {
  it('[PEERJS-1] tells everybody of who comes and goes, those who were there first', () => {
    const room = beacon()
    expect(told(room.hear('id-b', hello('b'), 1))).toEqual([
      ['id-a', ['id-a', 'id-b']],
      ['id-b', ['id-a', 'id-b']],
    ])
    expect(told(room.hear('id-b', hello('b'), 2))).toEqual([['id-b', ['id-a', 'id-b']]])
    expect(told(room.hear('id-b', { kind: 'bye' }, 3))).toEqual([['id-a', ['id-a']]])
    expect(told(room.hear('id-b', { kind: 'bye' }, 4))).toEqual([])
    expect(told(room.leave())).toEqual([['id-a', 'gone']])
  })

  it('[PEERJS-1] forgets who has said nothing for a while, never the member that it is', () => {
    const room = beacon()
    room.hear('id-b', hello('b'), 0)
    expect(told(room.hear('id-c', hello('c'), FORGET_MS + 1))).toEqual([
      ['id-a', ['id-a', 'id-c']],
      ['id-c', ['id-a', 'id-c']],
    ])
  })

  it('[PEERJS-2] takes in as many peers as the room does; a peer that comes again counts once', () => {
    const room = beacon(2)
    room.hear('id-b', hello('b'), 0)
    expect(told(room.hear('id-c', hello('c'), 0))).toEqual([['id-c', 'full']])
    expect(told(room.hear('id-b2', hello('b2', 'b'), 0))).toHaveLength(3)
  })

  it('[PEERJS-3] goes on with the list of the one before it', () => {
    const before = { peer: 'b', session: 'session b', id: 'id-b' }
    const room = new RoomBeacon({ session: 'session a', maxPeers: 3, known: [before], nowMs: 0 })
    expect(told(room.hear('id-a', hello('a'), 0))).toEqual([
      ['id-b', ['id-b', 'id-a']],
      ['id-a', ['id-b', 'id-a']],
    ])
  })
})

describe('words through a PeerServer', () => {
  it('[PEERJS-4] read back as they were written, and what is none of them is dropped', () => {
    const words: BeaconWords[] = [
      hello('a'),
      { kind: 'bye' },
      { kind: 'full' },
      { kind: 'gone' },
      { kind: 'here', beacon: 's', maxPeers: 2, members: [{ peer: 'p', session: 's', id: 'i' }] },
      { kind: 'signal', from: { peer: 'p', session: 's' }, body: 'b' },
    ]
    for (const word of words) {
      const message: unknown = { ...encodeWords('dst', word), src: 'someone' }
      expect(decodeWords(JSON.parse(JSON.stringify(message)))).toEqual({ src: 'someone', words: word })
    }
    const wrap = (selvage: unknown): unknown => ({ type: 'CANDIDATE', src: 's', payload: { selvage } })
    const none: unknown[] = [
      null,
      7,
      'text',
      [],
      {},
      { type: 'CANDIDATE', src: 's' },
      { ...encodeWords('d', hello('a')) },
    ]
    const wrong: unknown[] = [
      null,
      { kind: 'hello' },
      { kind: 'hello', at: { peer: '', session: 's' }, maxPeers: 2 },
      { kind: 'hello', at: { peer: 'p', session: 's' }, maxPeers: 1.5 },
      { kind: 'here', beacon: 's', maxPeers: 2, members: [{ peer: 'p', session: 's' }] },
      { kind: 'here', beacon: 's', maxPeers: 2, members: Array.from({ length: 300 }, () => ({})) },
      { kind: 'signal', from: { peer: 'p', session: 's' }, body: 5 },
    ]
    for (const message of [...none, ...wrong.map(wrap)]) expect(decodeWords(message)).toBeNull()
  })
})
