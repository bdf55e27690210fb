import { describe, expect, it } from 'vitest'
import type { Room } from './contract.ts'
import { bytes, FAST, Party, shown, texts } from './test-support/party.ts'

const simulated = { simulated: true } as const

function hosts(rooms: readonly Room[]): (string | null)[] {
  return rooms.map((room) => room.host.get())
}

describe('a room without its host', () => {
  it('[SUCC-1] a host that leaves hands over to the member that came first', async () => {
    const party = new Party()
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    await party.settle(ann!.leave())
    await party.advance(20)
    expect(hosts([bob!, cat!])).toEqual(['bob', 'bob'])
    expect(bob!.role.get()).toBe('host')
    expect(shown(bob!)).toEqual(['cat'])
    expect(shown(cat!)).toEqual(['bob*'])
    expect(party.kinds(cat!).slice(-2)).toEqual(['left:left', 'host-changed'])
    const dan = await party.join('dan')
    expect(shown(dan)).toEqual(['bob*', 'cat'])
  })

  it('[SUCC-1] spectators, hidden pages and those away come after those who are here', async () => {
    const party = new Party()
    const ann = await party.host('ann', { policy: { maxSpectators: 1 } })
    const eve = await party.join('eve', { spectator: true })
    const bob = await party.join('bob')
    const cat = await party.join('cat')
    bob.announce('hidden')
    await party.advance(20)
    await party.settle(ann.leave())
    await party.advance(20)
    expect(hosts([eve, bob, cat])).toEqual(['cat', 'cat', 'cat'])
  })

  it('[SUCC-2] a host that vanishes is succeeded after its window, roster and rules intact', async () => {
    const party = new Party({ ...simulated, policy: { password: 'oak', locked: true } })
    const [ann, bob, cat] = await gatherLocked(party)
    expect(ann!.role.get()).toBe('host')
    party.network.crash('ann')
    await party.advance(1_500)
    expect(shown(cat!)).toEqual(['ann*?', 'bob'])
    await party.advance(2_000)
    expect(hosts([bob!, cat!])).toEqual(['bob', 'bob'])
    expect(shown(cat!)).toEqual(['bob*'])
    expect(bob!.policy.get()).toMatchObject({ password: 'oak', locked: true })
    expect(party.kinds(cat!).slice(-2)).toEqual(['left:expired', 'host-changed'])
  })

  it('[SUCC-3] the one left of two takes over', async () => {
    const party = new Party(simulated)
    const [, bob] = await party.gather('ann', 'bob')
    party.network.crash('ann')
    await party.advance(3_500)
    expect(bob!.role.get()).toBe('host')
    expect(shown(bob!)).toEqual([])
    const cat = await party.join('cat')
    expect(shown(cat)).toEqual(['bob*'])
  })

  it('[SUCC-4] with the best-placed gone as well, the next takes over', async () => {
    const party = new Party(simulated)
    const [, , cat, dan] = await party.gather('ann', 'bob', 'cat', 'dan')
    party.network.crash('ann')
    party.network.crash('bob')
    await party.advance(4_000)
    expect(hosts([cat!, dan!])).toEqual(['cat', 'cat'])
    await party.advance(3_000)
    expect(shown(dan!)).toEqual(['cat*'])
  })

  it('[SUCC-5] who is cut off from the host, and hears that it is well, does not take over', async () => {
    const party = new Party(simulated)
    const rooms = await party.gather('ann', 'bob', 'cat')
    party.network.cut('ann', 'bob')
    await party.advance(10_000)
    expect(hosts(rooms)).toEqual(['ann', 'ann', 'ann'])
  })

  it('[SUCC-6] two hosts after a healed split become one, and nobody loses its name', async () => {
    const party = new Party(simulated)
    const names = ['ann', 'bob', 'cat', 'dan', 'eve']
    const rooms = await party.gather(...names)
    for (const one of ['ann', 'bob']) for (const other of ['cat', 'dan', 'eve']) party.network.cut(one, other)
    await party.advance(6_000)
    expect(hosts(rooms)).toEqual(['ann', 'ann', 'cat', 'cat', 'cat'])
    party.network.heal()
    await party.advance(3_000)
    expect(hosts(rooms)).toEqual(['cat', 'cat', 'cat', 'cat', 'cat'])
    for (const [i, room] of rooms.entries()) {
      const others = names.filter((_, j) => j !== i)
      expect([...room.roster.get().keys()].toSorted()).toEqual(others)
      expect(room.status.get()).toEqual({ kind: 'member' })
    }
    const heard = texts(rooms[4]!)
    await rooms[0]!.broadcast(bytes('here again'))
    await party.advance(50)
    expect(heard).toEqual(['ann: here again'])
  })

  it.each([
    ['ann', 'eve'],
    ['eve', 'ann'],
  ])(
    '[SUCC-10] a host that the other half sent away gives way, however many it has: %s kicks %s',
    async (kicker, kicked) => {
      const party = new Party(simulated)
      const rooms = await party.gather(kicker, 'bob', kicked, 'cat', 'dan')
      for (const one of [kicker, 'bob']) for (const other of [kicked, 'cat', 'dan']) party.network.cut(one, other)
      rooms[0]!.kick(kicked)
      await party.advance(6_000)
      expect(hosts(rooms)).toEqual([kicker, kicker, kicked, kicked, kicked])
      party.network.heal()
      await party.advance(3_000)
      const [host, bob, sentAway, cat, dan] = rooms
      expect(sentAway!.status.get()).toEqual({ kind: 'ended', reason: 'kicked' })
      expect(hosts([host!, bob!, cat!, dan!])).toEqual([kicker, kicker, kicker, kicker])
      expect(shown(host!).toSorted()).toEqual(['bob', 'cat', 'dan'])
    },
  )

  it('[SUCC-7] a stranger that says it hosts is not believed', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob')
    const mallory = await party.settle(party.loom('mallory').join(party.tag()))
    const forger = await party.settle(
      party.factory('mallory').adopt(mallory, { role: 'host', roomId: ann!.roomId.get() ?? '' }),
    )
    await party.advance(1_000)
    expect(hosts([ann!, bob!])).toEqual(['ann', 'ann'])
    party.network.crash('ann')
    await party.advance(4_000)
    expect(bob!.role.get()).toBe('host')
    expect(forger.roster.get().size).toBe(0)
  })

  it('[SUCC-9] who was sent away and finds nobody to let it in goes back to the line of succession', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob', 'cat')
    for (const other of ['ann', 'cat']) party.network.cut('bob', other)
    while (ann!.roster.get().has('bob')) await party.advance(50)
    expect(bob!.role.get()).toBe('joiner')
    party.network.heal()
    while (bob!.status.get().kind === 'member') await party.advance(1)
    party.network.crash('ann')
    party.network.crash('cat')
    await party.advance(5 * FAST.windowMs)
    expect([bob!.role.get(), bob!.status.get().kind]).toEqual(['host', 'member'])
    expect(shown(bob!)).toEqual([])
    expect(shown(await party.join('dan'))).toEqual(['bob*'])
  })

  it('[SUCC-8] a host that comes back inside its window hosts on', async () => {
    const party = new Party(simulated)
    const rooms = await party.gather('ann', 'bob', 'cat')
    for (const other of ['bob', 'cat']) party.network.cut('ann', other)
    await party.advance(1_000)
    party.network.heal()
    await party.advance(5_000)
    expect(hosts(rooms)).toEqual(['ann', 'ann', 'ann'])
    for (const room of rooms) expect(room.roster.get().size).toBe(2)
  })
})

async function gatherLocked(party: Party): Promise<Room[]> {
  const ann = await party.host('ann', { policy: { password: 'oak' } })
  const bob = await party.join('bob', { password: 'oak' })
  const cat = await party.join('cat', { password: 'oak' })
  ann.setPolicy({ locked: true })
  for (const room of [ann, bob, cat]) party.watch(room)
  await party.advance(50)
  return [ann, bob, cat]
}
