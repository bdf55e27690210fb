import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import type { Random } from '../../base/random.ts'
import type { Delivery, PeerId } from '../../seam/contract.ts'
import { frameCost } from '../../seam/credit.ts'
import { SeamCore } from '../../seam/seam-core.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import type { Carrier } from '../link/bond.ts'
import { DATA_HEADERS, decodeLinkFrame, encodeResume, type LinkFrame, type Resume } from '../link/link-frames.ts'
import { MeshBonds } from '../link/mesh-bonds.ts'

/**
 * Two ends of a bond under a seed: links are made, proved at different moments at the two ends, broken at
 * any step and noticed late, frames are sent all the while, and now and then one end gives the other up.
 * What breaks a law ends up in {@link faults}.
 */
export class BondTrial {
  readonly faults: string[] = []
  readonly ends: readonly [End, End]
  readonly links: TrialLink[] = []
  readonly #random: Random
  #names = 0

  constructor(seed: number, bend: Bend = {}) {
    this.#random = seededRandom(seed)
    this.ends = [new End('a', 'b', bend, this.faults), new End('b', 'a', {}, this.faults)]
  }

  /** So many random steps, then peace: everything under way must arrive. */
  run(steps: number): void {
    for (let step = 0; step < steps; step++) this.#step()
    this.#settle()
    for (const [sender, receiver] of [this.ends, this.ends.toReversed()] as [End, End][]) {
      if (!receiver.core.peers.get().has(sender.name)) this.faults.push(`${receiver.name} does not list ${sender.name}`)
      if (receiver.next !== sender.sent) {
        this.faults.push(`${receiver.name} has ${receiver.next} of the ${sender.sent} frames of ${sender.name}`)
      }
    }
  }

  #step(): void {
    const end = this.ends[this.#below(2)] as End
    const link = this.links[this.#below(this.links.length)]
    const draw = this.#below(100)
    if (draw < 40) end.send(1 + this.#below(300), draw < 4 ? 'lossy' : 'reliable')
    else if (draw < 85) link?.deliver(this.#below(2))
    else if (draw < 92) link?.prove(this.#below(2))
    else if (draw < 94) link?.breakAt(this.#below(2), this.#below(2) === 0)
    else if (draw < 99) this.#dial()
    else if (this.#below(4) === 0) end.giveUp()
  }

  #dial(): void {
    if (this.links.filter((link) => link.isWhole).length < 3)
      this.links.push(new TrialLink(`link ${++this.#names}`, this.ends))
  }

  #settle(): void {
    for (const link of this.links) link.breakAt(0, true)
    for (let turn = 0; turn < 2; turn++) for (const link of this.links) while (link.deliver(turn));
    const last = new TrialLink('the last link', this.ends)
    last.prove(0)
    last.prove(1)
    let moved = true
    while (moved) moved = last.deliver(0) || last.deliver(1)
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }
}

/** What is wrong with one end, to see that it is found. */
export interface Bend {
  readonly resume?: (said: Resume) => Resume
  /** Takes the frames of links that it has left. */
  readonly heedsOldLinks?: boolean
}

/** Numbers its frames anew for every stay of its peer. */
class End {
  readonly name: PeerId
  readonly bend: Bend
  readonly core: SeamCore
  readonly bonds: MeshBonds
  /** Frames sent during the present stay of the peer, and the next one expected of it. */
  sent = 0
  next = 0
  carrier: Carrier | null = null
  readonly #other: PeerId
  readonly #faults: string[]
  #stay = 0
  #heardStay: number | null = null
  #lastHeardStay = 0

  constructor(name: PeerId, other: PeerId, bend: Bend, faults: string[]) {
    this.name = name
    this.bend = bend
    this.#other = other
    this.#faults = faults
    this.core = new SeamCore({ selfId: name, maxPayloadBytes: () => 10_000, headers: DATA_HEADERS })
    this.core.received = (_peer, payload, delivery) => this.#hear(payload, delivery)
    this.core.peers.listen((peers) => {
      if (!peers.has(other)) return
      this.#stay++
      this.sent = this.next = 0
      this.#heardStay = null
    })
    this.bonds = new MeshBonds(this.core)
  }

  send(bytes: number, delivery: Delivery): void {
    if (!this.core.peers.get().has(this.#other)) return
    const serial = delivery === 'reliable' ? this.sent++ : 0
    const frame = new ByteWriter(16).varint(this.#stay).varint(serial).raw(new Uint8Array(bytes)).finish()
    // Where the peer leaves while it waits, the next stay counts anew.
    this.core.sendTo(this.#other, frame, { delivery }).catch(() => {})
  }

  giveUp(): void {
    if (this.carrier === null) this.bonds.end(this.#other)
  }

  take(frame: LinkFrame, carrier: Carrier): void {
    const heard = this.bend.heedsOldLinks === true ? (this.carrier ?? carrier) : carrier
    const fine = this.#heed(frame, heard)
    if (!fine && Object.keys(this.bend).length === 0) this.#faults.push(`${this.name} refused a ${frame.kind}`)
  }

  carry(carrier: Carrier, name: string): void {
    this.carrier = carrier
    this.bonds.carry(this.#other, carrier, name)
  }

  detach(carrier: Carrier): void {
    this.bonds.detach(this.#other, carrier)
    if (this.carrier === carrier) this.carrier = null
  }

  writable(carrier: Carrier): void {
    this.bonds.writable(this.#other, carrier)
  }

  #heed(frame: LinkFrame, carrier: Carrier): boolean {
    switch (frame.kind) {
      case 'data':
        return this.bonds.received(this.#other, carrier, frame.payload, 'reliable', false)
      case 'lossy':
        return this.bonds.received(this.#other, carrier, frame.payload, 'lossy', false)
      case 'credit':
        return this.bonds.granted(this.#other, carrier, frame.bytes)
      case 'ack':
        return this.bonds.acknowledged(this.#other, carrier, frame.received)
      case 'resume':
        return this.bonds.resumed(this.#other, carrier, frame)
      default:
        return false
    }
  }

  #hear(payload: Uint8Array, delivery: Delivery): boolean {
    const reader = new ByteReader(payload)
    const [stay, serial] = [reader.varint(), reader.varint()]
    if (delivery === 'lossy') return true
    // One stay of the peer here is one stay of this end there, and a later one than before.
    if (this.#heardStay === null && stay <= this.#lastHeardStay) this.#fault(`hears of stay ${stay} again`)
    this.#heardStay ??= stay
    this.#lastHeardStay = stay
    if (stay !== this.#heardStay) this.#fault(`hears of stay ${stay} in stay ${this.#heardStay}`)
    if (serial !== this.next) this.#fault(`hears frame ${serial} where ${this.next} is due`)
    this.next = serial + 1
    this.core.linkOf(this.#other)?.grant(frameCost(payload.length))
    return true
  }

  #fault(what: string): void {
    this.#faults.push(`${this.name} ${what}`)
  }
}

/** A link whose two ends prove and lose it each at its own time. Index 0 of everything is the first end's. */
class TrialLink {
  readonly #name: string
  readonly #ends: readonly [End, End]
  readonly #carriers: readonly [Carrier, Carrier]
  /** What is under way to each end. */
  readonly #queues: [Uint8Array[], Uint8Array[]] = [[], []]
  readonly #stages: ['making' | 'proved' | 'broken', 'making' | 'proved' | 'broken'] = ['making', 'making']

  constructor(name: string, ends: readonly [End, End]) {
    this.#name = name
    this.#ends = ends
    this.#carriers = [this.#carrier(0), this.#carrier(1)]
  }

  get isWhole(): boolean {
    return !this.#stages.includes('broken')
  }

  prove(at: number): void {
    if (this.#stages[at] !== 'making') return
    this.#stages[at] = 'proved'
    this.#end(at).carry(this.#carrierOf(at), this.#name)
  }

  /** The next frame reaches an end. False where there is none, or nobody to hear it. */
  deliver(to: number): boolean {
    const queue = this.#queue(to)
    const other = 1 - to
    if (this.#stages[to] !== 'proved') return false
    const bytes = queue.shift()
    if (bytes === undefined) {
      // After what was under way comes the news that the other end is gone.
      if (this.#stages[other] === 'broken') this.breakAt(to, true)
      return false
    }
    this.#end(to).take(decodeLinkFrame(bytes), this.#carrierOf(to))
    this.#end(other).writable(this.#carrierOf(other))
    return true
  }

  breakAt(at: number, loseWhatIsUnderWay: boolean): void {
    if (this.#stages[at] === 'broken') return
    this.#stages[at] = 'broken'
    this.#queue(at).length = 0
    if (loseWhatIsUnderWay) this.#queue(1 - at).length = 0
    this.#end(at).detach(this.#carrierOf(at))
    if (this.#stages[1 - at] === 'making') this.#stages[1 - at] = 'broken'
  }

  #carrier(at: number): Carrier {
    const send = (frame: Uint8Array): void => {
      if (this.#stages[at] !== 'proved' || this.#stages[1 - at] === 'broken') return
      this.#queue(1 - at).push(this.#bent(at, frame))
    }
    return { hasRoom: () => this.#queue(1 - at).length < 8, send, hold: send }
  }

  /** A copy, as wires carry: the frame's own memory is used again. */
  #bent(at: number, frame: Uint8Array): Uint8Array {
    const { resume } = this.#end(at).bend
    const said = decodeLinkFrame(frame)
    return resume !== undefined && said.kind === 'resume' ? encodeResume(resume(said)) : frame.slice()
  }

  #end(at: number): End {
    return this.#ends[at] as End
  }

  #carrierOf(at: number): Carrier {
    return this.#carriers[at] as Carrier
  }

  #queue(to: number): Uint8Array[] {
    return this.#queues[to] as Uint8Array[]
  }
}
