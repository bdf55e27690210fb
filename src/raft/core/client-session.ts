import { type ByteReader, type ByteWriter, MalformedBytesError } from '../../base/bytes.ts'
import type { LogEntry, NodeId } from '../contract.ts'

/** Requests of one client that are remembered: those with the highest ids. */
export const SESSION_WINDOW = 1024

/** Where a request took effect. */
export type Place = Pick<LogEntry, 'index' | 'term' | 'timeMs'>

interface Request extends Place {
  readonly requestId: number
}

/**
 * What one client has had done. Requests may come in any order and with any gaps. Of the {@link SESSION_WINDOW}
 * with the highest ids it is known where they took effect; what lies below them is *expired*: nobody knows any more.
 */
export class ClientSession {
  /** The member that the client belongs to; `null` once that has left, or where nobody asked. */
  owner: NodeId | null
  /** Where the newest of its requests took effect: when it was used last. */
  last: Place
  /** By rising id. Only the last {@link SESSION_WINDOW} count: the rest is cut away now and then. */
  #requests: Request[] = []
  /** Ids below had been forgotten when the rest was last cut away. */
  #lowest = 0

  constructor(owner: NodeId | null, last: Place) {
    this.owner = owner
    this.last = last
  }

  find(requestId: number): Place | 'expired' | null {
    const newest = this.#requests.at(-1)
    if (newest === undefined || requestId > newest.requestId) return null
    if (requestId < this.#lowestKept) return 'expired'
    const found = this.#requests[this.#position(requestId)] as Request
    return found.requestId === requestId ? found : null
  }

  /** A request that `find` did not know took effect. */
  add(requestId: number, { index, term, timeMs }: Place): void {
    const request = { requestId, index, term, timeMs }
    this.last = request
    const newest = this.#requests.at(-1)
    if (newest === undefined || requestId > newest.requestId) this.#requests.push(request)
    else this.#requests.splice(this.#position(requestId), 0, request)
    if (this.#requests.length < 2 * SESSION_WINDOW) return
    this.#lowest = this.#lowestKept
    this.#requests = this.#requests.slice(-SESSION_WINDOW)
  }

  write(w: ByteWriter): void {
    w.flag(this.owner !== null)
    if (this.owner !== null) w.text(this.owner)
    const { index, term, timeMs } = this.last
    const kept = this.#requests.slice(-SESSION_WINDOW)
    w.varint(index).varint(term).varint(timeMs).varint(this.#lowestKept).varint(kept.length)
    let next = this.#lowestKept
    for (const request of kept) {
      w.varint(request.requestId - next)
      w.varint(index - request.index)
        .varint(term - request.term)
        .varint(timeMs - request.timeMs)
      next = request.requestId + 1
    }
  }

  /** Throws {@link MalformedBytesError}. */
  static read(r: ByteReader): ClientSession {
    const owner = r.flag() ? r.text() : null
    const last = { index: r.varint(), term: r.varint(), timeMs: r.varint() }
    const session = new ClientSession(owner, last)
    session.#lowest = r.varint()
    const count = r.varint()
    if (count === 0 || count > SESSION_WINDOW) throw new MalformedBytesError(`a session of ${count} requests`)
    if (session.#lowest > 0 && count < SESSION_WINDOW) throw new MalformedBytesError('forgotten before it was full')
    let next = session.#lowest
    for (let i = 0; i < count; i++) {
      const requestId = next + r.varint()
      const place = {
        index: last.index - r.varint(),
        term: last.term - r.varint(),
        timeMs: last.timeMs - r.varint(),
      }
      const inOrder = place.index >= 0 && place.term >= 0 && place.timeMs >= 0
      if (!inOrder || requestId > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError('a request out of bounds')
      session.#requests.push({ requestId, ...place })
      next = requestId + 1
    }
    return session
  }

  get #lowestKept(): number {
    const forgotten = this.#requests[this.#requests.length - SESSION_WINDOW - 1]
    return forgotten === undefined ? this.#lowest : forgotten.requestId + 1
  }

  /** Of the first request whose id is `requestId` or higher. */
  #position(requestId: number): number {
    let low = 0
    let high = this.#requests.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#requests[middle] as Request).requestId < requestId) low = middle + 1
      else high = middle
    }
    return low
  }
}
