import { InMemoryLoom, InMemoryTag } from '../../fabric/memory/index.ts'
import type { Random } from '../../base/random.ts'
import type { RaftStorage } from '../../raft/contract.ts'
import { InMemoryRaftStorage } from '../../raft/storage/in-memory-raft-storage.ts'
import type { Seam } from '../../seam/contract.ts'
import { seededRandom, testIdentity, VirtualClock } from '../../sim/index.ts'
import { gameHost, gameJoin } from '../bootstrap.ts'
import type { GameHostOptions, GameJoinOptions, GameOptions, GameSession } from '../contract.ts'
import { json } from '../codec.ts'
import { TurnSequencer } from '../turn-sequencer.ts'

/** A room in memory, under virtual time, whose players have storages that outlive their sessions. */
export class TestRoom {
  readonly clock: VirtualClock = new VirtualClock()
  readonly #loom = new InMemoryLoom()
  readonly #storages = new Map<string, InMemoryRaftStorage>()
  readonly #random: Random
  #weaving: Promise<Seam> = Promise.reject(new Error('nobody yet'))

  constructor(seed = 1) {
    this.#random = seededRandom(seed)
    this.#weaving.catch(() => {})
  }

  /** A seam of `name`: comes in as host where nobody is, else joins. */
  seam(name: string): Promise<Seam> {
    const loom = this.#loom.as(testIdentity(name))
    const weave = (): Promise<Seam> => loom.join(new InMemoryTag(name)).catch(() => loom.host({ sessionName: 'room' }))
    // One after the other: of two that find nobody, one would host and the other be refused.
    this.#weaving = this.#weaving.then(weave, weave)
    return this.#weaving
  }

  /** The storage of `name`, opened anew: what it held before is in it. */
  async storage(name: string): Promise<RaftStorage> {
    const known = this.#storages.get(name)
    const storage =
      known === undefined ? await InMemoryRaftStorage.create({ peerIdentity: testIdentity(name) }) : known.reopen()
    this.#storages.set(name, storage)
    return storage
  }

  async host(name: string, options: Partial<GameHostOptions> = {}, seam?: Seam): Promise<GameSession> {
    return gameHost(seam ?? (await this.seam(name)), { peerCount: 2, ...(await this.#options(name, options)) })
  }

  async join(name: string, options: GameJoinOptions = {}, seam?: Seam): Promise<GameSession> {
    return gameJoin(seam ?? (await this.seam(name)), await this.#options(name, options))
  }

  /** What every call here is made with, and the player's own storage unless `options` says otherwise. */
  async #options<O extends GameOptions>(name: string, options: O): Promise<O> {
    const base = { clock: this.clock, random: this.#random, raftConfig: { expectVirtualTime: true } }
    return 'storage' in options ? { ...base, ...options } : { ...base, storage: await this.storage(name), ...options }
  }

  /** A table of two with both seated, in a call. */
  async two(): Promise<[GameSession, GameSession]> {
    return this.clock.run(Promise.all([this.host('ann'), this.join('bob')]))
  }

  run<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    return this.clock.run(promise, limitMs === undefined ? {} : { limitMs })
  }

  /** Turns that `session` shows when nothing more is on its way. */
  async turns(session: GameSession): Promise<number[]> {
    const seen: number[] = []
    const iterator = turnsOf(session).events[Symbol.asyncIterator]()
    void (async () => {
      for (;;) {
        const { done, value } = await iterator.next()
        if (done === true) return
        if (value.kind === 'committed') seen.push(value.indexed.action)
      }
    })()
    await this.clock.advance(0)
    await iterator.return?.()
    return [...seen]
  }
}

export function turnsOf(session: GameSession): TurnSequencer<number> {
  return new TurnSequencer(session.node, json<number>())
}

export function seated(session: GameSession): (string | null)[] {
  return session.seats.get().map((seat) => seat.peer)
}
