import type { Committed, LogEntry, Snapshot } from '../raft/contract.ts'
import type { PeerId } from '../seam/contract.ts'
import type { Seat } from './contract.ts'
import { decodeGameEntry, type GameEntry } from './game-entry.ts'
import { decodeTableSnapshot } from './table-snapshot.ts'

/**
 * Who sits where, as a fold over the committed log from its beginning, or from the snapshot that stands for
 * it: a pure state machine, equal on every replica. Entries that cannot take effect (a seat already taken, a peer seated twice, a table
 * entry from a peer without a seat) change nothing, so that proposing one twice does no harm.
 */
export class SeatTable {
  #seats: readonly Seat[] = []
  #seated: ReadonlySet<PeerId> = new Set()
  #index = 0

  /** Index of the last item folded in. */
  get index(): number {
    return this.#index
  }

  /** A new array whenever a seat changes hands; empty before the founding entry. */
  get seats(): readonly Seat[] {
    return this.#seats
  }

  /**
   * Takes the next committed item. Returns the application's bytes in it: the command, `null` where it holds none
   * that counts (a command counts if its proposer had a seat before), or the state of a snapshot.
   */
  apply(committed: Committed): Uint8Array | null {
    if (committed.kind === 'internal') {
      this.#index = committed.index
      return null
    }
    if (committed.kind === 'install') return this.#install(committed.snapshot)
    const { entry } = committed
    this.#index = entry.index
    const what = decodeGameEntry(entry.command)
    if (what.kind === 'application') return this.#isSeated(entry.proposer) ? what.command : null
    this.#change(what, entry)
    return null
  }

  #install(snapshot: Snapshot): Uint8Array {
    const { seats, state } = decodeTableSnapshot(snapshot.state)
    this.#index = snapshot.index
    this.#settle(seats)
    return state
  }

  #change(what: GameEntry, entry: LogEntry): void {
    if (what.kind === 'founded') {
      if (this.#seats.length > 0) return
      this.#seats = Array.from({ length: what.seatCount }, (_, number) => ({ number, peer: null }))
      this.#sit(0, what.founder)
    } else if (what.kind === 'seated') {
      const free = this.#seats[what.seat]?.peer === null
      if (free && this.#isSeated(entry.proposer) && !this.#isSeated(what.peer)) this.#sit(what.seat, what.peer)
    }
  }

  #sit(seat: number, peer: PeerId): void {
    this.#settle(this.#seats.with(seat, { number: seat, peer }))
  }

  #settle(seats: readonly Seat[]): void {
    this.#seats = seats
    this.#seated = new Set(seats.flatMap(({ peer }) => (peer === null ? [] : [peer])))
  }

  #isSeated(peer: PeerId | null): boolean {
    return peer !== null && this.#seated.has(peer)
  }
}

export function seatOf(seats: readonly Seat[], peer: PeerId): Seat | null {
  return seats.find((seat) => seat.peer === peer) ?? null
}

export function takenSeats(seats: readonly Seat[]): number {
  return seats.filter((seat) => seat.peer !== null).length
}

/** Founded, and no seat is free. */
export function isFull(seats: readonly Seat[]): boolean {
  return seats.length > 0 && seats.every((seat) => seat.peer !== null)
}

/** The first free seat's number, `null` when there is none. */
export function firstFreeSeat(seats: readonly Seat[]): number | null {
  return seats.find((seat) => seat.peer === null)?.number ?? null
}
