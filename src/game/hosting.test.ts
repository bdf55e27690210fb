import { describe, expect, it } from 'vitest'
import {
  ClosedError,
  ConfigError,
  DuplicateHostError,
  IncomingTakenError,
  JoinTimeoutError,
  SeamTornError,
  StorageFailedError,
} from '../base/errors.ts'
import type { RaftState, RaftStorage, RaftWrite } from '../raft/contract.ts'
import { testIdentity, VirtualClock } from '../sim/index.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import { gameHost } from './bootstrap.ts'
import type { GameJoinOptions } from './contract.ts'
import { seated, TestRoom, turnsOf } from './test-support/table.ts'

describe('gameHost', () => {
  it('[GAME-1] resolves when every seat is taken', async () => {
    const room = new TestRoom()
    const [host, joiner] = await room.two()
    expect(seated(host)).toEqual(['ann', 'bob'])
    expect(seated(joiner)).toEqual(['ann', 'bob'])
    expect(host.gameId).toBe(joiner.gameId)
    expect(host.node.membership.get().voters).toEqual(new Set(['ann', 'bob']))
  })

  it('[GAME-1] a table for one is full at once', async () => {
    const room = new TestRoom()
    const host = await room.run(room.host('ann', { peerCount: 1 }), 10)
    expect(seated(host)).toEqual(['ann'])
  })

  it('[GAME-1] with returnAt quorum, resolves at more than half and goes on admitting', async () => {
    const room = new TestRoom()
    const hosting = room.host('ann', { peerCount: 3, returnAt: 'quorum' })
    const [host] = await room.run(Promise.all([hosting, room.join('bob')]))
    expect(seated(host)).toEqual(['ann', 'bob', null])
    await room.clock.advance(60_000)
    const last = await room.run(room.join('cat'))
    expect(seated(last)).toEqual(['ann', 'bob', 'cat'])
    await room.clock.advance(1_000)
    expect(seated(host)).toEqual(['ann', 'bob', 'cat'])
  })

  it('[GAME-1] a number of seats that is none is a RangeError', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    for (const peerCount of [0, 1.5, 256, Number.NaN]) {
      await expect(room.host('ann', { peerCount }, seam)).rejects.toThrow(RangeError)
    }
  })

  it('[GAME-2] waits no longer than the bound for a peer that says nothing', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    await room.seam('silent')
    await room.run(room.host('ann', { peerCount: 1 }, seam))
    expect(room.clock.now()).toBe(2_000)
  })

  it('[GAME-2] a peer that speaks, or leaves, ends the wait', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const silent = await room.seam('silent')
    const hosting = room.host('ann', { peerCount: 2, hostDeclarationTimeoutMs: 5_000 }, seam)
    const joining = room.join('bob')
    await room.clock.advance(1_000)
    await silent.close()
    await room.run(Promise.all([hosting, joining]))
    expect(room.clock.now()).toBeLessThan(2_000)
  })

  it('[GAME-3] a newcomer yields to the game that runs, whether or not its founder is there', async () => {
    const room = new TestRoom()
    const [host] = await room.two()
    const newcomer = await room.seam('aaa')
    const refused = room.run(room.host('aaa', {}, newcomer))
    await expect(refused).rejects.toMatchObject({ name: 'DuplicateHostError', host: 'ann' })
    await host.close()
    await expect(room.run(room.host('aaa', {}, newcomer))).rejects.toThrow(DuplicateHostError)
  })

  it('[GAME-3] of two that found at once the lower id goes on; the other has written nothing and can join', async () => {
    const room = new TestRoom()
    const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('bob') })
    const hosting = room.host('ann', {}, ann)
    await expect(room.run(room.host('bob', { storage }, bob))).rejects.toMatchObject({ host: 'ann' })
    expect(await storage.load()).toBeNull()
    const [host, joiner] = await room.run(Promise.all([hosting, room.join('bob', { storage }, bob)]))
    expect(seated(host)).toEqual(['ann', 'bob'])
    expect(joiner.gameId).toBe(host.gameId)
  })

  it('[GAME-3] three that found at once leave one host', async () => {
    const room = new TestRoom()
    const names = ['cat', 'ann', 'bob']
    const seams = await Promise.all(names.map((name) => room.seam(name)))
    const outcomes = names.map((name, i) => room.host(name, {}, seams[i]).catch((error: unknown) => error))
    const refused = await room.run(Promise.all([outcomes[0], outcomes[2]]))
    for (const error of refused) expect(error).toBeInstanceOf(DuplicateHostError)
    const [host] = await room.run(Promise.all([outcomes[1], room.join('cat', {}, seams[0])]))
    expect(host).not.toBeInstanceOf(Error)
  })

  it('[GAME-8] an aborted host leaves nothing running, and the seam can host again', async () => {
    for (const withStorage of [true, false]) {
      const room = new TestRoom()
      const seam = await room.seam('ann')
      const options = withStorage ? {} : { storage: undefined }
      const controller = new AbortController()
      const reason = new Error('no more patience')
      const hosting = room.host('ann', { ...options, signal: controller.signal }, seam)
      const outcome = hosting.catch((error: unknown) => error)
      await room.clock.advance(3_000)
      controller.abort(reason)
      expect(await outcome).toBe(reason)
      expect(room.clock.pendingTimers).toBe(0)
      expect(seam.state.get().kind).toBe('woven')
      const [host] = await room.run(Promise.all([room.host('ann', options, seam), room.join('bob')]))
      expect(seated(host)).toEqual(['ann', 'bob'])
    }
  })

  it('[GAME-8] a call aborted beforehand rejects with the reason and touches nothing', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const reason = new Error('never mind')
    await expect(room.host('ann', { signal: AbortSignal.abort(reason) }, seam)).rejects.toBe(reason)
    await room.run(room.host('ann', { peerCount: 1 }, seam))
  })

  it('[GAME-11] a storage of another peer is refused', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const storage = await room.storage('bob')
    await expect(room.host('ann', { storage }, seam)).rejects.toThrow(ConfigError)
    await room.run(room.host('ann', { peerCount: 1 }, seam))
  })

  it('[GAME-12] close stops everything, closes the seam, and is idempotent', async () => {
    const room = new TestRoom()
    const [host, joiner] = await room.two()
    const closing = host.close()
    expect(host.close()).toBe(closing)
    await closing
    await expect(turnsOf(host).propose(1)).rejects.toMatchObject({ name: 'ClosedError' })
    await joiner[Symbol.asyncDispose]()
    expect(room.clock.pendingTimers).toBe(0)
  })

  it('[GAME-12] a seam that tears closes its session: what waits is told, and no timer is left', async () => {
    const room = new TestRoom()
    const seams = [await room.seam('ann'), await room.seam('bob')]
    const sessions = await room.run(Promise.all([room.host('ann', {}, seams[0]), room.join('bob', {}, seams[1])]))
    await seams[1]?.close()
    const proposals = sessions.map((session) =>
      turnsOf(session)
        .propose(1)
        .catch((error: unknown) => error),
    )
    await seams[0]?.close()
    for (const error of await room.run(Promise.all(proposals), 10)) expect(error).toBeInstanceOf(ClosedError)
    expect(room.clock.pendingTimers).toBe(0)
    await Promise.all(sessions.map((session) => session.close()))
  })

  it('[GAME-13] application channels reach those of the same name, and no other', async () => {
    const room = new TestRoom()
    const [host, joiner] = await room.two()
    const chat = joiner.appChannel('chat').incoming[Symbol.asyncIterator]()
    await host.appChannel('cursor').broadcast(Uint8Array.of(1))
    await host.appChannel('chat').broadcast(Uint8Array.of(2, 3))
    const { value } = await room.run(chat.next())
    expect(value).toMatchObject({ sender: 'ann' })
    expect([...(value?.payload ?? [])]).toEqual([2, 3])
    expect(joiner.appChannel('chat')).toBe(joiner.appChannel('chat'))
  })

  it("[GAME-18] a durable client hosts and joins: the table's entries are under keys of their own", async () => {
    const room = new TestRoom()
    const identity = (clientId: string): GameJoinOptions => ({ identity: { kind: 'durable', clientId } })
    const hosting = room.host('ann', { peerCount: 3, ...identity('client-a') })
    const joining = ['bob', 'cat'].map((name) => room.join(name, identity(`client-${name}`)))
    const [host] = await room.run(Promise.all([hosting, ...joining]))
    const { dedupKey } = await room.run(turnsOf(host).propose(1, { requestId: 1 }), 1_000)
    expect(dedupKey).toEqual({ clientId: 'client-a', requestId: 1 })
    await expect(turnsOf(host).propose(2)).rejects.toThrow(TypeError)
  })

  it('[SESS-9] a turn proposed again under its request id is the turn that was agreed first, after a reload too', async () => {
    const room = new TestRoom()
    const durable: GameJoinOptions = { identity: { kind: 'durable', clientId: 'ann' } }
    const [host, guest] = await room.run(Promise.all([room.host('ann', durable), room.join('bob')]))
    const first = await room.run(turnsOf(host).propose(1, { requestId: 1 }))
    expect(await room.run(turnsOf(host).propose(2, { requestId: 1 }))).toEqual(first)
    await host.close()
    const again = await room.run(room.host('ann', durable))
    expect(await room.run(turnsOf(again).propose(3, { requestId: 1 }))).toEqual(first)
    await room.run(turnsOf(again).propose(4, { requestId: 2 }))
    const seen: unknown[] = []
    for await (const event of turnsOf(guest).events) {
      if (event.kind === 'committed') seen.push(event.indexed.action)
      if (seen.at(-1) === 4) break
    }
    expect(seen).toEqual([1, 4])
  })

  it('[GAME-16] a seam that tears under the waiting host rejects the call', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const outcome = room.host('ann', {}, seam).catch((error: unknown) => error)
    await room.clock.advance(500)
    await seam.close()
    expect(await outcome).toBeInstanceOf(SeamTornError)
    expect(room.clock.pendingTimers).toBe(0)
    await expect(room.host('ann', {}, seam)).rejects.toThrow(SeamTornError)
  })

  it('[GAME-15] a seam whose frames somebody else reads is refused', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const reader = seam.incoming[Symbol.asyncIterator]()
    await expect(room.host('ann', {}, seam)).rejects.toThrow(IncomingTakenError)
    await reader.return?.()
    await room.run(room.host('ann', { peerCount: 1 }, seam))
  })

  it('[GAME-1] refuses the system clock where virtual time is expected, and leaves the seam free', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const raftConfig = { expectVirtualTime: true }
    await expect(gameHost(seam, { peerCount: 1, raftConfig })).rejects.toThrow(ConfigError)
    await room.run(gameHost(seam, { peerCount: 1, raftConfig, clock: room.clock }))
    expect(room.clock).toBeInstanceOf(VirtualClock)
  })

  it('[GAME-8] timing that cannot work is refused before anything is written', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const storage = await room.storage('ann')
    const raftConfig = { electionTimeoutMinMs: 50, expectVirtualTime: true }
    await expect(room.run(room.host('ann', { storage, raftConfig }, seam))).rejects.toThrow(ConfigError)
    expect(await storage.load()).toBeNull()
  })

  it('[GAME-8] a storage that fails while the call waits rejects it with that', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('ann') })
    const outcome = room.host('ann', { storage }, seam).catch((error: unknown) => error)
    await room.clock.advance(3_000)
    storage.failNextWrite()
    const joining = room.join('bob').catch((error: unknown) => error)
    expect(await room.run(outcome)).toBeInstanceOf(StorageFailedError)
    expect(await room.run(joining)).toBeInstanceOf(JoinTimeoutError)
    expect(room.clock.pendingTimers).toBe(0)
    await room.run(room.host('ann', { peerCount: 2, storage: storage.reopen(), returnAt: 'quorum' }, seam), 100)
  })

  it('[GAME-12] a storage that fails in a running session leaves no timer there, and close still closes the seam', async () => {
    const room = new TestRoom()
    const seam = await room.seam('ann')
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('ann') })
    const hosting = room.host('ann', { storage, peerCount: 3, returnAt: 'quorum' }, seam)
    const [session, joiner] = await room.run(Promise.all([hosting, room.join('bob')]))
    storage.failNextWrite()
    await expect(room.run(turnsOf(session).propose(1), 1_000)).rejects.toThrow(StorageFailedError)
    await joiner.close()
    await room.clock.advance(60_000)
    expect(room.clock.pendingTimers).toBe(0)
    await session.close()
    expect(seam.state.get().kind).toBe('torn')
  })

  it('[GAME-8] aborted while the storage is slow, the call ends only when its node can write no more', async () => {
    for (let turns = 0; turns < 80; turns += 2) {
      const room = new TestRoom()
      const seam = await room.seam('ann')
      const medium = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('ann') })
      const slow = new SlowStorage(medium)
      const controller = new AbortController()
      let writes: number | null = null
      const hosting = room.host('ann', { storage: slow, signal: controller.signal }, seam)
      const first = hosting.catch(() => void (writes = slow.writes))
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      controller.abort(new Error(`after ${turns} turns`))
      await room.run(first)
      await room.clock.advance(5_000)
      expect(slow.writes, `aborted after ${turns} turns`).toBe(writes)
      const [host] = await room.run(Promise.all([room.host('ann', { storage: slow }, seam), room.join('bob')]))
      expect(seated(host)).toEqual(['ann', 'bob'])
    }
  })

  it.each(['host', 'join'] as const)('[GAME-16] a seam that tears at any moment of a %s ends it', async (call) => {
    for (let turns = 0; turns < 80; turns += 2) {
      const room = new TestRoom()
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      const storage = new SlowStorage(await InMemoryRaftStorage.create({ peerIdentity: testIdentity('ann') }))
      const other = room[call === 'host' ? 'join' : 'host']('bob', {}, bob).catch(() => null)
      const session = room[call]('ann', { storage }, ann).catch((error: unknown) => error)
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      await ann.close()
      const outcome = await room.run(session)
      if (outcome instanceof Error) expect(outcome, `torn after ${turns} turns`).toBeInstanceOf(SeamTornError)
      await bob.close()
      await room.run(other)
      expect(room.clock.pendingTimers).toBe(0)
    }
  })
})

/** A storage whose every answer takes a few turns. */
class SlowStorage implements RaftStorage {
  readonly peerIdentity
  readonly #medium: RaftStorage
  writes = 0

  constructor(medium: RaftStorage) {
    this.#medium = medium
    this.peerIdentity = medium.peerIdentity
  }

  async load(): Promise<RaftState | null> {
    await someTurns()
    return this.#medium.load()
  }

  async write(batch: RaftWrite): Promise<void> {
    this.writes++
    await someTurns()
    return this.#medium.write(batch)
  }

  close(): Promise<void> {
    return this.#medium.close()
  }
}

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
