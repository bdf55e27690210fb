import { describe, expect, it } from 'vitest'
import { ClosedError, ConfigError, PeerNotConnectedError, SeamTornError } from '../base/errors.ts'
import { gameHost, gameJoin } from '../game/bootstrap.ts'
import { seated, turnsOf } from '../game/test-support/table.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import type { Seam } from '../seam/contract.ts'
import { testIdentity } from '../sim/index.ts'
import { bytes, Party, shown, texts } from './test-support/party.ts'

const simulated = { simulated: true } as const

/** What arrives on a channel, as text. */
function reading(seam: Seam): string[] {
  const seen: string[] = []
  void (async () => {
    for await (const { sender, payload } of seam.incoming) seen.push(`${sender}: ${new TextDecoder().decode(payload)}`)
  })()
  return seen
}

describe('channels of a room', () => {
  it('[CHAN-1] reach the members on the channel of that name, and no other', async () => {
    const party = new Party()
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const stranger = await party.seam('mal')
    const heard = { chat: reading(cat!.channel('chat')), cursors: reading(cat!.channel('cursors')) }
    const chat = ann!.channel('chat')
    bob!.channel('chat')
    await party.advance(10)
    expect(ann!.channel('chat')).toBe(chat)
    expect(chat.peers.get()).toEqual(new Set(['ann', 'bob', 'cat']))
    expect(stranger.peers.get().size).toBe(4)
    await chat.broadcast(bytes('hello'))
    await party.advance(10)
    expect(heard).toEqual({ chat: ['ann: hello'], cursors: [] })
  })

  it('[CHAN-2] closing one harms no other; the closed one says so, and opens anew', async () => {
    const party = new Party()
    const [ann, bob] = await party.gather('ann', 'bob')
    const [one, other] = [ann!.channel('one'), ann!.channel('other')]
    const heard = reading(bob!.channel('other'))
    bob!.channel('one')
    await party.advance(10)
    await one.close()
    expect(one.state.get().kind).toBe('torn')
    await expect(one.broadcast(bytes('x'))).rejects.toBeInstanceOf(SeamTornError)
    await other.broadcast(bytes('still here'))
    await party.advance(10)
    expect(heard).toEqual(['ann: still here'])
    const again = reading(ann!.channel('one'))
    await party.advance(10)
    await bob!.channel('one').broadcast(bytes('welcome back'))
    await party.advance(10)
    expect(again).toEqual(['bob: welcome back'])
  })

  it.each(['kept', 'present'] as const)('[CHAN-3] when the room ends, a %s channel ends with it', async (whileAway) => {
    const party = new Party()
    const [ann, bob] = await party.gather('ann', 'bob')
    const channel = bob!.channel('chat', { whileAway })
    const ended = (async () => {
      for await (const frame of channel.incoming) void frame
    })()
    ann!.kick('bob')
    await party.advance(20)
    await ended
    expect(channel.state.get().kind).toBe('torn')
    expect(channel.peers.get()).toEqual(new Set(['bob']))
    expect(() => bob!.channel('chat')).toThrow(ClosedError)
  })

  it('[CHAN-4] names and bounds that are none are refused, and an open channel keeps its class', async () => {
    const party = new Party()
    const [ann] = await party.gather('ann', 'bob')
    expect(() => ann!.channel('')).toThrow(RangeError)
    expect(() => ann!.channel('x'.repeat(256))).toThrow(RangeError)
    expect(() => ann!.channel('a', { keepBytes: 0 })).toThrow(RangeError)
    ann!.channel('a')
    expect(() => ann!.channel('a', { whileAway: 'present' })).toThrow(ConfigError)
  })

  it('[CHAN-8] what a member sent before it left is read, and nothing that a kicked one sends', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const heard = texts(ann!)
    for (let i = 0; i < 5; i++) void bob!.broadcast(bytes(`${i}`))
    await party.settle(bob!.leave())
    await party.advance(50)
    expect(heard).toEqual(['0', '1', '2', '3', '4'].map((text) => `bob: ${text}`))
    ann!.kick('cat')
    void cat!.broadcast(bytes('too late'))
    await party.advance(50)
    expect(heard).toHaveLength(5)
  })

  it('[CHAN-5] a present channel lists who is linked, and forgets with the link', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const [mine, theirs] = [ann!, bob!].map((room) => room.channel('game', { whileAway: 'present' }))
    const heard = reading(theirs!)
    await party.advance(50)
    party.network.cut('ann', 'bob')
    await party.advance(300)
    expect(mine!.peers.get()).toEqual(new Set(['ann']))
    await expect(mine!.sendTo('bob', bytes('lost'))).rejects.toBeInstanceOf(PeerNotConnectedError)
    party.network.heal()
    await party.advance(300)
    expect(mine!.peers.get()).toEqual(new Set(['ann', 'bob']))
    await mine!.broadcast(bytes('new'))
    await party.advance(50)
    expect(heard).toEqual(['ann: new'])
  })
})

describe('frames for a member that is away', () => {
  it('[KEPT-1] reach it on return, in order and once, those that a dying link had taken as well', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    const chat = ann!.channel('chat')
    const heard = reading(bob!.channel('chat'))
    const [room, third] = [texts(bob!), texts(cat!)]
    await party.advance(50)
    const said = (i: number): Promise<unknown> =>
      Promise.all([chat.broadcast(bytes(`c${i}`)), ann!.broadcast(bytes(`r${i}`))])
    for (let i = 0; i < 5; i++) await said(i)
    party.network.cut('ann', 'bob')
    party.network.cut('cat', 'bob')
    for (let i = 5; i < 10; i++) await said(i)
    await party.advance(1_000)
    expect(shown(ann!)).toEqual(['bob?', 'cat'])
    for (let i = 10; i < 15; i++) await said(i)
    expect(chat.peers.get().has('bob')).toBe(true)
    party.network.heal()
    await party.advance(500)
    expect(heard).toEqual(Array.from({ length: 15 }, (_, i) => `ann: c${i}`))
    expect(room).toEqual(Array.from({ length: 15 }, (_, i) => `ann: r${i}`))
    expect(third).toEqual(room)
    expect(party.kinds(bob!, 'ann')).not.toContain('missed')
  })

  it('[KEPT-2] reach its next page, too: what was sent while it was away', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const token = bob!.resumeToken ?? undefined
    await ann!.broadcast(bytes('before'))
    await party.advance(50)
    party.network.crash('bob')
    await party.advance(300)
    await ann!.broadcast(bytes('one'))
    await ann!.broadcast(bytes('two'))
    const back = await party.join('bob', { token })
    const heard = texts(back)
    await party.advance(200)
    expect(heard).toEqual(['ann: one', 'ann: two'])
    await ann!.broadcast(bytes('three'))
    await party.advance(50)
    expect(heard).toEqual(['ann: one', 'ann: two', 'ann: three'])
  })

  it('[KEPT-2] what was sent after its goodbye into a link that only seemed to live', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const token = bob!.resumeToken ?? undefined
    await ann!.broadcast(bytes('before'))
    await party.advance(50)
    bob!.announce('away')
    await party.advance(50)
    await ann!.broadcast(bytes('one'))
    party.network.crash('bob')
    await party.advance(300)
    await ann!.broadcast(bytes('two'))
    const heard = texts(await party.join('bob', { token }))
    await party.advance(200)
    expect(heard).toEqual(['ann: one', 'ann: two'])
  })

  it('[KEPT-2] and its owner under another id', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const token = bob!.resumeToken ?? undefined
    party.network.crash('bob')
    await party.advance(300)
    await ann!.broadcast(bytes('one'))
    const heard = texts(await party.join('bob-2', { token, identity: testIdentity('bob') }))
    await party.advance(200)
    expect(heard).toEqual(['ann: one'])
  })

  it('[KEPT-3] past the bound are gone: the member is unlisted until its return, and told', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const chat = ann!.channel('chat', { keepBytes: 1_000 })
    const theirs = bob!.channel('chat')
    const heard = reading(theirs)
    await party.advance(50)
    party.network.cut('ann', 'bob')
    await party.advance(300)
    for (let i = 0; i < 20; i++) void chat.broadcast(bytes(`${i}`))
    await party.advance(10)
    expect(chat.peers.get()).toEqual(new Set(['ann']))
    await expect(chat.sendTo('bob', bytes('x'))).rejects.toBeInstanceOf(PeerNotConnectedError)
    party.network.heal()
    await party.advance(300)
    expect(heard).toEqual([])
    expect(chat.peers.get()).toEqual(new Set(['ann', 'bob']))
    const missed = party.watch(bob!).find((event) => event.kind === 'missed')
    expect(missed).toMatchObject({ peer: 'ann', channel: 'chat' })
    await chat.broadcast(bytes('after'))
    await theirs.broadcast(bytes('and back'))
    await party.advance(50)
    expect(heard).toEqual(['ann: after'])
  })

  it('[KEPT-4] end with its membership', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const chat = ann!.channel('chat')
    bob!.channel('chat')
    await party.advance(50)
    party.network.crash('bob')
    await party.advance(300)
    await chat.broadcast(bytes('kept'))
    await party.advance(3_000)
    expect(chat.peers.get()).toEqual(new Set(['ann']))
    const heard = reading((await party.join('bob')).channel('chat'))
    await party.advance(300)
    expect(heard).toEqual([])
  })

  it('[KEPT-5] a reader that is slow holds its senders up, and nothing is lost on the way', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const [mine, theirs] = [ann!.channel('files'), bob!.channel('files')]
    await party.advance(50)
    let sent = 0
    const sending = (async () => {
      for (let i = 0; i < 64; i++) {
        await mine.sendTo('bob', new Uint8Array(65_536).fill(i))
        sent++
      }
    })()
    await party.advance(2_000)
    expect(sent).toBeGreaterThan(8)
    expect(sent).toBeLessThan(40)
    const seen: number[] = []
    const all = (async () => {
      for await (const { payload } of theirs.incoming) if (seen.push(payload[0] ?? -1) === 64) break
    })()
    await party.settle(Promise.all([sending, all]))
    expect(seen).toEqual(Array.from({ length: 64 }, (_, i) => i))
  })
})

describe('a game over a room', () => {
  it('[CHAN-6] is hosted, joined and played on a channel, through an absence of one of its players', async () => {
    const party = new Party(simulated)
    const rooms = await party.gather('ann', 'bob', 'cat')
    const options = async (name: string) => ({
      clock: party.clock,
      raftConfig: { expectVirtualTime: true },
      storage: await InMemoryRaftStorage.create({ peerIdentity: testIdentity(name) }),
    })
    const seams = rooms.map((room) => room.channel('game', { whileAway: 'present' }))
    const hosting = gameHost(seams[0]!, { peerCount: 3, ...(await options('ann')) })
    const joining = [gameJoin(seams[1]!, await options('bob')), gameJoin(seams[2]!, await options('cat'))]
    const [host, bob, cat] = await party.settle(Promise.all([hosting, ...joining]))
    expect(seated(host!)).toEqual(expect.arrayContaining(['ann', 'bob', 'cat']))
    for (const other of ['ann', 'bob']) party.network.cut('cat', other)
    await party.settle(turnsOf(bob!).propose(1))
    await party.advance(1_000)
    party.network.heal()
    await party.settle(turnsOf(cat!).propose(2))
    await party.settle(Promise.all([host!.close(), bob!.close(), cat!.close()]))
  })
})
