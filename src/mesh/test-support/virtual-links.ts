import type { Clock } from '../../base/clock.ts'
import type { Fingerprints } from '../link/link-handshake.ts'
import {
  LOSSY_MARK_BYTES,
  LOW_WATER_BYTES,
  type Link,
  type LinkDriver,
  type LinkEvents,
  type LinkOptions,
} from '../link/link-driver.ts'

/** Links without WebRTC, in a test's time: 5 ms each way, and the test decides what goes wrong. */
export class VirtualLinks {
  readonly clock: Clock
  readonly open: Set<VirtualLink> = new Set()
  /** While true, what is sent stays in the senders' buffers. */
  stalled = false
  /** While true, lossy messages that have a way of their own are lost there. */
  losing = false
  /** Pairs of owners that no link comes to be between. */
  readonly #denied: Set<string> = new Set()
  /** While true, no link comes to be. */
  refusing = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `owner` names the end that its links are on. */
  driver(owner = ''): LinkDriver {
    return { open: (options) => new VirtualLink(this, options, owner) }
  }

  /** One whose links have a second way for lossy messages, which is faster, and loses those in {@link losing} times. */
  lossyDriver(): LinkDriver {
    return { open: (options) => new VirtualLossyLink(this, options, ''), sendsLossyApart: true }
  }

  /** No path leads between two owners: their links break, and none comes to be. */
  deny(a: string, b: string): void {
    this.#denied.add(pairOf(a, b))
    this.breakBetween(a, b)
  }

  allow(a: string, b: string): void {
    this.#denied.delete(pairOf(a, b))
  }

  isDenied(a: string, b: string): boolean {
    return this.#denied.has(pairOf(a, b))
  }

  /** The channel breaks without a word, at both ends. */
  breakAll(): void {
    for (const link of [...this.open]) link.broke()
  }

  /** The same between two owners. */
  breakBetween(a: string, b: string): void {
    for (const link of [...this.open]) if (link.isBetween(a, b)) link.broke()
  }

  /** The network fails on the links between two owners, for good: only a restart finds another path. */
  interruptBetween(a: string, b: string): void {
    for (const link of [...this.open]) if (link.isBetween(a, b)) link.interrupt()
  }

  path(path: 'connected' | 'interrupted'): void {
    for (const link of this.open) link.events.onPath(path)
  }

  resume(): void {
    this.stalled = false
    for (const link of this.open) link.pump()
  }
}

export class VirtualLink implements Link {
  readonly events: LinkEvents
  readonly network: VirtualLinks
  readonly maxMessageBytes: number = 262_144
  drainMarkBytes: number = LOW_WATER_BYTES
  bufferedAmount = 0
  restarts = 0
  /** Those that it was given last. */
  iceServers: readonly RTCIceServer[]
  readonly #options: LinkOptions
  readonly #owner: string
  #isInterrupted = false
  readonly #name: string
  readonly #queue: Uint8Array<ArrayBuffer>[] = []
  #other: VirtualLink | null = null
  #over = false

  constructor(network: VirtualLinks, options: LinkOptions, owner: string) {
    this.network = network
    this.#owner = owner
    this.#options = options
    this.events = options.events
    this.iceServers = options.iceServers
    this.#name = `virtual ${names++}`
    network.open.add(this)
    if (options.initiator) this.#later(() => this.events.onSignal(this.#name))
  }

  isBetween(a: string, b: string): boolean {
    const [near, far] = [this.#owner, this.#other === null ? '' : this.#other.#owner]
    return (near === a && far === b) || (near === b && far === a)
  }

  signal(body: string): void {
    if (body === RESTARTED) return this.#mend()
    if (body === RESTART) return this.#later(() => this.events.onSignal(RESTARTED))
    const other = [...this.network.open].find((link) => link.#name === body)
    if (other === undefined || this.#other !== null || this.network.refusing) return
    if (this.network.isDenied(this.#owner, other.#owner)) return
    this.#other = other
    if (other.#other === null) this.#later(() => this.events.onSignal(this.#name))
    else for (const link of [this, other]) this.#later(() => link.events.onOpen())
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#over) return
    this.bufferedAmount += bytes.length
    this.#queue.push(bytes.slice())
    this.pump()
  }

  pump(): void {
    while (!this.network.stalled && !this.#isInterrupted && this.#queue.length > 0) {
      const bytes = this.#queue.shift() as Uint8Array<ArrayBuffer>
      // Also after a close: what was sent goes out first.
      this.network.clock.setTimeout(() => {
        const before = this.bufferedAmount
        this.bufferedAmount -= bytes.length
        if (!this.#over && before > this.drainMarkBytes && this.bufferedAmount <= this.drainMarkBytes)
          this.events.onDrain()
        if (this.#other !== null && !this.#other.#over) this.#other.events.onMessage(bytes)
      }, LATENCY_MS)
    }
  }

  protected get otherEnd(): VirtualLink | null {
    return this.#other
  }

  get isOver(): boolean {
    return this.#over
  }

  fingerprints(): Fingerprints {
    return { local: [this.#name], remote: this.#other === null ? [] : [this.#other.#name] }
  }

  restart(): void {
    this.restarts++
    void this.#options
      .renewIceServers((servers) => (this.iceServers = servers))
      .then(() => {
        if (this.#isInterrupted) this.#later(() => this.events.onSignal(RESTART))
      })
  }

  /** At this end; what is sent from now on waits. */
  interrupt(): void {
    if (this.#isInterrupted) return
    this.#isInterrupted = true
    this.events.onPath('interrupted')
  }

  /** At both ends. */
  #mend(): void {
    for (const end of [this, this.#other]) {
      if (end === null || end.#over || !end.#isInterrupted) continue
      end.#isInterrupted = false
      end.events.onPath('connected')
      end.pump()
    }
  }

  close(): Promise<void> {
    if (this.#over) return Promise.resolve()
    this.#finish()
    const other = this.#other
    if (other !== null) this.network.clock.setTimeout(() => other.broke(), LATENCY_MS)
    return Promise.resolve()
  }

  broke(): void {
    if (this.#over) return
    this.#finish()
    this.events.onClosed('the channel broke')
  }

  #finish(): void {
    this.#over = true
    this.network.open.delete(this)
  }

  #later(run: () => void): void {
    this.network.clock.setTimeout(() => {
      if (!this.#over) run()
    }, LATENCY_MS)
  }
}

class VirtualLossyLink extends VirtualLink {
  #queuedBytes = 0

  sendLossy(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.isOver || this.#queuedBytes > LOSSY_MARK_BYTES) return false
    const message = bytes.slice()
    this.#queuedBytes += message.length
    this.network.clock.setTimeout(() => {
      this.#queuedBytes -= message.length
      const other = this.otherEnd
      if (!this.network.losing && other?.isOver === false) other.events.onLossy(message)
    }, LATENCY_MS - 2)
    return true
  }
}

function pairOf(a: string, b: string): string {
  return [a, b].toSorted().join(' ')
}

const LATENCY_MS = 5

/** What a restart asks of the other end, and its answer. */
const RESTART = 'restart'
const RESTARTED = 'restarted'

let names = 0
