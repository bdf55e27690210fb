import { orAborted, throwIfAborted } from '../base/abort.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { pageClock } from '../base/worker-clock.ts'
import { ConfigError, SeamTornError } from '../base/errors.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'
import type { RaftState, RaftStorage } from '../raft/contract.ts'
import { raftNode } from '../raft/raft-node.ts'
import { seamTransport } from '../raft/seam-transport.ts'
import { settingsOf } from '../raft/settings.ts'
import type { Seam } from '../seam/contract.ts'
import { MuxSeam } from '../seam/mux-seam.ts'
import { NamedMux } from '../seam/named-mux.ts'
import type { GameOptions } from './contract.ts'
import { forgetIfAlone, memoryOf } from './page-memory.ts'
import { Presence } from './presence.ts'
import { RunningGame } from './running-game.ts'
import { TableSession } from './table-session.ts'
import type { Room } from './verdict.ts'

/** Channels of the session's mux. */
const RAFT_TAG = 1
const PRESENCE_TAG = 2
const APPLICATION_TAG = 3

/** What a peer holds on its way to the table; it becomes a session, or is given back whole. */
export class Approach {
  readonly seam: Seam
  readonly clock: Clock
  readonly presence: Presence
  readonly storage: RaftStorage
  readonly #options: GameOptions
  readonly #mux: MuxSeam
  /** Fails every wait of this approach; its reason is what the call rejects with. */
  readonly #failure = new AbortController()
  readonly #timers = new Set<unknown>()
  readonly #unlisten: (() => void)[] = []
  #game: RunningGame | null = null

  /**
   * Runs `walk` to a session. If it throws, or the caller aborts, or the seam tears, the peer leaves the
   * room's games again: node stopped, timers disarmed, the seam's `incoming` free, the seam woven.
   */
  static async run(
    seam: Seam,
    options: GameOptions,
    walk: (approach: Approach) => Promise<RunningGame>,
  ): Promise<TableSession> {
    const storage = options.storage ?? (await memoryOf(seam))
    throwIfAborted(options.signal)
    if (seam.state.get().kind === 'torn') throw new SeamTornError()
    const approach = new Approach(seam, storage, options)
    try {
      // Every step of a walk ends with the failure: when it has ended, nothing of it is under way.
      return approach.#arrive(await walk(approach))
    } catch (error) {
      await approach.#leave()
      throw error
    }
  }

  private constructor(seam: Seam, storage: RaftStorage, options: GameOptions) {
    if (storage.peerIdentity.id !== seam.selfId) {
      throw new ConfigError(
        `the storage belongs to ${storage.peerIdentity.id} and the seam to ${seam.selfId}: ` +
          "nothing was started; give the loom the storage's peerIdentity",
      )
    }
    this.seam = seam
    this.clock = options.clock ?? (options.raftConfig?.expectVirtualTime === true ? systemClock : pageClock())
    // Before anything is announced or written: it is the node's to refuse, but the node comes last.
    settingsOf(options.raftConfig ?? {}, this.clock)
    this.storage = storage
    this.#options = options
    this.#mux = new MuxSeam(seam)
    this.presence = new Presence(this.#mux.channel(PRESENCE_TAG))
    this.#watch()
  }

  get room(): Room {
    return { selfId: this.seam.selfId, peers: this.seam.peers.get(), heard: this.presence.heard.get() }
  }

  fail(reason: unknown): void {
    this.#failure.abort(reason)
  }

  /** `work`, or the failure as soon as it comes. */
  #within<T>(work: Promise<T>): Promise<T> {
    return orAborted(work, this.#failure.signal)
  }

  /** Runs `run` in `ms` unless the approach has ended by then. */
  after(ms: number, run: () => void): void {
    if (this.#failure.signal.aborted) return
    const handle = this.clock.setTimeout(() => {
      this.#timers.delete(handle)
      run()
    }, ms)
    this.#timers.add(handle)
  }

  /** The first value other than `null` that `decide` finds: now, or after a change in the room or in `more`. */
  async decided<T>(decide: () => T | null, ...more: readonly ReadableAtom<unknown>[]): Promise<T> {
    const unlisten: (() => void)[] = []
    const found = new Promise<T>((resolve, reject) => {
      const look = (): void => {
        try {
          const value = decide()
          if (value !== null) resolve(value)
        } catch (error) {
          reject(error)
        }
      }
      const sources: readonly ReadableAtom<unknown>[] = [this.presence.heard, this.seam.peers, ...more]
      for (const source of sources) unlisten.push(source.listen(look))
      look()
    })
    try {
      return await this.#within(found)
    } finally {
      for (const stop of unlisten) stop()
    }
  }

  /** Becomes true in `ms`. */
  timeIsUp(ms: number): ReadableAtom<boolean> {
    const isUp = observable(false)
    this.after(ms, () => isUp.set(true))
    return isUp
  }

  load(): Promise<RaftState | null> {
    return this.#within(this.storage.load())
  }

  write(batch: Parameters<RaftStorage['write']>[0]): Promise<void> {
    return this.#within(this.storage.write(batch))
  }

  /** Starts the node on whatever log the storage holds. Frames of other games do not reach it. */
  async start(gameId: string, lineage: string): Promise<RunningGame> {
    const { seam, storage, clock, presence } = this
    const { raftConfig, identity, random } = this.#options
    const node = await raftNode({
      id: seam.selfId,
      // The founding configuration is in the log; a joiner has none until it gets that log.
      cluster: { voters: new Set(), learners: new Set() },
      transport: seamTransport(this.#mux.channel(RAFT_TAG), { binding: { gameId, lineage } }),
      storage,
      config: raftConfig,
      identity,
      clock,
      random,
      signal: this.#failure.signal,
    })
    if (this.#failure.signal.aborted) {
      await node.close()
      throw this.#failure.signal.reason
    }
    const game = new RunningGame({ gameId, lineage, node, presence, clock })
    this.#game = game
    // A node that has stopped by itself says why to whoever asks something of it.
    game.ended
      .then(() => node.awaitLeadership())
      .catch((error: unknown) => {
        if (this.#game === game) this.fail(error)
      })
    await game.folded(node.commitIndex.get(), this.#failure.signal)
    game.announce()
    return game
  }

  /** Stops the node: another may be started. */
  async halt(): Promise<void> {
    const game = this.#game
    this.#game = null
    await game?.stop()
  }

  #watch(): void {
    const { signal } = this.#options
    const onAbort = (): void => this.fail(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const onState = this.seam.state.listen((state) => {
      if (state.kind === 'torn')
        this.fail(new SeamTornError('the seam tore before the game was joined: weave a new one'))
    })
    this.#unlisten.push(onState, () => signal?.removeEventListener('abort', onAbort))
  }

  #rest(): void {
    for (const stop of this.#unlisten) stop()
    for (const handle of this.#timers) this.clock.clearTimeout(handle)
    this.#timers.clear()
  }

  #arrive(game: RunningGame): TableSession {
    this.#rest()
    const channels = new NamedMux(this.#mux.channel(APPLICATION_TAG))
    return new TableSession({ seam: this.seam, game, presence: this.presence, channels })
  }

  async #leave(): Promise<void> {
    this.#rest()
    this.presence.announce({ role: 'bystander' })
    await this.halt()
    this.presence.close()
    await this.#mux.detach()
    await forgetIfAlone(this.seam)
  }
}
