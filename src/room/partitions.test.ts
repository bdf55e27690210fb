import { describe, expect, it } from 'vitest'
import { Party, shown } from './test-support/party.ts'

const simulated = { simulated: true } as const

describe('a member that is not heard', () => {
  it('[PART-1] is away after a while, keeps its place for its window, and recovers when it is heard again', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    for (const other of ['ann', 'cat']) party.network.cut('bob', other)
    await party.advance(1_000)
    expect(shown(ann!)).toEqual(['bob?', 'cat'])
    expect(shown(cat!)).toEqual(['ann*', 'bob?'])
    party.network.heal()
    await party.advance(500)
    expect(shown(ann!)).toEqual(['bob', 'cat'])
    expect(shown(cat!)).toEqual(['ann*', 'bob'])
    expect(shown(bob!)).toEqual(['ann*', 'cat'])
    expect(party.kinds(cat!, 'bob').slice(-2)).toEqual(['away:transport-closed', 'recovered'])
  })

  it('[PART-2] a window ends with recovery: nobody is evicted by it later, on any of three rosters', async () => {
    const party = new Party(simulated)
    const rooms = await party.gather('ann', 'bob', 'cat')
    for (const other of ['ann', 'cat']) party.network.cut('bob', other)
    await party.advance(1_500)
    party.network.heal()
    await party.advance(10_000)
    for (const room of rooms) {
      expect(room.roster.get().size).toBe(2)
      expect(party.kinds(room).filter((kind) => kind.startsWith('left'))).toEqual([])
    }
  })

  it('[PART-3] is gone when its window has run out, hears of it when it is back, and comes in anew under its name', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    for (const other of ['ann', 'cat']) party.network.cut('bob', other)
    await party.advance(3_500)
    expect(shown(ann!)).toEqual(['cat'])
    expect(party.kinds(cat!, 'bob').slice(-2)).toEqual(['away:transport-closed', 'left:expired'])
    party.network.heal()
    await party.advance(1_000)
    expect(shown(ann!)).toEqual(['cat', 'bob'])
    expect(shown(bob!)).toEqual(['ann*', 'cat'])
    expect(bob!.status.get()).toEqual({ kind: 'member' })
  })

  it('[PART-4] silence alone is enough, whatever the link says; and a short one is nothing', async () => {
    const party = new Party({ simulated: true, peerLossMs: 60_000 })
    const [ann, bob] = await party.gather('ann', 'bob')
    party.network.cut('ann', 'bob')
    await party.advance(200)
    party.network.heal()
    await party.advance(1_000)
    expect(party.kinds(ann!, 'bob')).toEqual(['joined'])
    party.network.cut('ann', 'bob')
    await party.advance(700)
    expect(party.kinds(ann!, 'bob')).toEqual(['joined', 'away:timeout'])
    expect(party.kinds(bob!, 'ann').at(-1)).toBe('away:timeout')
    party.network.heal()
    await party.advance(200)
    expect(party.kinds(ann!, 'bob').at(-1)).toBe('recovered')
    expect(party.kinds(bob!, 'ann').at(-1)).toBe('recovered')
  })

  it('[PART-5] whom others hear is not away', async () => {
    const party = new Party(simulated)
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    party.network.cut('ann', 'bob')
    await party.advance(10_000)
    expect(shown(ann!)).toEqual(['bob', 'cat'])
    expect(shown(bob!)).toEqual(['ann*', 'cat'])
    expect(shown(cat!)).toEqual(['ann*', 'bob'])
    expect(party.kinds(cat!, 'bob').slice(-2)).toEqual(['away:transport-closed', 'recovered'])
    expect(party.kinds(ann!, 'bob').length).toBe(3)
  })

  it('[PART-6] who says that it goes away is away at once, and back with its next word', async () => {
    const party = new Party(simulated)
    const [ann, bob] = await party.gather('ann', 'bob', 'cat')
    bob!.announce('away')
    await party.advance(20)
    expect(party.kinds(ann!, 'bob')).toContain('away:announced')
    await party.advance(1_000)
    expect(shown(ann!)).toEqual(['bob?', 'cat'])
    bob!.announce('here')
    await party.advance(20)
    expect(shown(ann!)).toEqual(['bob', 'cat'])
    bob!.announce('hidden')
    await party.advance(20)
    expect(ann!.roster.get().get('bob')).toMatchObject({ hidden: true, liveness: { kind: 'connected' } })
  })

  it('[PART-7] who hears nobody takes itself to be cut off, and judges nobody meanwhile', async () => {
    const party = new Party(simulated)
    const [ann] = await party.gather('ann', 'bob', 'cat', 'dan')
    for (const other of ['bob', 'cat', 'dan']) party.network.cut('ann', other)
    await party.advance(1_500)
    expect(ann!.localFabric.get()).toBe('lost')
    await party.advance(1_500)
    expect(ann!.roster.get().size).toBe(3)
    party.network.heal()
    await party.advance(300)
    expect(ann!.localFabric.get()).toBe('up')
  })
})
