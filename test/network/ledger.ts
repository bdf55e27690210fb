import type { PeerId } from '../../src/seam/contract.ts'

/** What a member sends. A *life* is one load of a page, a *stream* one stay of one peer on the roster of one life. */
export interface Frame {
  readonly life: string
  readonly stream: string
  /** From 1, counted in the stream. */
  readonly number: number
  /** Epoch milliseconds. */
  readonly atMs: number
}

export interface LedgerReport {
  readonly life: string
  /** Streams whose peer is listed now. */
  readonly sending: readonly { readonly peer: PeerId; readonly stream: string; readonly count: number }[]
  /** By stream: frames that came, each once and in order. */
  readonly received: Readonly<Record<string, number>>
  /** What must not happen, in words. */
  readonly violations: readonly string[]
}

/**
 * The account that one life of a member keeps. A frame that is missing shows as the gap before the next one, and at
 * the end, when nobody sends any more, as two counts that differ.
 */
export class Ledger {
  readonly #life: string
  #stays = 0
  readonly #current: Map<PeerId, string> = new Map()
  readonly #sent: Map<string, number> = new Map()
  readonly #received: Map<string, number> = new Map()
  readonly #lastSentMs: Map<PeerId, number> = new Map()
  /** By the sender's life: the one stream in which both lives know each other. */
  readonly #streams: Map<string, string> = new Map()
  readonly #violations: string[] = []

  constructor(life: string) {
    this.#life = life
  }

  /** Begins a stream to `peer`. */
  joined(peer: PeerId): string {
    const stream = `${this.#life}/${++this.#stays}`
    this.#current.set(peer, stream)
    this.#sent.set(stream, 0)
    return stream
  }

  left(peer: PeerId): void {
    this.#current.delete(peer)
    this.#lastSentMs.delete(peer)
  }

  peers(): PeerId[] {
    return [...this.#current.keys()]
  }

  isCurrent(peer: PeerId, stream: string): boolean {
    return this.#current.get(peer) === stream
  }

  nextNumber(stream: string): number {
    return (this.#sent.get(stream) ?? 0) + 1
  }

  sent(stream: string): void {
    this.#sent.set(stream, this.nextNumber(stream))
  }

  received(peer: PeerId, { life, stream, number, atMs }: Frame): void {
    const known = this.#streams.get(life)
    if (known !== undefined && known !== stream)
      this.violation(`left the roster of ${peer}, which had not been reloaded, and came back`)
    this.#streams.set(life, stream)
    const expected = (this.#received.get(stream) ?? 0) + 1
    if (number > expected) this.violation(`lost: ${stream} went on with ${number} where ${expected} was due`)
    if (number < expected) this.violation(`doubled: ${number} of ${stream} came again where ${expected} was due`)
    this.#received.set(stream, Math.max(number, expected - 1))
    this.#lastSentMs.set(peer, atMs)
  }

  /** When the newest frame of `peer` was sent, epoch milliseconds. */
  lastSentMs(peer: PeerId): number {
    return this.#current.has(peer) ? (this.#lastSentMs.get(peer) ?? 0) : 0
  }

  violation(words: string): void {
    this.#violations.push(words)
  }

  report(): LedgerReport {
    return {
      life: this.#life,
      sending: [...this.#current].map(([peer, stream]) => ({ peer, stream, count: this.#sent.get(stream) ?? 0 })),
      received: Object.fromEntries(this.#received),
      violations: this.#violations.slice(),
    }
  }
}

/** What two members that no longer send disagree on: frames of a living stream that never came. */
export function missing(from: LedgerReport, to: { readonly peer: PeerId; readonly report: LedgerReport }): string[] {
  const stream = from.sending.find(({ peer }) => peer === to.peer)
  if (stream === undefined) return [`${to.peer} is not on the roster of ${from.life}`]
  const came = to.report.received[stream.stream] ?? 0
  return came === stream.count ? [] : [`lost: ${stream.count} frames of ${stream.stream} were sent, ${came} came`]
}
