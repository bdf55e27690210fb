import type { SignalLimits } from './signal-limits.ts'
import { TokenBucket } from './token-bucket.ts'

interface Entry {
  connections: number
  readonly attaches: TokenBucket
  readonly turnGrants: TokenBucket
}

/** What each network address has of a server, so that none has it all. */
export class AddressBook {
  readonly #limits: SignalLimits
  readonly #entries = new Map<string, Entry>()

  constructor(limits: SignalLimits) {
    this.#limits = limits
  }

  /** Counts a connection of the address, or returns false where it has as many as it may. */
  connect(address: string, nowMs: number): boolean {
    const entry = this.#entries.get(address) ?? this.#begin(address, nowMs)
    if (entry.connections >= this.#limits.maxConnectionsPerAddress) return false
    entry.connections++
    return true
  }

  disconnect(address: string): void {
    const entry = this.#entries.get(address)
    if (entry !== undefined) entry.connections--
  }

  /** Whether the address may attach just now. */
  attach(address: string, nowMs: number): boolean {
    return this.#entries.get(address)?.attaches.take(nowMs) ?? true
  }

  /** Whether the address may have TURN credentials just now. */
  grantTurn(address: string, nowMs: number): boolean {
    return this.#entries.get(address)?.turnGrants.take(nowMs) ?? true
  }

  /** Forgets those that have no connection and owe nothing. One that merely reconnects is not new. */
  sweep(nowMs: number): void {
    for (const [address, { connections, attaches, turnGrants }] of this.#entries) {
      if (connections === 0 && attaches.isFull(nowMs) && turnGrants.isFull(nowMs)) this.#entries.delete(address)
    }
  }

  clear(): void {
    this.#entries.clear()
  }

  #begin(address: string, nowMs: number): Entry {
    const { attachesPerSecond, burstAttaches, turnGrantsPerSecond, burstTurnGrants } = this.#limits
    const entry = {
      connections: 0,
      attaches: new TokenBucket(attachesPerSecond, burstAttaches, nowMs),
      turnGrants: new TokenBucket(turnGrantsPerSecond, burstTurnGrants, nowMs),
    }
    this.#entries.set(address, entry)
    return entry
  }
}
