import { wellFormed } from '../base/bytes.ts'
import { Inbox } from '../base/inbox.ts'
import { macrotask } from '../base/macrotask.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'
import type { ArrivalBudgets, Reservation } from './arrival-budgets.ts'
import type { Arriving, Delivery, PeerId, Swatch } from './contract.ts'
import { frameCost, ReceiveCredit } from './credit.ts'
import { decodePart } from './parts.ts'

/** What becomes of a frame that arrived: dropped for want of room, or a sign that its sender breaks the rules. */
export type ArrivalVerdict = 'accepted' | 'dropped' | 'malformed' | 'cut-off'

export interface ArrivalsPort {
  /** Tells `peer` that `bytes` of its credit are free again. */
  grant(peer: PeerId, bytes: number): void
  /** `peer` sends what nobody can take. */
  cutOff(peer: PeerId): void
}

/**
 * The receiving half of a view: its frames in order, for one reader, within the credit of each sender; large payloads
 * put together from their parts. A large payload gets its memory, and its sender is granted what has come of it, once
 * the reader has taken the one before it and the peer's budget has room; until then no more of it comes than the credit
 * lets. So a view holds of each peer one credit, one large payload unread and one that arrives, at the most.
 */
export class Arrivals {
  readonly stream: Inbox<Swatch>
  readonly #port: ArrivalsPort
  readonly #budgets: ArrivalBudgets
  readonly #books: Map<PeerId, Book> = new Map()
  readonly #linked: Set<PeerId> = new Set()
  /** Peers of whom the reader has a large payload yet to take, also of those that have left since. */
  readonly #unreadLarge: Set<PeerId> = new Set()
  readonly #arriving = observable<ReadonlyMap<PeerId, Arriving>>(new Map())
  /** False while nobody has opened the view: then nothing is put together beyond the credit. */
  #isOpen: boolean
  #sequence = 0

  constructor(port: ArrivalsPort, budgets: ArrivalBudgets, isOpen: boolean) {
    this.#port = port
    this.#budgets = budgets
    this.#isOpen = isOpen
    this.stream = new Inbox<Swatch>((swatch) => this.#onTaken(swatch as Arrival))
  }

  /** The large payloads on their way here, by sender. */
  get arriving(): ReadableAtom<ReadonlyMap<PeerId, Arriving>> {
    return this.#arriving
  }

  received(peer: PeerId, frame: Uint8Array, delivery: Delivery, isPart: boolean): ArrivalVerdict {
    const book = this.#bookOf(peer)
    if (isPart) return this.#onPart(book, frame)
    const cost = frameCost(frame.length)
    const verdict = book.credit.arrived(cost, delivery)
    if (verdict !== 'accept') return verdict === 'drop' ? 'dropped' : 'cut-off'
    // A sender that has begun a large payload finishes it, or calls it off, before it goes on.
    const wasBroken = delivery === 'reliable' && this.#drop(book)
    const isKept = this.stream.push(new Arrival(book, frame, ++this.#sequence, delivery, cost, false))
    return wasBroken ? 'malformed' : isKept ? 'accepted' : 'dropped'
  }

  /** Somebody reads here from now on, or will. */
  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    for (const book of this.#books.values()) this.#reserve(book)
  }

  /** A new link to `peer`: what came over the one before is another story. */
  begin(peer: PeerId): void {
    this.#linked.add(peer)
    this.#abandon(peer)
  }

  /** `peer` is gone. What it sent before may yet be on its way through a mux. */
  leave(peer: PeerId): void {
    this.#linked.delete(peer)
    if (this.#books.get(peer)?.assembly == null) this.#books.delete(peer)
    else this.#sweep(peer)
  }

  /** No more frames: the reader ends after what is whole. */
  end(): void {
    for (const book of this.#books.values()) this.#drop(book)
    this.stream.end()
  }

  /** What each sender is to be granted when nothing more will be read here. Each byte is given back once. */
  giveBack(): readonly (readonly [PeerId, number])[] {
    const owed: (readonly [PeerId, number])[] = []
    for (const [peer, book] of this.#books) {
      this.#forget(book)
      const bytes = book.credit.giveBack()
      if (bytes > 0) owed.push([peer, bytes])
    }
    this.#books.clear()
    return owed
  }

  /* ── Large payloads ────────────────────────────────────────────────────────────────────────── */

  #onPart(book: Book, frame: Uint8Array): ArrivalVerdict {
    const part = wellFormed(() => decodePart(frame))
    if (part === null || part.kind === 'abort') {
      this.#drop(book)
      return part === null ? 'malformed' : 'accepted'
    }
    const cost = frameCost(part.piece.length)
    if (book.credit.arrived(cost, 'reliable') !== 'accept') return 'cut-off'
    if (part.kind === 'first') {
      const wasBroken = this.#drop(book)
      if (part.totalBytes > this.#budgets.maxPayloadBytes) return this.#refuse(book, cost, 'cut-off')
      book.assembly = new Assembly(part.totalBytes)
      this.#reserve(book)
      this.#add(book, part.piece, cost)
      return wasBroken ? 'malformed' : 'accepted'
    }
    // The view that the payload began in was closed: the rest has nowhere to go, and its sender is owed its cost.
    if (book.assembly === null) return this.#refuse(book, cost, 'accepted')
    if (book.assembly.missingBytes < part.piece.length) return this.#refuse(book, cost, 'malformed')
    this.#add(book, part.piece, cost)
    return 'accepted'
  }

  #add(book: Book, piece: Uint8Array, cost: number): void {
    const { assembly, peer } = book
    if (assembly === null) return
    assembly.add(piece)
    assembly.unpaid += cost
    const { missingBytes, totalBytes, isRoomy } = assembly
    if (missingBytes > 0) {
      this.#show(peer, { receivedBytes: totalBytes - missingBytes, totalBytes })
    } else {
      const payload = assembly.whole()
      if (isRoomy) this.#unreadLarge.add(peer)
      this.#forget(book)
      this.stream.push(new Arrival(book, payload, ++this.#sequence, 'reliable', isRoomy ? 0 : assembly.unpaid, isRoomy))
    }
    // Last: who is granted something may send at once.
    if (isRoomy) this.#pay(book, assembly)
  }

  /** Gives the payload that arrives its memory, when it is its turn. */
  #reserve(book: Book): void {
    const { assembly, peer } = book
    if (assembly === null || assembly.reservation !== null || !this.#isOpen || this.#unreadLarge.has(peer)) return
    // The place may be there at once, before it has a name.
    let hasTurn = false
    const go = (): void => {
      hasTurn = true
      if (book.assembly !== assembly || assembly.reservation === null) return
      try {
        assembly.makeRoom()
      } catch {
        // The platform has no memory for it.
        this.#drop(book)
        this.#port.cutOff(peer)
        return
      }
      this.#pay(book, assembly)
    }
    assembly.reservation = this.#budgets.reserve(peer, assembly.totalBytes, go)
    if (hasTurn) go()
  }

  #pay(book: Book, assembly: Assembly): void {
    const bytes = book.credit.took(assembly.unpaid, 'reliable')
    assembly.unpaid = 0
    this.#grant(book, bytes)
  }

  #refuse(book: Book, cost: number, verdict: ArrivalVerdict): ArrivalVerdict {
    this.#drop(book)
    this.#grant(book, book.credit.took(cost, 'reliable'))
    return verdict
  }

  /** Ends a payload that will not be whole. Whether there was one. */
  #drop(book: Book): boolean {
    const { assembly } = book
    if (assembly === null) return false
    this.#forget(book)
    this.#pay(book, assembly)
    return true
  }

  /** By the next turn all that a peer sent before it left has come: what is not whole by then never will be. */
  #sweep(peer: PeerId): void {
    void macrotask().then(() => {
      if (!this.#linked.has(peer)) this.#abandon(peer)
    })
  }

  #abandon(peer: PeerId): void {
    const book = this.#books.get(peer)
    if (book !== undefined) this.#drop(book)
    this.#books.delete(peer)
  }

  #forget(book: Book): void {
    const { assembly, peer } = book
    if (assembly === null) return
    book.assembly = null
    assembly.reservation?.release()
    this.#show(peer, null)
  }

  #show(peer: PeerId, arriving: Arriving | null): void {
    const map = new Map(this.#arriving.get())
    if (arriving === null && !map.delete(peer)) return
    if (arriving !== null) map.set(peer, arriving)
    this.#arriving.set(map)
  }

  /* ── Credit ────────────────────────────────────────────────────────────────────────────────── */

  #bookOf(peer: PeerId): Book {
    let book = this.#books.get(peer)
    if (book === undefined) {
      this.#books.set(peer, (book = new Book(peer)))
      if (!this.#linked.has(peer)) this.#sweep(peer)
    }
    return book
  }

  #onTaken(arrival: Arrival): void {
    const { book, sender } = arrival
    this.#grant(book, book.credit.took(arrival.cost, arrival.delivery))
    if (!arrival.isLarge) return
    this.#unreadLarge.delete(sender)
    const now = this.#books.get(sender)
    if (now !== undefined) this.#reserve(now)
  }

  /** A grant belongs to the link that the frame came over, not to one that replaced it. */
  #grant(book: Book, bytes: number): void {
    if (bytes > 0 && this.#books.get(book.peer) === book) this.#port.grant(book.peer, bytes)
  }
}

/** What one link of a peer has under way here. */
class Book {
  readonly peer: PeerId
  readonly credit: ReceiveCredit = new ReceiveCredit()
  assembly: Assembly | null = null

  constructor(peer: PeerId) {
    this.peer = peer
  }
}

/** A large payload, as far as it has come. */
class Assembly {
  readonly totalBytes: number
  /** Cost of what has come and is not granted. */
  unpaid = 0
  reservation: Reservation | null = null
  #receivedBytes = 0
  #pieces: Uint8Array[] = []
  #room: Uint8Array | null = null

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes
  }

  get missingBytes(): number {
    return this.totalBytes - this.#receivedBytes
  }

  /** Whether there is memory for all of it. */
  get isRoomy(): boolean {
    return this.#room !== null
  }

  add(piece: Uint8Array): void {
    if (this.#room === null) this.#pieces.push(piece)
    else this.#room.set(piece, this.#receivedBytes)
    this.#receivedBytes += piece.length
  }

  /** Throws a `RangeError` where the platform has none. */
  makeRoom(): void {
    const room = new Uint8Array(this.totalBytes)
    let at = 0
    for (const piece of this.#pieces.splice(0)) {
      room.set(piece, at)
      at += piece.length
    }
    this.#room = room
  }

  whole(): Uint8Array {
    if (!this.isRoomy) this.makeRoom()
    return this.#room as Uint8Array
  }
}

/** A swatch that knows whose book it is in. */
class Arrival implements Swatch {
  readonly payload: Uint8Array
  readonly sequence: number
  readonly delivery: Delivery
  readonly #book: Book
  readonly #cost: number
  readonly #isLarge: boolean

  constructor(book: Book, payload: Uint8Array, sequence: number, delivery: Delivery, cost: number, isLarge: boolean) {
    this.#book = book
    this.payload = payload
    this.sequence = sequence
    this.delivery = delivery
    this.#cost = cost
    this.#isLarge = isLarge
  }

  get sender(): PeerId {
    return this.#book.peer
  }

  get book(): Book {
    return this.#book
  }

  /** What is to be granted when the reader takes it. */
  get cost(): number {
    return this.#cost
  }

  /** Granted while it came; the next large one of its sender waits until it is taken. */
  get isLarge(): boolean {
    return this.#isLarge
  }
}
