import type { Clock } from '../base/clock.ts'
import { observable, type ReadableAtom, until } from '../base/observable.ts'
import type { RaftNode } from '../raft/contract.ts'
import {
  Admission,
  type AdmissionAct,
  type AdmissionEffect,
  type AdmissionInput,
  type AdmissionView,
} from './admission.ts'
import type { PeerId } from '../seam/contract.ts'
import type { Seat } from './contract.ts'
import { encodeSeated } from './game-entry.ts'
import type { Presence } from './presence.ts'
import { SeatTable, seatOf } from './seat-table.ts'

/**
 * A node at work for a game: folds the committed log into seats, says in the room what this peer is, and
 * while the node leads admits whoever wants to play. Runs from the moment the node does, in joiners too.
 */
export class RunningGame {
  readonly gameId: string
  readonly lineage: string
  readonly node: RaftNode
  /**
   * Resolves when the node has stopped, by itself or because of {@link stop}. Rejects with `CorruptStateError` for a
   * snapshot that is no table's.
   */
  readonly ended: Promise<void>
  readonly #presence: Presence
  readonly #clock: Clock
  readonly #table = new SeatTable()
  readonly #seats = observable<readonly Seat[]>([])
  readonly #folded = observable(0)
  readonly #admission = new Admission()
  readonly #unlisten: (() => void)[]
  /** Seats read on the way to what is known are not said: others would take the first word for the last. */
  #isAnnounced = false
  #act: AbortController | null = null
  #wake: unknown = undefined
  #stopping: Promise<void> | null = null

  constructor(parts: { gameId: string; lineage: string; node: RaftNode; presence: Presence; clock: Clock }) {
    this.gameId = parts.gameId
    this.lineage = parts.lineage
    this.node = parts.node
    this.#presence = parts.presence
    this.#clock = parts.clock
    const look = (): void => this.#look()
    const { role, leader, membership } = this.node
    const sources = [role, leader, membership, this.#seats, this.#presence.heard] as readonly ReadableAtom<unknown>[]
    this.#unlisten = sources.map((source) => source.listen(look))
    this.ended = this.#fold()
    // Who sits where is not known any more: nothing can be played here.
    this.ended.catch(() => this.node.close())
  }

  get seats(): ReadableAtom<readonly Seat[]> {
    return this.#seats
  }

  /** Resolves when {@link seats} says what the log up to `index` says. */
  async folded(index: number, signal?: AbortSignal): Promise<void> {
    await until(this.#folded, (folded) => folded >= index, { signal })
  }

  /** Says in the room what this peer is: first when what is known to be committed has been read. */
  announce(): void {
    const { gameId, lineage } = this
    const seats = this.#seats.get()
    this.#isAnnounced = true
    this.#presence.announce(
      this.#isSeated(this.node.id) ? { role: 'player', gameId, lineage, seats } : { role: 'joiner', gameId },
    )
  }

  /** Ends admission, then the node. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    for (const stop of this.#unlisten) stop()
    this.#clock.clearTimeout(this.#wake)
    this.#act?.abort()
    await this.node.close()
    await this.ended.catch(() => {})
  }

  async #fold(): Promise<void> {
    for await (const committed of this.node.committedFrom(1)) {
      this.#table.apply(committed)
      const changed = this.#table.seats !== this.#seats.get()
      this.#seats.set(this.#table.seats)
      this.#folded.set(this.#table.index)
      if (changed && this.#isAnnounced) this.announce()
    }
  }

  /* ── Admission ─────────────────────────────────────────────────────────────────────────────── */

  #look(): void {
    const { voters, learners } = this.node.membership.get()
    const candidates = [...this.#presence.heard.get()].flatMap(([peer, said]) =>
      said.role === 'joiner' && said.gameId === this.gameId ? [peer] : [],
    )
    this.#step({ kind: 'view', view: { part: this.#part(), voters, learners, seats: this.#seats.get(), candidates } })
  }

  #part(): AdmissionView['part'] {
    const { id, role, leader } = this.node
    if (!this.#isSeated(id)) return 'none'
    if (role.get() === 'leader') return 'lead'
    const other = leader.get()
    return other === null || this.#isSeated(other) ? 'none' : 'assist'
  }

  #isSeated(peer: PeerId): boolean {
    return seatOf(this.#seats.get(), peer) !== null
  }

  #step(input: AdmissionInput): void {
    if (this.#stopping !== null) return
    this.#clock.clearTimeout(this.#wake)
    this.#wake = undefined
    for (const effect of this.#admission.step(input, this.#clock.now())) this.#apply(effect)
  }

  #apply(effect: AdmissionEffect): void {
    if (effect.kind === 'wake') {
      const inMs = effect.atMs - this.#clock.now()
      this.#wake = this.#clock.setTimeout(() => this.#step({ kind: 'time' }), inMs)
    } else if (effect.kind === 'abandon') this.#act?.abort()
    else void this.#carryOut(effect)
  }

  async #carryOut(act: AdmissionAct): Promise<void> {
    const controller = new AbortController()
    this.#act = controller
    let ok = true
    try {
      await this.#perform(act, controller.signal)
    } catch {
      // Lost leadership, a change under way already, a joiner that does not answer: all are tried again.
      ok = false
    }
    this.#act = null
    this.#step({ kind: 'settled', ok })
  }

  async #perform(act: AdmissionAct, signal: AbortSignal): Promise<void> {
    const { node } = this
    if (act.kind === 'seat') {
      const { index } = await node.propose(encodeSeated(act.seat, act.peer), { signal, automatic: true })
      await this.folded(index, signal)
      if (!this.#isSeated(act.peer)) throw new Error(`the entry at ${index} did not give ${act.peer} a seat`)
    } else if (act.kind === 'learn') await node.changeMembership({ addLearners: [act.peer] }, { signal })
    else if (act.kind === 'promote') await node.changeMembership({ promote: [act.peer] }, { signal })
    else await node.changeMembership({ remove: [act.peer] }, { signal })
  }
}
