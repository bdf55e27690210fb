import { describe, expect, it } from 'vitest'
import type { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import { InMemoryRaftStorage as Storage } from '../raft/storage/in-memory-raft-storage.ts'
import { type Random, randomBetween } from '../base/random.ts'
import type { Seam } from '../seam/contract.ts'
import { seededRandom, SimulatedNetwork, testIdentity, VirtualClock } from '../sim/index.ts'
import { gameHost, gameJoin } from './bootstrap.ts'
import type { GameSession } from './contract.ts'
import { turnsOf } from './test-support/table.ts'

/** Virtual time from the last fault to everybody's agreement. */
const PROGRESS_BOUND_MS = 30_000

/** One player's machine: its storage survives, its page does not. */
interface Player {
  readonly name: string
  storage: InMemoryRaftStorage
  seam: Seam | null
  session: GameSession | null
}

/** Players on a bad network, and what they were told about their turns. */
class Simulation {
  readonly clock = new VirtualClock()
  readonly network: SimulatedNetwork
  readonly players: Player[] = []
  readonly random: Random
  /** Index at which each acknowledged action was said to be agreed. */
  readonly acknowledged = new Map<number, number>()
  #lastAction = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
    const faults = { latencyMs: 30, jitterMs: 40, loss: 0.05, duplicate: 0.05, reorder: 0.1 }
    this.network = new SimulatedNetwork({ clock: this.clock, seed, ...faults })
  }

  async found(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const name = `player-${i}`
      const storage = await Storage.create({ peerIdentity: testIdentity(name) })
      this.players.push({ name, storage, seam: null, session: null })
    }
    await this.clock.run(Promise.all(this.players.map((player, i) => this.#sit(player, i === 0 ? count : null))))
  }

  /** A page of `player`: weaves a seam, then hosts or resumes as host (`peerCount`), or joins. */
  async #sit(player: Player, peerCount: number | null): Promise<void> {
    const loom = this.network.loom({ peerIdentity: testIdentity(player.name) })
    player.seam = await loom.reopen({ sessionName: 'sim' })
    const options = { storage: player.storage, clock: this.clock, random: this.random }
    const call = peerCount === null ? gameJoin(player.seam, options) : gameHost(player.seam, { ...options, peerCount })
    player.session = await call
  }

  /** The page goes away, with or without a goodbye, and comes back on the storage. */
  async reload(player: Player, awayMs: number): Promise<void> {
    const { session } = player
    if (session === null) return
    player.session = null
    if (this.random() < 0.5) this.network.crash(player.name)
    player.storage = player.storage.reopen()
    await session.close()
    await this.clock.advance(awayMs)
    await this.#sit(player, this.random() < 0.5 ? this.players.length : null)
  }

  propose(player: Player): Promise<void> {
    const { session } = player
    if (session === null) return Promise.resolve()
    const action = ++this.#lastAction
    return turnsOf(session)
      .propose(action)
      .then(
        ({ index }) => void this.acknowledged.set(action, index),
        () => {
          // Outcome unknown: it may appear once, or never.
        },
      )
  }

  pick(): Player {
    return this.players[randomBetween(this.random, 0, this.players.length)] as Player
  }

  /** Something happens; then up to a second passes. */
  async disturb(): Promise<void> {
    const die = this.random()
    const [a, b] = [this.pick(), this.pick()]
    if (die < 0.6) void this.propose(a)
    else if (die < 0.7 && a !== b) this.network.cut(a.name, b.name, { oneWay: this.random() < 0.5 })
    else if (die < 0.85) this.network.heal()
    else
      await this.clock.run(
        this.reload(a, 0).then(() => {}),
        { limitMs: 20_000 },
      )
    await this.clock.advance(randomBetween(this.random, 0, 1_000))
  }

  async turns(player: Player): Promise<Map<number, number>> {
    const seen = new Map<number, number>()
    const iterator = turnsOf(player.session as GameSession).events[Symbol.asyncIterator]()
    void (async () => {
      for (;;) {
        const { done, value } = await iterator.next()
        if (done === true) return
        if (value.kind !== 'committed') throw new Error(`a turn that is none: ${value.kind}`)
        if (seen.has(value.indexed.action)) throw new Error(`action ${value.indexed.action} counted twice`)
        seen.set(value.indexed.action, value.indexed.index)
      }
    })()
    await this.clock.advance(0)
    await iterator.return?.()
    return seen
  }
}

describe('play on a bad network', { timeout: 60_000 }, () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

  it.each(seeds.flatMap((seed) => [2, 3].map((count) => ({ seed, count }))))(
    '[GAME-9] [TURN-1] [TURN-2] $count players, seed $seed: cuts and reloads lose no acknowledged turn and double none',
    async ({ seed, count }) => {
      const sim = new Simulation(seed * 1_000 + count)
      await sim.found(count)
      for (let step = 0; step < 120; step++) await sim.disturb()

      sim.network.heal()
      const last = Promise.all(sim.players.map((player) => sim.propose(player)))
      await sim.clock.run(last, { limitMs: PROGRESS_BOUND_MS })
      await sim.clock.advance(5_000)

      const [first, ...others] = await Promise.all(sim.players.map((player) => sim.turns(player)))
      for (const turns of others) expect([...turns]).toEqual([...(first ?? [])])
      expect(sim.acknowledged.size).toBeGreaterThan(20)
      for (const [action, index] of sim.acknowledged) expect(first?.get(action), `action ${action}`).toBe(index)

      await Promise.all(sim.players.map((player) => player.session?.close()))
      await sim.clock.advance(60_000)
      expect(sim.clock.pendingTimers).toBe(0)
    },
  )
})
