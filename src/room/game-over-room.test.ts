import { describe, expect, it } from 'vitest'
import { gameHost, gameJoin } from '../game/bootstrap.ts'
import { seated, turnsOf } from '../game/test-support/table.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import { testIdentity } from '../sim/index.ts'
import type { Room } from './contract.ts'
import { Party } from './test-support/party.ts'

/** A game's options for `name`, with a storage that outlives its page. */
async function player(party: Party, name: string) {
  const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity(name) })
  return { clock: party.clock, raftConfig: { expectVirtualTime: true }, storage }
}

describe('a game on a channel of the default class', () => {
  it('[CHAN-6] is played through an absence, a reload with its token, and the end of who hosted room and game', async () => {
    const party = new Party({ simulated: true })
    const names = ['ann', 'bob', 'cat']
    const rooms = await party.gather(...names)
    const players = await Promise.all(names.map((name) => player(party, name)))
    const seamOf = (room: Room | undefined) => room!.channel('game')
    const [ann, bob, cat] = await party.settle(
      Promise.all([
        gameHost(seamOf(rooms[0]), { peerCount: 3, ...players[0]! }),
        gameJoin(seamOf(rooms[1]), players[1]!),
        gameJoin(seamOf(rooms[2]), players[2]!),
      ]),
    )
    expect(seated(ann).toSorted()).toEqual(names)

    for (const other of ['ann', 'bob']) party.network.cut('cat', other)
    await party.settle(turnsOf(bob).propose(1))
    await party.advance(1_000)
    party.network.heal()
    await party.settle(turnsOf(cat).propose(2))

    const token = rooms[2]!.resumeToken ?? undefined
    party.network.crash('cat')
    await party.settle(turnsOf(ann).propose(3))
    const reloaded = { ...players[2]!, storage: players[2]!.storage.reopen() }
    const room = await party.join('cat', { token })
    const back = await party.settle(gameJoin(room.channel('game'), reloaded))
    await party.settle(turnsOf(back).propose(4))

    party.network.crash('ann')
    await party.settle(turnsOf(bob).propose(5))
    await party.advance(4_000)
    expect([rooms[1]!.role.get(), room.host.get()]).toEqual(['host', 'bob'])
    const last = await party.settle(turnsOf(back).propose(6))
    expect(last.action).toBe(6)
    const seen: number[] = []
    const replay = (async () => {
      for await (const event of turnsOf(back).events) {
        if (event.kind === 'committed' && seen.push(event.indexed.action) === 6) break
      }
    })()
    await party.settle(replay)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6])
    await party.settle(Promise.all([bob.close(), back.close()]))
  })
})
