import { type Random, randomBetween } from '../../../base/random.ts'
import type { PeerId } from '../../../seam/contract.ts'

/** What a process is to the mesh. */
export interface Station {
  /** Changes only between two attachments. */
  readonly peer: PeerId
  /** Whose process it is: links, cuts and reach are between persons. */
  readonly person: string
  onLinks(peers: ReadonlySet<PeerId>): void
  onFrame(from: PeerId, frame: Uint8Array): void
}

export interface MeshFaults {
  /** Share of frames that never arrive. */
  readonly loss: number
  /** Longest delay of a frame, milliseconds. */
  readonly latencyMs: number
  /** About how long a link is kept on which nothing gets through, milliseconds. */
  readonly peerLossMs: number
}

interface Reach {
  readonly isGood: boolean
  readonly sinceMs: number
  readonly lastMs: number
}

interface Time {
  readonly nowMs: number
  after(ms: number, run: () => void): void
}

/** One link of two processes. Each end finds out on its own that it is gone. */
class Link {
  readonly stations: readonly [Station, Station]
  readonly peers: readonly [PeerId, PeerId]
  readonly isUp: [boolean, boolean] = [true, true]
  readonly lastArrivalMs: [number, number] = [0, 0]
  /** Frames from each end that wait for a cut to heal, and since when. */
  readonly held: [Uint8Array[], Uint8Array[]] = [[], []]
  readonly heldSinceMs: [number, number] = [0, 0]

  constructor(a: Station, b: Station) {
    this.stations = [a, b]
    this.peers = [a.peer, b.peer]
  }

  endOf(station: Station): 0 | 1 | null {
    if (this.stations[0] === station) return 0
    return this.stations[1] === station ? 1 : null
  }
}

/**
 * A link for every two processes. While it lives frames keep their order; cuts hold them back, in one way or both,
 * and a link that is cut for long is lost, at each end in its own time. Knows who is in whose reach, which the rules
 * are judged by.
 */
export class Mesh {
  readonly #time: Time
  readonly #random: Random
  #faults: MeshFaults
  readonly #stations: Map<string, Station> = new Map()
  readonly #links: Map<string, Link> = new Map()
  readonly #blocked: Set<string> = new Set()
  readonly #clogged: Set<string> = new Set()
  readonly #reach: Map<string, Reach> = new Map()
  readonly #noticeMs: number

  constructor(time: Time, random: Random, faults: MeshFaults, noticeMs: number) {
    this.#noticeMs = noticeMs
    this.#time = time
    this.#random = random
    this.#faults = faults
  }

  attach(station: Station): void {
    this.#stations.set(station.person, station)
    for (const person of this.#stations.keys()) if (person !== station.person) this.#linkSoon(station.person, person)
  }

  /** `closed`: the others learn of it after all that was said; `vanished`: when they miss it. */
  detach(station: Station, how: 'closed' | 'vanished'): void {
    if (this.#stations.get(station.person) === station) this.#stations.delete(station.person)
    for (const [pair, link] of this.#links) {
      const end = link.endOf(station)
      if (end === null) continue
      link.isUp[end] = false
      this.#lookAt(pair)
      const other = end === 0 ? 1 : 0
      const goneMs = how === 'closed' ? link.lastArrivalMs[end] - this.#time.nowMs + 1 : this.#lossMs()
      this.#time.after(Math.max(0, goneMs), () => this.#lower(link, other))
    }
  }

  send(from: Station, to: PeerId, frame: Uint8Array): void {
    for (const link of this.#links.values()) {
      const end = link.endOf(from)
      if (end === null || !link.isUp[end] || link.peers[end === 0 ? 1 : 0] !== to) continue
      if (this.#random() < this.#faults.loss) return
      if (this.#isBlocked(link, end)) {
        if (link.held[end].length === 0) link.heldSinceMs[end] = this.#time.nowMs
        link.held[end].push(frame)
      } else this.#carry(link, end, frame)
      return
    }
  }

  /** Peers whose link has taken nothing of `station` for `ms`. */
  stalledFor(station: Station, ms: number): ReadonlySet<PeerId> {
    const stalled = new Set<PeerId>()
    for (const link of this.#links.values()) {
      const end = link.endOf(station)
      if (end === null || !this.#clogged.has(wayOf(link, end))) continue
      if (link.held[end].length > 0 && this.#time.nowMs - link.heldSinceMs[end] >= ms) {
        stalled.add(link.peers[end === 0 ? 1 : 0])
      }
    }
    return stalled
  }

  /** Nothing gets from one person to another any more. `clogged`: and the sender's link says so. */
  cut(from: string, to: string, options: { clogged?: boolean } = {}): void {
    if (from === to) return
    this.#blocked.add(`${from}>${to}`)
    if (options.clogged === true) this.#clogged.add(`${from}>${to}`)
    const pair = pairOf(from, to)
    this.#lookAt(pair)
    const link = this.#links.get(pair)
    if (link === undefined || options.clogged === true || this.#random() < SILENT_SHARE) return
    this.#time.after(this.#lossMs(), () => {
      if (this.#links.get(pair) === link && this.#isCut(pair)) this.#break(link)
    })
  }

  heal(): void {
    this.#blocked.clear()
    this.#clogged.clear()
    for (const [pair, link] of this.#links) {
      for (const end of [0, 1] as const) {
        for (const frame of link.held[end].splice(0)) this.#carry(link, end, frame)
      }
      this.#lookAt(pair)
    }
    const persons = [...this.#stations.keys()]
    for (const one of persons) for (const other of persons) if (one < other) this.#linkSoon(one, other)
  }

  calm(faults: Partial<MeshFaults>): void {
    this.#faults = { ...this.#faults, ...faults }
    this.heal()
  }

  /** Since when two persons could speak with each other without a break; `null` if they cannot now. */
  inReachSinceMs(one: string, other: string): number | null {
    const reach = this.#reach.get(pairOf(one, other))
    return reach?.isGood === true ? reach.sinceMs : null
  }

  /** When two persons could last speak with each other, for long enough to notice. */
  lastInReachMs(one: string, other: string): number {
    const reach = this.#reach.get(pairOf(one, other))
    return reach === undefined ? Number.NEGATIVE_INFINITY : this.#lastOf(reach)
  }

  #lastOf({ isGood, sinceMs, lastMs }: Reach): number {
    return isGood && this.#time.nowMs - sinceMs >= this.#noticeMs ? this.#time.nowMs : lastMs
  }

  #carry(link: Link, end: 0 | 1, frame: Uint8Array): void {
    const atMs = Math.max(this.#time.nowMs + 1 + this.#random() * this.#faults.latencyMs, link.lastArrivalMs[end])
    link.lastArrivalMs[end] = atMs
    const other = end === 0 ? 1 : 0
    this.#time.after(atMs - this.#time.nowMs, () => {
      if (link.isUp[other]) link.stations[other].onFrame(link.peers[end], frame)
    })
  }

  #linkSoon(one: string, other: string): void {
    this.#time.after(randomBetween(this.#random, 20, 400), () => {
      const [a, b] = [this.#stations.get(one), this.#stations.get(other)]
      const pair = pairOf(one, other)
      if (a === undefined || b === undefined || this.#isCut(pair)) return
      const old = this.#links.get(pair)
      if (old !== undefined) {
        const isWhole = old.isUp[0] && old.isUp[1] && old.endOf(a) !== null && old.endOf(b) !== null
        if (isWhole) return
        this.#lower(old, 0, 'superseded')
        this.#lower(old, 1, 'superseded')
      }
      this.#links.set(pair, new Link(a, b))
      this.#lookAt(pair)
      this.#tell(a)
      this.#tell(b)
    })
  }

  #break(link: Link): void {
    for (const end of [0, 1] as const) {
      this.#time.after(this.#random() * this.#faults.peerLossMs, () => this.#lower(link, end))
    }
  }

  /** One end finds that its link is gone; with the second the link is, and another may take its place. */
  #lower(link: Link, end: 0 | 1, why: 'lost' | 'superseded' = 'lost'): void {
    const [a, b] = link.stations
    const pair = pairOf(a.person, b.person)
    if (this.#links.get(pair) !== link) return
    const wasUp = link.isUp[end]
    link.isUp[end] = false
    this.#lookAt(pair)
    if (!link.isUp[0] && !link.isUp[1]) this.#links.delete(pair)
    if (wasUp) this.#tell(link.stations[end])
    if (!this.#links.has(pair) && why === 'lost') this.#linkSoon(a.person, b.person)
  }

  #tell(station: Station): void {
    const peers = new Set<PeerId>()
    for (const link of this.#links.values()) {
      const end = link.endOf(station)
      if (end !== null && link.isUp[end]) peers.add(link.peers[end === 0 ? 1 : 0])
    }
    station.onLinks(peers)
  }

  #lookAt(pair: string): void {
    const link = this.#links.get(pair)
    const isGood = link !== undefined && link.isUp[0] && link.isUp[1] && !this.#isCut(pair)
    const reach = this.#reach.get(pair) ?? { isGood: false, sinceMs: 0, lastMs: Number.NEGATIVE_INFINITY }
    if (reach.isGood === isGood) return
    this.#reach.set(pair, { isGood, sinceMs: this.#time.nowMs, lastMs: this.#lastOf(reach) })
  }

  #isBlocked(link: Link, end: 0 | 1): boolean {
    return this.#blocked.has(wayOf(link, end))
  }

  #isCut(pair: string): boolean {
    const [one, other] = pair.split(' ')
    return this.#blocked.has(`${one}>${other}`) || this.#blocked.has(`${other}>${one}`)
  }

  #lossMs(): number {
    return this.#faults.peerLossMs * randomBetween(this.#random, 0.2, 2)
  }
}

/** How many of the links that are cut are never found to be: they are only silent. */
const SILENT_SHARE = 0.3

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

function wayOf(link: Link, end: 0 | 1): string {
  const [a, b] = link.stations
  return end === 0 ? `${a.person}>${b.person}` : `${b.person}>${a.person}`
}
