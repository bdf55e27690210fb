import type { PeerId } from './contract.ts'
import { DEFAULT_MAX_PAYLOAD_BYTES } from './contract.ts'

/** A place for a large payload that is arriving. */
export interface Reservation {
  release(): void
}

/**
 * How much of what one peer sends in parts is being put together at a time, over all views of a seam: so much that one
 * payload of the largest size fits, or several smaller ones. Others wait, in order, for those before them: a payload
 * whose turn has come needs no reader to be finished, so none waits for a view that nobody reads.
 */
export class ArrivalBudgets {
  /** Largest payload taken, bytes. */
  readonly maxPayloadBytes: number
  readonly #lines: Map<PeerId, Line> = new Map()

  constructor(maxPayloadBytes: number = DEFAULT_MAX_PAYLOAD_BYTES) {
    this.maxPayloadBytes = maxPayloadBytes
  }

  /** Runs `go` when there is room for `bytes` of `peer`, now or later, unless it is released before. */
  reserve(peer: PeerId, bytes: number, go: () => void): Reservation {
    let line = this.#lines.get(peer)
    if (line === undefined) this.#lines.set(peer, (line = { takenBytes: 0, waiting: new Set() }))
    const place = { bytes, go, isTaken: false }
    line.waiting.add(place)
    const own = line
    this.#advance(own)
    let isReleased = false
    return {
      release: () => {
        if (isReleased) return
        isReleased = true
        if (place.isTaken) own.takenBytes -= bytes
        else own.waiting.delete(place)
        this.#advance(own)
        if (own.takenBytes === 0 && own.waiting.size === 0 && this.#lines.get(peer) === own) this.#lines.delete(peer)
      },
    }
  }

  #advance(line: Line): void {
    for (const place of line.waiting) {
      if (line.takenBytes > 0 && line.takenBytes + place.bytes > this.maxPayloadBytes) return
      line.waiting.delete(place)
      line.takenBytes += place.bytes
      place.isTaken = true
      place.go()
    }
  }
}

interface Line {
  takenBytes: number
  readonly waiting: Set<{ readonly bytes: number; readonly go: () => void; isTaken: boolean }>
}
