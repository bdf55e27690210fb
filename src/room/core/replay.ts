import { ByteReader, ByteWriter, wellFormed } from '../../base/bytes.ts'
import type { Random } from '../../base/random.ts'
import { frameCost } from '../../seam/credit.ts'
import type { FrameHeaders } from '../../seam/seam-core.ts'

/** What a {@link Replay} does; each at once and without waiting. */
export interface ReplayPort {
  send(frame: Uint8Array, delivery: 'reliable' | 'lossy'): void
  /** `isPart`: of a payload too large for one frame. */
  deliver(payload: Uint8Array, delivery: 'reliable' | 'lossy', isPart: boolean): void
  /** Both ends know of each other: frames may go. */
  joined(): void
  /** What was under way is gone, or the other end is another process. */
  left(): void
  /** There is room again. */
  writable(): void
  granted(bytes: number): void
  missed(frames: number): void
}

const OPEN = 0
const FROM = 1
const DATA = 2
const ACK = 3
const LOSSY = 4
const PART = 5

/** What stands before the frames that a {@link Replay} is given to send. */
export const REPLAY_HEADERS: FrameHeaders = {
  whole: Uint8Array.of(DATA),
  part: Uint8Array.of(PART),
  lossy: Uint8Array.of(LOSSY),
}

/**
 * One channel's way to one member and back, as a machine that outlives its links. Each end draws a number for its
 * half; two halves that know each other's number count frames alike, and after a lost link go on where the receiver
 * stands. A half that had to drop frames, or whose page is another, has a new number: then both begin anew.
 */
export class Replay {
  readonly #port: ReplayPort
  /** 0: nothing is kept, and every link begins anew. */
  readonly #keepBytes: number
  readonly #random: Random
  #mine: number
  #theirs = 0
  #linked = false
  /** The other end has said on this link where it stands. */
  #live = false
  #joined = false
  /** Sent and not acknowledged, oldest first; the first has position `#base`. */
  #kept: Uint8Array[] = []
  #keptBytes = 0
  #base = 0
  /** Position from which frames were sent to nobody, as far as we know: for another process only these are of use. */
  #awayFrom: number | null = null
  #dropped = 0
  /** Position of the next frame to come on this link; `null` until the other end has said it. */
  #position: number | null = null
  #received = 0
  #unacknowledged = 0
  /** After how many bytes the other end wants to hear how far we are. */
  #ackEvery = 0
  #granted = 0
  #grantedHere = 0

  constructor(port: ReplayPort, keepBytes: number, random: Random) {
    this.#port = port
    this.#keepBytes = keepBytes
    this.#random = random
    this.#mine = this.#draw()
  }

  /** Whether a frame may be sent now. False while linked: the other end will make room. */
  hasRoom(bytes: number): boolean {
    if (this.#keepBytes === 0) return true
    return this.#keptBytes + frameCost(bytes) <= this.#keepBytes || this.#keptBytes < this.#keepBytes / 4
  }

  get linked(): boolean {
    return this.#linked
  }

  /* ── What this end does ────────────────────────────────────────────────────────────────────── */

  link(): void {
    if (this.#keepBytes === 0) this.#forget()
    this.#linked = true
    this.#live = false
    // What the old link still brings is sent again: it is not in the count that we are about to tell.
    this.#position = null
    this.#open()
  }

  unlink(): void {
    if (!this.#linked) return
    this.#linked = false
    this.#live = false
    // What has arrived and is not read yet is still delivered.
    if (this.#keepBytes === 0) this.#leave()
    else this.#awayFrom ??= this.#base + this.#kept.length
  }

  /** The other end is taken to be away, whatever its link seems to carry: another process of it hears all from here on. */
  setAway(isAway: boolean): void {
    if (isAway) this.#awayFrom ??= this.#base + this.#kept.length
    else if (this.#live) this.#awayFrom = null
  }

  /** `frame`: a payload, or a part of one, behind its header of {@link REPLAY_HEADERS}. */
  send(frame: Uint8Array, delivery: 'reliable' | 'lossy'): void {
    if (delivery === 'reliable' && this.#keepBytes > 0) {
      this.#kept.push(frame)
      this.#keptBytes += costOf(frame)
    }
    if (this.#live) this.#port.send(frame, delivery)
  }

  /** Our reader took so many bytes. */
  grant(bytes: number): void {
    this.#grantedHere += bytes
    this.#acknowledge()
  }

  /** More is to be kept than may be: all of it goes, and the other end is told when it is back. */
  overflow(): void {
    this.#dropped += this.#kept.length
    this.#forget()
  }

  /* ── What comes ────────────────────────────────────────────────────────────────────────────── */

  /** False for a frame that is none. */
  onFrame(frame: Uint8Array, delivery: 'reliable' | 'lossy'): boolean {
    return wellFormed(() => this.#onFrame(frame, delivery)) ?? false
  }

  #onFrame(frame: Uint8Array, delivery: 'reliable' | 'lossy'): boolean {
    const kind = frame[0]
    if (delivery === 'lossy') {
      if (kind !== LOSSY) return false
      if (this.#joined) this.#port.deliver(frame.subarray(1), 'lossy', false)
      return true
    }
    if (kind === DATA || kind === PART) this.#onData(frame.subarray(1), kind === PART)
    else if (kind === OPEN) this.#onOpen(new ByteReader(frame, 1))
    else if (kind === FROM) this.#onFrom(new ByteReader(frame, 1))
    else if (kind === ACK) this.#onAck(new ByteReader(frame, 1))
    else return false
    return true
  }

  #onOpen(reader: ByteReader): void {
    const [theirs, mine, received, granted, keepBytes] = [
      reader.varint(),
      reader.varint(),
      reader.varint(),
      reader.varint(),
      reader.varint(),
    ]
    reader.end()
    if (!this.#linked || theirs === 0 || (this.#live && theirs === this.#theirs)) return
    if (theirs !== this.#theirs) {
      this.#beginWith(theirs)
      this.#open()
    }
    // Said before the other end knew of our present half: it will hear of it, and say it again.
    if (mine !== this.#mine) return
    if (received < this.#base || received > this.#base + this.#kept.length) return
    this.#ackEvery = keepBytes / 4
    this.#live = true
    this.#awayFrom = null
    this.#acknowledged(received)
    this.#port.send(new ByteWriter(8).u8(FROM).varint(this.#base).varint(this.#dropped).finish(), 'reliable')
    this.#dropped = 0
    if (!this.#joined) {
      this.#joined = true
      this.#port.joined()
    }
    for (const frame of this.#kept) this.#port.send(frame, 'reliable')
    this.#grantedBy(granted)
    this.#port.writable()
  }

  #onFrom(reader: ByteReader): void {
    const [position, missed] = [reader.varint(), reader.varint()]
    reader.end()
    if (!this.#linked) return
    this.#position = position > this.#received ? null : position
    if (missed > 0) this.#port.missed(missed)
  }

  #onData(payload: Uint8Array, isPart: boolean): void {
    if (this.#position === null) return
    // Who keeps nothing counts nothing.
    if (this.#ackEvery === 0) {
      this.#port.deliver(payload, 'reliable', isPart)
      return
    }
    if (this.#position++ < this.#received) return
    this.#received++
    this.#unacknowledged += frameCost(payload.length)
    this.#port.deliver(payload, 'reliable', isPart)
    if (this.#unacknowledged >= this.#ackEvery) this.#acknowledge()
  }

  #onAck(reader: ByteReader): void {
    const [received, granted] = [reader.varint(), reader.varint()]
    reader.end()
    if (!this.#live) return
    if (received >= this.#base && received <= this.#base + this.#kept.length) this.#acknowledged(received)
    this.#grantedBy(granted)
    this.#port.writable()
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #open(): void {
    const frame = new ByteWriter(32).u8(OPEN).varint(this.#mine).varint(this.#theirs)
    this.#port.send(frame.varint(this.#received).varint(this.#grantedHere).varint(this.#keepBytes).finish(), 'reliable')
  }

  #acknowledge(): void {
    if (!this.#live) return
    this.#unacknowledged = 0
    this.#port.send(new ByteWriter(16).u8(ACK).varint(this.#received).varint(this.#grantedHere).finish(), 'reliable')
  }

  #acknowledged(received: number): void {
    const gone = this.#kept.splice(0, received - this.#base)
    for (const frame of gone) this.#keptBytes -= costOf(frame)
    this.#base = received
  }

  #grantedBy(total: number): void {
    if (total > this.#granted) this.#port.granted(total - this.#granted)
    this.#granted = Math.max(total, this.#granted)
  }

  /** Another half answers: what was sent to it while it was away is numbered anew, the rest was the old one's. */
  #beginWith(theirs: number): void {
    const isFirst = this.#theirs === 0 && !this.#joined
    const keepFrom = isFirst ? 0 : this.#awayFrom === null ? this.#kept.length : this.#awayFrom - this.#base
    this.#kept.splice(0, Math.max(0, keepFrom))
    this.#restart()
    this.#live = false
    this.#theirs = theirs
    this.#leave()
  }

  /** Begins a new half of ours. */
  #forget(): void {
    this.#kept = []
    this.#restart()
    this.#mine = this.#draw()
    this.#leave()
  }

  #restart(): void {
    this.#keptBytes = this.#kept.reduce((sum, frame) => sum + costOf(frame), 0)
    this.#base = 0
    this.#position = null
    this.#received = 0
    this.#unacknowledged = 0
    this.#granted = 0
    this.#grantedHere = 0
    this.#awayFrom = this.#awayFrom === null ? null : 0
  }

  #leave(): void {
    if (!this.#joined) return
    this.#joined = false
    this.#port.left()
  }

  #draw(): number {
    return 1 + Math.floor(this.#random() * 2 ** 48)
  }
}

/** As both ends count it: without the header. */
function costOf(frame: Uint8Array): number {
  return frameCost(frame.length - 1)
}
