import type { SignalAddress } from './protocol.ts'

/** The attachments under one address. Peers count by id: a reloaded tab and its ghost are one peer. */
export class SignalRoom<T extends SignalAddress> {
  readonly address: string
  /** Distinct peers it takes. */
  readonly maxPeers: number
  readonly #peers = new Map<string, Map<string, T>>()

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

  find({ peer, session }: SignalAddress): T | undefined {
    return this.#peers.get(peer)?.get(session)
  }

  sessionsOf(peer: string): number {
    return this.#peers.get(peer)?.size ?? 0
  }

  /** Puts `occupant` in its place, and returns whom it found there. */
  put(occupant: T): T | null {
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
  remove(occupant: T): void {
    const sessions = this.#peers.get(occupant.peer)
    if (sessions?.get(occupant.session) !== occupant) return
    sessions.delete(occupant.session)
    if (sessions.size === 0) this.#peers.delete(occupant.peer)
  }

  /** Everybody, but for the sessions named like `except`. */
  others(except?: SignalAddress): T[] {
    const others: T[] = []
    for (const [peer, sessions] of this.#peers) {
      for (const [session, occupant] of sessions) {
        if (peer !== except?.peer || session !== except.session) others.push(occupant)
      }
    }
    return others
  }
}
