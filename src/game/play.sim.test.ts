import { describe, expect, it } from 'vitest'
import type { InMemoryRaftStorage } from '../raft/storage/in-memory-raft-storage.ts'
import { InMemoryRaftStorage as Storage } from '../raft/storage/in-memory-raft-storage.ts'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import { type CapturedState, keepCompacted } from '../raft/keep-compacted.ts'
import { type Random, randomBetween } from '../base/random.ts'
import type { Seam } from '../seam/contract.ts'
import { seededRandom, SimulatedNetwork, testIdentity, VirtualClock } from '../sim/index.ts'
import { gameHost, gameJoin } from './bootstrap.ts'
import type { GameSession } from './contract.ts'
import { turnsOf } from './test-support/table.ts'
import type { TurnEvent } from './turn-sequencer.ts'

/** Virtual time from the last fault to everybody's agreement. */
const PROGRESS_BOUND_MS = 30_000

/** One player's machine: its storage survives, its page does not. */
interface Player {
  readonly name: string
  storage: InMemoryRaftStorage
  seam: Seam | null
  session: GameSession | null
  /** Ends the compaction of its log. */
  endCompaction: (() => void) | null
}

/** Players on a bad network, and what they were told about their turns. */
class Simulation {
  readonly clock = new VirtualClock()
  readonly network: SimulatedNetwork
  readonly players: Player[] = []
  readonly random: Random
  /** Index at which each acknowledged action was said to be agreed. */
  readonly acknowledged = new Map<number, number>()
  readonly #everyEntries: number | null
  #lastAction = 0

  /** `everyEntries`: how long a player lets its log get; `null`: never compacted. */
  constructor(seed: number, everyEntries: number | null) {
    this.#everyEntries = everyEntries
    this.random = seededRandom(seed)
    const faults = { latencyMs: 30, jitterMs: 40, loss: 0.05, duplicate: 0.05, reorder: 0.1 }
    this.network = new SimulatedNetwork({ clock: this.clock, seed, ...faults })
  }

  async found(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const name = `player-${i}`
      const storage = await Storage.create({ peerIdentity: testIdentity(name) })
      this.players.push({ name, storage, seam: null, session: null, endCompaction: null })
    }
    await this.clock.run(Promise.all(this.players.map((player, i) => this.#sit(player, i === 0 ? count : null))))
  }

  /** A page of `player`: weaves a seam, then hosts or resumes as host (`peerCount`), or joins. */
  async #sit(player: Player, peerCount: number | null): Promise<void> {
    const loom = this.network.loom({ peerIdentity: testIdentity(player.name) })
    player.seam = await loom.reopen({ sessionName: 'sim' })
    const raftConfig = this.#everyEntries === null ? {} : { tailEntries: 0, maxLogEntries: 8 * this.#everyEntries }
    const options = { storage: player.storage, clock: this.clock, random: this.random, raftConfig }
    const call = peerCount === null ? gameJoin(player.seam, options) : gameHost(player.seam, { ...options, peerCount })
    player.session = await call
    if (this.#everyEntries !== null) this.#keepCompacted(player, player.session, this.#everyEntries)
  }

  #keepCompacted(player: Player, session: GameSession, everyEntries: number): void {
    const turns = new Turns()
    void turns.follow(session)
    const capture = (): CapturedState | null => turns.captured()
    player.endCompaction = keepCompacted(session.node, { everyEntries, capture, clock: this.clock })
  }

  /** The page goes away, with or without a goodbye, and comes back on the storage. */
  async reload(player: Player, awayMs: number): Promise<void> {
    const { session } = player
    if (session === null) return
    player.session = null
    player.endCompaction?.()
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
    const turns = new Turns()
    const done = turns.follow(player.session as GameSession)
    await this.clock.advance(0)
    turns.leave()
    await done
    return turns.seen
  }

  async end(): Promise<void> {
    for (const player of this.players) player.endCompaction?.()
    await Promise.all(this.players.map((player) => player.session?.close()))
    await this.clock.advance(60_000)
    expect(this.clock.pendingTimers).toBe(0)
  }
}

/** Who reads a session's turns: what was played at which index, from the log or from a snapshot of another reader's. */
class Turns {
  seen = new Map<number, number>()
  #index = 0
  #events: AsyncIterator<TurnEvent<number>> | null = null

  async follow(session: GameSession): Promise<void> {
    const events = turnsOf(session).events[Symbol.asyncIterator]()
    this.#events = events
    for (let next = await events.next(); next.done !== true; next = await events.next()) this.#take(next.value)
  }

  leave(): void {
    void this.#events?.return?.()
  }

  captured(): CapturedState | null {
    return this.#index === 0 ? null : { index: this.#index, state: utf8(JSON.stringify([...this.seen])) }
  }

  #take(event: TurnEvent<number>): void {
    if (event.kind === 'rejected') throw new Error('a turn that is none')
    const index = event.kind === 'reset' ? event.snapshot.index : event.indexed.index
    if (index <= this.#index) throw new Error(`index ${index} after ${this.#index}`)
    this.#index = index
    if (event.kind === 'reset') {
      this.seen = new Map(JSON.parse(fromUtf8(event.snapshot.state)) as [number, number][])
      return
    }
    const { action } = event.indexed
    if (this.seen.has(action)) throw new Error(`action ${action} counted twice`)
    this.seen.set(action, index)
  }
}

describe('play on a bad network', { timeout: 60_000 }, () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

  it.each(seeds.flatMap((seed) => [2, 3].map((count) => ({ seed, count }))))(
    '[GAME-9] [TURN-1] [TURN-2] $count players, seed $seed: cuts and reloads lose no acknowledged turn and double none',
    async ({ seed, count }) => {
      const sim = new Simulation(seed * 1_000 + count, null)
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
      await sim.end()
    },
  )

  it.each(seeds.slice(0, 4).map((seed) => ({ seed })))(
    '[GAME-19] seed $seed: three players who compact their logs all the while agree on every turn, and keep their seats',
    async ({ seed }) => {
      const sim = new Simulation(seed * 1_000, 8)
      await sim.found(3)
      for (let step = 0; step < 120; step++) await sim.disturb()

      sim.network.heal()
      const last = Promise.all(sim.players.map((player) => sim.propose(player)))
      await sim.clock.run(last, { limitMs: PROGRESS_BOUND_MS })
      await sim.clock.advance(5_000)

      const [first, ...others] = await Promise.all(sim.players.map((player) => sim.turns(player)))
      for (const turns of others) expect([...turns]).toEqual([...(first ?? [])])
      for (const [action, index] of sim.acknowledged) expect(first?.get(action), `action ${action}`).toBe(index)
      for (const { session } of sim.players) {
        expect(session?.node.compactionFloor.get()).toBeGreaterThan(20)
        expect(
          session?.seats
            .get()
            .map(({ peer }) => peer)
            ?.sort(),
        ).toEqual(['player-0', 'player-1', 'player-2'])
      }
      await sim.end()
    },
  )
})
