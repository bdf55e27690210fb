import type { SignalAddress } from '../../signal/protocol.ts'
import { TokenBucket } from '../../signal/token-bucket.ts'
import { encodeHop, type CarriedPacket } from '../link/hop-frames.ts'

/**
 * Carries packets between two peers that this one is linked with and that cannot link with each other: one hop, under
 * the address that the sender's link proves. It can read none of them. Own frames go first: a packet goes on only
 * while little is queued on its link, at a rate that all of them share, and waits in a line of its pair until then.
 *
 * Pure: no clock, no promise. Whoever owns it passes the time and calls {@link pump}.
 */
export class HopCarrier {
  readonly #port: HopCarrierPort
  /** By the links that a packet comes and goes over; the pair whose turn is next stands first. */
  readonly #lines: Map<string, HopLine> = new Map()
  readonly #rate: TokenBucket
  #queuedBytes = 0
  /** No packet goes before. */
  #nextAtMs = 0

  constructor(port: HopCarrierPort, nowMs: number) {
    this.#port = port
    this.#rate = new TokenBucket(HOP_BYTES_PER_SECOND, HOP_BURST_BYTES, nowMs)
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Takes what came over the link `from`, or says there that it is not carried. */
  take(from: string, frame: CarriedPacket): void {
    const way = this.#port.wayOn(from, frame.address)
    if (typeof way === 'string') return this.#refuse(from, frame, way)
    const bytes = encodeHop({ ...frame, kind: 'carried', address: way.sender })
    const name = JSON.stringify([from, way.link])
    const line = this.#lines.get(name) ?? { to: way.link, frames: [], bytes: 0 }
    if (line.bytes + bytes.length > HOP_PAIR_BYTES || this.#queuedBytes + bytes.length > HOP_CARRIER_BYTES)
      return this.#refuse(from, frame, 'congested')
    line.frames.push(bytes)
    line.bytes += bytes.length
    this.#queuedBytes += bytes.length
    this.#lines.set(name, line)
  }

  /** Sends what may go. Milliseconds until it is to be called again, or `null` where nothing waits. */
  pump(nowMs: number): number | null {
    for (const [name, line] of this.#lines) {
      if (nowMs < this.#nextAtMs) return this.#nextAtMs - nowMs
      if (!this.#port.hasRoom(line.to)) continue
      const frame = line.frames.shift() as Uint8Array<ArrayBuffer>
      line.bytes -= frame.length
      this.#queuedBytes -= frame.length
      this.#port.send(line.to, frame)
      this.#nextAtMs = nowMs + this.#rate.overdraw(frame.length, nowMs)
      // Behind the others, whose turn it is then: a map goes on with what is put into it meanwhile.
      this.#lines.delete(name)
      if (line.frames.length > 0) this.#lines.set(name, line)
    }
    return this.#lines.size === 0 ? null : HOP_POLL_MS
  }

  /** A link is no more, or takes nothing for now: what waits for it will not be waited for at the other end either. */
  unlinked(isLinked: (link: string) => boolean): void {
    for (const [name, line] of this.#lines) {
      if (isLinked(line.to)) continue
      this.#lines.delete(name)
      this.#queuedBytes -= line.bytes
    }
  }

  #refuse(from: string, { address, link }: CarriedPacket, gate: HopGate): void {
    this.#port.refused(gate)
    // Who does not read what it is told is told nothing.
    if (this.#port.hasRoom(from)) this.#port.send(from, encodeHop({ kind: 'refused', address, link }))
  }
}

/** Bytes that wait for one pair in one direction, and for all together. An honest pair has less than the window of its link on the way. */
export const HOP_PAIR_BYTES = 262_144
export const HOP_CARRIER_BYTES = 1_048_576

/** What one peer carries for all others: a second, sustained, and at once after a pause. */
export const HOP_BYTES_PER_SECOND = 1_048_576
export const HOP_BURST_BYTES = 2_097_152

/** A packet is put on a link only while at most this much is queued there, so that no own frame waits for more. */
export const HOP_MARK_BYTES = 32_768

/** How often a link without room is asked again. */
export const HOP_POLL_MS = 10

export interface HopCarrierPort {
  /** The link to the member at `to`, and the address that the link `from` proves; or why neither is used. */
  wayOn(from: string, to: SignalAddress): { readonly link: string; readonly sender: SignalAddress } | HopGate
  /** Whether at most {@link HOP_MARK_BYTES} are queued on the link. */
  hasRoom(link: string): boolean
  send(link: string, frame: Uint8Array<ArrayBuffer>): void
  refused(gate: HopGate): void
}

/**
 * What is not carried, or not taken from who carries, by cause. `not-linked`: for somebody whom this peer has no link
 * with. `not-direct`: one of the two links goes through others itself. `congested`: over {@link HOP_PAIR_BYTES} or
 * {@link HOP_CARRIER_BYTES}, or while what carries was still being loaded. `strayed`: of no link that is open, or from
 * another carrier than it goes through.
 */
export type HopGate = 'not-linked' | 'not-direct' | 'congested' | 'strayed'

interface HopLine {
  readonly to: string
  readonly frames: Uint8Array<ArrayBuffer>[]
  bytes: number
}
