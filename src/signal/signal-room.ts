import type { SignalAddress } from './protocol.ts'

/**
 * The attachments under one address. Peers count by id: a reloaded tab and its ghost are one peer. Most rooms hold a
 * few, and a server holds most of its memory for rooms: they stand in one list, in the order they came.
 */
export class SignalRoom<T extends SignalAddress> {
  readonly address: string
  /** Distinct peers it takes. */
  readonly maxPeers: number
  readonly #occupants: T[] = []

  constructor(address: string, maxPeers: number) {
    this.address = address
    this.maxPeers = maxPeers
  }

  get isEmpty(): boolean {
    return this.#occupants.length === 0
  }

  get isFull(): boolean {
    return new Set(this.#occupants.map(({ peer }) => peer)).size >= this.maxPeers
  }

  find(at: SignalAddress): T | undefined {
    return this.#occupants[this.#placeOf(at)]
  }

  sessionsOf(peer: string): number {
    return this.#occupants.filter((occupant) => occupant.peer === peer).length
  }

  /** Puts `occupant` in its place, and returns whom it found there. */
  put(occupant: T): T | null {
    const place = this.#placeOf(occupant)
    const before = this.#occupants[place] ?? null
    if (before === null) this.#occupants.push(occupant)
    else this.#occupants[place] = occupant
    return before
  }

  /** Removes this very occupant: one that has taken its place stays. */
  remove(occupant: T): void {
    const place = this.#occupants.indexOf(occupant)
    if (place >= 0) this.#occupants.splice(place, 1)
  }

  /** Everybody, but for the session named like `except`. */
  others(except?: SignalAddress): T[] {
    return this.#occupants.filter(({ peer, session }) => peer !== except?.peer || session !== except.session)
  }

  #placeOf({ peer, session }: SignalAddress): number {
    return this.#occupants.findIndex((occupant) => occupant.session === session && occupant.peer === peer)
  }
}
