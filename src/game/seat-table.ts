import type { Committed, LogEntry } from '../raft/contract.ts'
import type { PeerId } from '../seam/contract.ts'
import type { Seat } from './contract.ts'
import { decodeGameEntry, type GameEntry } from './game-entry.ts'

/**
 * Who sits where, as a fold over the committed log from its beginning: a pure state machine, equal on
 * every replica. Entries that cannot take effect (a seat already taken, a peer seated twice, a table
 * entry from a peer without a seat) change nothing, so that proposing one twice does no harm.
 */
export class SeatTable {
  #seats: readonly Seat[] = []
  /** Index of the entry that seated each peer. */
  readonly #seatedAt = new Map<PeerId, number>()
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
   * Takes the next committed item. Returns the application's command in it, `null` where it holds none
   * that counts: a command counts if its proposer had a seat before.
   */
  apply(committed: Committed): Uint8Array | null {
    if (committed.kind !== 'entry') {
      this.#index = committed.kind === 'internal' ? committed.index : committed.snapshot.index
      return null
    }
    const { entry } = committed
    this.#index = entry.index
    const what = decodeGameEntry(entry.command)
    if (what.kind === 'application') return this.#isSeated(entry.proposer) ? what.command : null
    this.#change(what, entry)
    return null
  }

  #change(what: GameEntry, entry: LogEntry): void {
    if (what.kind === 'founded') {
      if (this.#seats.length > 0) return
      this.#seats = Array.from({ length: what.seatCount }, (_, number) => ({ number, peer: null }))
      this.#sit(0, what.founder, entry.index)
    } else if (what.kind === 'seated') {
      const free = this.#seats[what.seat]?.peer === null
      if (free && this.#isSeated(entry.proposer) && !this.#isSeated(what.peer))
        this.#sit(what.seat, what.peer, entry.index)
    }
  }

  #sit(seat: number, peer: PeerId, index: number): void {
    this.#seats = this.#seats.with(seat, { number: seat, peer })
    this.#seatedAt.set(peer, index)
  }

  #isSeated(peer: PeerId | null): boolean {
    return peer !== null && this.#seatedAt.has(peer)
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
