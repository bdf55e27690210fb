import type { SignalAddress } from './protocol.ts'

/** One attachment: a peer's session, and the connection it is reached over. */
export interface Occupant extends SignalAddress {
  readonly connection: number
  readonly sessionSecret: string
}

/** The attachments under one address. Peers count by id: a reloaded tab and its ghost are one peer. */
export class SignalRoom {
  readonly address: string
  /** Distinct peers it takes. */
  readonly maxPeers: number
  readonly #peers = new Map<string, Map<string, Occupant>>()

  constructor(address: string, maxPeers: number) {
    this.address = address
    this.maxPeers = maxPeers
  }

  get isEmpty(): boolean {
    return this.#peers.size === 0
  }

  get isFull(): boolean {
    return this.#peers.size >= this.maxPeers
  }

  find({ peer, session }: SignalAddress): Occupant | undefined {
    return this.#peers.get(peer)?.get(session)
  }

  sessionsOf(peer: string): number {
    return this.#peers.get(peer)?.size ?? 0
  }

  /** Puts `occupant` in its place, and returns whom it found there. */
  put(occupant: Occupant): Occupant | null {
    let sessions = this.#peers.get(occupant.peer)
    if (sessions === undefined) {
      sessions = new Map()
      this.#peers.set(occupant.peer, sessions)
    }
    const before = sessions.get(occupant.session) ?? null
    sessions.set(occupant.session, occupant)
    return before
  }

  /** Removes this very occupant: one that has taken its place stays. */
  remove(occupant: Occupant): void {
    const sessions = this.#peers.get(occupant.peer)
    if (sessions?.get(occupant.session) !== occupant) return
    sessions.delete(occupant.session)
    if (sessions.size === 0) this.#peers.delete(occupant.peer)
  }

  /** Everybody but `occupant`, other sessions of its peer included. */
  others(occupant: Occupant): readonly Occupant[] {
    const others: Occupant[] = []
    for (const sessions of this.#peers.values()) {
      for (const other of sessions.values()) if (other !== occupant) others.push(other)
    }
    return others
  }
}
