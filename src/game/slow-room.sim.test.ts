import { describe, expect, it } from 'vitest'
import type { Random } from '../base/random.ts'
import { DuplicateHostError, GameMismatchError } from '../base/errors.ts'
import { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import type { Seam } from '../seam/contract.ts'
import { seededRandom, SimulatedNetwork, testIdentity, VirtualClock } from '../sim/index.ts'
import { gameHost, gameJoin } from './bootstrap.ts'
import type { GameHostOptions, GameJoinOptions, GameSession } from './contract.ts'
import { seated, turnsOf } from './test-support/table.ts'

const LATENCY_MS = 50
/** Longer than any undisturbed admission over such links takes. */
const ADMISSION_MS = 1_000

/** A room whose links take their time, so that anything can happen between two frames. */
class SlowRoom {
  readonly clock = new VirtualClock()
  readonly network = new SimulatedNetwork({ clock: this.clock, seed: 7, latencyMs: LATENCY_MS, peerLossMs: 1_000 })
  readonly #random: Random
  readonly #storages = new Map<string, InMemoryRaftStorage>()

  /** Rooms of different seeds have games of different ids. */
  constructor(seed = 7) {
    this.#random = seededRandom(seed)
  }

  seam(name: string): Promise<Seam> {
    return this.run(this.network.loom({ peerIdentity: testIdentity(name) }).reopen({ sessionName: 'slow' }))
  }

  /** The player's storage as a new page finds it. */
  async storage(name: string): Promise<InMemoryRaftStorage> {
    const peerIdentity = testIdentity(name)
    const storage = this.#storages.get(name)?.reopen() ?? (await InMemoryRaftStorage.create({ peerIdentity }))
    this.#storages.set(name, storage)
    return storage
  }

  host(seam: Seam, options: Partial<GameHostOptions> = {}): Promise<GameSession> {
    return gameHost(seam, { peerCount: 2, clock: this.clock, random: this.#random, ...options })
  }

  join(seam: Seam, options: GameJoinOptions = {}): Promise<GameSession> {
    return gameJoin(seam, { clock: this.clock, random: this.#random, ...options })
  }

  run<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    return this.clock.run(promise, { limitMs })
  }
}

/** From here on the promotion is in the founder's log, and only the joiner's own log can complete it. */
const PROMOTED_BY_MS = 8 * LATENCY_MS

/** Moments of an admission, less than a link's latency apart. */
const moments = Array.from({ length: ADMISSION_MS / 40 }, (_, i) => i * 40)

describe('admission over slow links', { timeout: 60_000 }, () => {
  it('takes less time than the moments that are tried', async () => {
    const room = new SlowRoom()
    const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
    await room.run(Promise.all([room.host(ann), room.join(bob)]), ADMISSION_MS)
  })

  it.each([
    ['with a storage', true],
    ['without one', false],
  ])('[GAME-8] [GAME-14] a join %s aborted at any moment can be repeated on the same seam', async (_, stored) => {
    for (const moment of moments) {
      const room = new SlowRoom()
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      const storage = stored ? await room.storage('bob') : undefined
      const hosting = room.host(ann)
      const controller = new AbortController()
      const first = room.join(bob, { storage, signal: controller.signal }).catch(() => null)
      await room.clock.advance(moment)
      controller.abort(new Error(`at ${moment} ms`))
      const joiner = (await first) ?? (await room.run(room.join(bob, { storage, joinAdmissionTimeoutMs: 30_000 })))
      const host = await room.run(hosting)
      expect(seated(host), `aborted at ${moment} ms`).toEqual(['ann', 'bob'])
      await room.run(turnsOf(joiner).propose(1), 10_000)
    }
  })

  it.each([
    ['crashes', true],
    ['closes its page', false],
  ])('[GAME-10] a joiner that %s at any moment takes its seat when it is back', async (_, crashes) => {
    for (const moment of moments) {
      const room = new SlowRoom()
      const hosting = room.host(await room.seam('ann'))
      const seam = await room.seam('bob')
      const first = room.join(seam, { storage: await room.storage('bob') }).catch(() => null)
      await room.clock.advance(moment)
      if (crashes) room.network.crash('bob')
      const storage = await room.storage('bob')
      await seam.close()
      await (await first)?.close()
      await room.clock.advance(moment * 3)
      const joiner = await room.run(room.join(await room.seam('bob'), { storage, joinAdmissionTimeoutMs: 30_000 }))
      await room.run(turnsOf(joiner).propose(1), 10_000)
      expect(seated(await room.run(hosting)), `gone at ${moment} ms`).toEqual(['ann', 'bob'])
    }
  })

  it('[GAME-9] a founder that crashes at any moment of an admission goes on with it when it is back', async () => {
    for (const moment of moments) {
      const room = new SlowRoom()
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      const first = room.host(ann, { storage: await room.storage('ann') }).catch(() => null)
      const joining = room.join(bob, { joinAdmissionTimeoutMs: 60_000 })
      await room.clock.advance(moment)
      room.network.crash('ann')
      const storage = await room.storage('ann')
      await (await first)?.close()
      await room.clock.advance(2_000)
      const host = room.host(await room.seam('ann'), { storage })
      const joiner = await room.run(joining)
      await room.run(turnsOf(await room.run(host)).propose(1), 10_000)
      expect(seated(joiner), `crashed at ${moment} ms`).toEqual(['ann', 'bob'])
    }
  })

  it('[ADM-4] a joiner that vanishes before it is a voter leaves its place to the next', async () => {
    for (let moment = 0; moment < PROMOTED_BY_MS; moment += 20) {
      const room = new SlowRoom()
      const ann = await room.seam('ann')
      const gone = await room.seam('gone')
      const hosting = room.host(ann)
      const lost = room.join(gone).catch(() => null)
      await room.clock.advance(moment)
      room.network.crash('gone')
      await (await lost)?.close()
      await room.clock.advance(100)
      await room.run(room.join(await room.seam('next'), { joinAdmissionTimeoutMs: 20_000 }))
      expect(seated(await room.run(hosting)), `gone at ${moment} ms`).toEqual(['ann', 'next'])
    }
  })

  it('[GAME-3] two founders that could not hear each other: one table goes on, the other host joins it', async () => {
    for (const kept of [true, false]) {
      const room = new SlowRoom()
      room.network.cut('ann', 'bob')
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      const options = kept ? { storage: await room.storage('bob') } : {}
      const hosting = room.host(ann)
      const yielding = room.host(bob, options).catch((error: unknown) => error)
      await room.clock.advance(5_000)
      room.network.heal()
      expect(await room.run(yielding, 2_000)).toBeInstanceOf(DuplicateHostError)
      expect(room.clock.pendingTimers).toBeLessThan(10)
      const [host] = await room.run(Promise.all([hosting, room.join(bob, options)]), 5_000)
      expect(seated(host)).toEqual(['ann', 'bob'])
    }
  })

  it('[GAME-3] [GAME-10] who was learning at the table that yields gets a seat at the other', async () => {
    // Long enough to be a learner of bob's game, too short to be its voter.
    const outcomes = new Set<string>()
    for (let moment = 0; moment < PROMOTED_BY_MS; moment += 20) {
      const room = new SlowRoom()
      room.network.cut('ann', 'bob')
      room.network.cut('ann', 'cat')
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      const hosting = room.host(ann, { peerCount: 3 })
      const outcome = [hosting, room.host(bob, { peerCount: 3 })].map((host) => host.catch((error: unknown) => error))
      await room.clock.advance(3_000)
      const cat = await room.seam('cat')
      const storage = await room.storage('cat')
      const joining = room.join(cat, { storage, joinAdmissionTimeoutMs: 30_000 })
      await room.clock.advance(moment)
      room.network.heal()
      const refused = await room.run(Promise.race(outcome), 5_000)
      // Whoever has more players goes on.
      if (!(refused instanceof DuplicateHostError) || refused.host !== 'ann') continue
      outcomes.add((await storage.load())?.entries.length === 0 ? 'fresh' : 'learner')
      const joiner = await room.run(joining, 20_000)
      const [host] = await room.run(Promise.all([hosting, room.join(bob)]), 20_000)
      expect(new Set(seated(host)), `healed after ${moment} ms`).toEqual(new Set(['ann', 'cat', 'bob']))
      expect(joiner.gameId).toBe(host.gameId)
    }
    expect(outcomes).toContain('learner')
  })
})

describe('resuming over slow links', () => {
  it('[GAME-7] of two that resume different games at the same time, each hears of the other', async () => {
    /** A table of ann and bob, left again: the room with both storages. */
    const left = async (seed: number): Promise<SlowRoom> => {
      const room = new SlowRoom(seed)
      const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
      const hosting = room.host(ann, { storage: await room.storage('ann') })
      const sessions = await room.run(Promise.all([hosting, room.join(bob, { storage: await room.storage('bob') })]))
      await room.clock.advance(1_000)
      await room.run(Promise.all(sessions.map((session) => session.close())))
      return room
    }
    const [room, elsewhere] = [await left(7), await left(8)]
    const [ann, bob] = [await room.seam('ann'), await room.seam('bob')]
    await room.clock.advance(1_000)
    const resuming = [
      room.host(ann, { storage: await room.storage('ann') }),
      room.join(bob, { storage: await elsewhere.storage('bob') }),
    ]
    const outcomes = await room.run(Promise.all(resuming.map((call) => call.catch((error: unknown) => error))), 5_000)
    for (const outcome of outcomes) expect(outcome).toBeInstanceOf(GameMismatchError)
  })
})
