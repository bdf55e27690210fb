import type { PeerId } from '../../seam/contract.ts'

export interface LivenessTiming {
  readonly intervalMs: number
  readonly minTimeoutMs: number
  readonly maxTimeoutMs: number
}

/**
 * What is known of each peer's being there, as pure bookkeeping: when it gave its last sign of life (any frame
 * of its own, or a third peer's word), and how long its silence may last before that says something. The
 * allowance follows the measured round trip (smoothed as in RFC 6298, section 2).
 */
export class Liveness {
  readonly #timing: LivenessTiming
  readonly #peers: Map<PeerId, Pulse> = new Map()
  #pings = 0
  #lastHeardMs: number

  constructor(timing: LivenessTiming, nowMs: number) {
    this.#timing = timing
    this.#lastHeardMs = nowMs
  }

  /** When anybody at all was heard last. */
  get lastHeardMs(): number {
    return this.#lastHeardMs
  }

  get linked(): readonly PeerId[] {
    return [...this.#peers].filter(([, pulse]) => pulse.linked).map(([peer]) => peer)
  }

  isLinked(peer: PeerId): boolean {
    return this.#peers.get(peer)?.linked === true
  }

  link(peer: PeerId, nowMs: number): void {
    this.#peers.set(peer, newPulse(true, nowMs))
  }

  unlink(peer: PeerId): void {
    const pulse = this.#peers.get(peer)
    if (pulse !== undefined) this.#peers.set(peer, { ...pulse, linked: false, ping: null })
  }

  /** A frame from `peer`. */
  heard(peer: PeerId, nowMs: number): void {
    this.#lastHeardMs = nowMs
    const pulse = this.#peers.get(peer)
    if (pulse === undefined) return
    pulse.heardMs = nowMs
    pulse.frameMs = nowMs
  }

  /** A third peer hears it. */
  vouched(peer: PeerId, nowMs: number): void {
    this.#peers.set(peer, { ...(this.#peers.get(peer) ?? newPulse(false, nowMs)), heardMs: nowMs })
  }

  /** As if everybody had just been heard: for who begins to watch, and after time in which nobody could be. */
  forgive(nowMs: number): void {
    this.#lastHeardMs = nowMs
    for (const pulse of this.#peers.values()) pulse.heardMs = nowMs
  }

  silenceMs(peer: PeerId, nowMs: number): number {
    const pulse = this.#peers.get(peer)
    return pulse === undefined ? Number.POSITIVE_INFINITY : nowMs - pulse.heardMs
  }

  /** Whether we may vouch for `peer`: by frames of its own alone, or two could go on vouching for a third to each other. */
  mayVouchFor(peer: PeerId, nowMs: number): boolean {
    const pulse = this.#peers.get(peer)
    return pulse?.linked === true && nowMs - pulse.frameMs < 2 * this.#timing.intervalMs
  }

  /** Silence of `peer` that is taken for absence. */
  timeoutMs(peer: PeerId): number {
    const { intervalMs, minTimeoutMs, maxTimeoutMs } = this.#timing
    const pulse = this.#peers.get(peer)
    if (pulse === undefined || pulse.rttMs === null) return maxTimeoutMs
    const wanted = intervalMs + 4 * (pulse.rttMs + 4 * pulse.rttVarMs)
    return Math.min(maxTimeoutMs, Math.max(minTimeoutMs, wanted))
  }

  /** The id of a ping that is due now: the peer was silent for an interval, and not pinged in it. */
  duePing(peer: PeerId, nowMs: number): number | null {
    const pulse = this.#peers.get(peer)
    if (pulse === undefined || !pulse.linked) return null
    const { intervalMs } = this.#timing
    const isNew = pulse.pingedMs === null
    if (!isNew && (nowMs - pulse.heardMs < intervalMs || nowMs - (pulse.pingedMs ?? 0) < intervalMs)) return null
    return this.ping(peer, nowMs)
  }

  /** Whether third peers are to be asked about `peer` now: not in the last interval. */
  dueProbe(peer: PeerId, nowMs: number): boolean {
    const pulse = this.#peers.get(peer)
    if (pulse === undefined || nowMs - pulse.probedMs < this.#timing.intervalMs) return false
    pulse.probedMs = nowMs
    return true
  }

  ping(peer: PeerId, nowMs: number): number {
    const id = ++this.#pings
    const pulse = this.#peers.get(peer)
    if (pulse !== undefined) {
      pulse.ping = id
      pulse.pingedMs = nowMs
    }
    return id
  }

  ponged(peer: PeerId, id: number, nowMs: number): void {
    const pulse = this.#peers.get(peer)
    if (pulse === undefined || pulse.ping !== id || pulse.pingedMs === null) return
    pulse.ping = null
    const rttMs = nowMs - pulse.pingedMs
    if (pulse.rttMs === null) {
      pulse.rttMs = rttMs
      pulse.rttVarMs = rttMs / 2
      return
    }
    pulse.rttVarMs += (Math.abs(pulse.rttMs - rttMs) - pulse.rttVarMs) / 4
    pulse.rttMs += (rttMs - pulse.rttMs) / 8
  }

  /** Nothing more is to be known of `peer`, unless it is linked. */
  forget(peer: PeerId): void {
    if (!this.isLinked(peer)) this.#peers.delete(peer)
  }
}

interface Pulse {
  linked: boolean
  heardMs: number
  /** When it sent a frame itself, over this link. */
  frameMs: number
  /** The ping that is under way. */
  ping: number | null
  pingedMs: number | null
  probedMs: number
  rttMs: number | null
  rttVarMs: number
}

function newPulse(linked: boolean, nowMs: number): Pulse {
  const never = Number.NEGATIVE_INFINITY
  return {
    linked,
    heardMs: nowMs,
    frameMs: nowMs,
    ping: null,
    pingedMs: null,
    probedMs: never,
    rttMs: null,
    rttVarMs: 0,
  }
}
