import type { Peer } from 'peerjs'
import { orAborted, sleep, throwIfAborted } from '../../base/abort.ts'
import { systemClock, type Clock } from '../../base/clock.ts'
import { RoomFullError, RoomNotFoundError, RoomTakenError } from '../../base/errors.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import type { AttachOptions, Attachment } from '../../signal/signal-client.ts'
import { beaconOf, decodeWords, encodeWords, type BeaconWords, type RoomMember } from './beacon-words.ts'
import type { PeerDesk } from './peer-desk.ts'
import { newPeerName, newPeerToken, openPeer, startPeer, unavailable } from './peer-server.ts'
import { HELLO_MS, RoomBeacon, type BeaconReply } from './room-beacon.ts'

/**
 * Attaches to one room at one PeerServer, which has no rooms. So one member is the room's beacon: it claims, with
 * a connection of its own, an id that follows from the room's address, and keeps the list of members. Everybody
 * says hello to the beacon once a second and is answered with the list; signals go from member to member.
 *
 * When the beacon leaves or falls silent, the others claim its id, one after the other in an order that all know.
 * They know its token too: an id that the server still holds for a connection that is dead is taken over. Of two
 * that claim at once the server keeps the later, and the earlier finds itself answered by another.
 *
 * Rejects as `openAttachment` does; a rejected call leaves nothing open.
 */
export async function attachToPeerServer(options: AttachOptions, desk: PeerDesk): Promise<Attachment> {
  const { url, room, clock = systemClock, signal, timeoutMs = ATTACH_TIMEOUT_MS } = options
  const beacon = await beaconOf(room)
  const opening = { url, clock, signal, timeoutMs }
  const peer = await openPeer({ ...opening, id: newPeerName(), token: newPeerToken() })
  if (peer === null) throw unavailable(url, 'gave an id that nobody could have guessed to another')
  const attachment = new PeerServerAttachment(options, clock, peer, beacon, desk)
  try {
    // A token that nobody else has tells whether anybody holds the id.
    const probe = await openPeer({ ...opening, id: beacon.id, token: newPeerToken() })
    probe?.destroy()
    await orAborted(attachment.enter(probe === null, timeoutMs), signal)
    throwIfAborted(signal)
  } catch (error) {
    attachment.close()
    throw error
  }
  desk.open(url, peer)
  return attachment
}

class PeerServerAttachment implements Attachment {
  readonly url: string
  readonly maxRelayBytes: number = 0
  readonly unsentBytes: number = 0
  peers: readonly SignalAddress[] = []
  created = false
  maxPeers: number
  malformed = 0

  readonly #options: AttachOptions
  readonly #clock: Clock
  readonly #peer: Peer
  readonly #beaconName: { readonly id: string; readonly token: string }
  readonly #desk: PeerDesk
  #members: readonly RoomMember[] = []
  /** Where members are whom the list does not know yet. */
  readonly #callers: Map<string, string> = new Map()
  #beacon: { readonly peer: Peer; readonly room: RoomBeacon } | null = null
  #isClaiming = false
  #phase: 'entering' | 'attached' | 'over' = 'entering'
  #answeredAtMs: number
  #answer: 'here' | 'full' | null = null
  #timer: unknown

  constructor(
    options: AttachOptions,
    clock: Clock,
    peer: Peer,
    beaconName: { readonly id: string; readonly token: string },
    desk: PeerDesk,
  ) {
    this.url = options.url
    this.maxPeers = options.maxPeers ?? DEFAULT_MAX_PEERS
    this.#options = options
    this.#clock = clock
    this.#peer = peer
    this.#beaconName = beaconName
    this.#desk = desk
    this.#answeredAtMs = clock.now()
    peer.socket.on('message', (message: unknown) => this.#onMessage(message))
    peer.on('disconnected', () => this.#onLost())
  }

  /** `isHeld`: somebody holds the beacon's id, alive or not. */
  async enter(isHeld: boolean, timeoutMs: number): Promise<void> {
    const { create } = this.#options
    const begunMs = this.#clock.now()
    const elapsedMs = (): number => this.#clock.now() - begunMs
    // Members that lost their beacon a moment ago still say hello to it.
    const listenMs = create === 'no' ? LISTEN_MS : 0
    this.created = !isHeld
    for (;;) {
      this.#sayHello()
      if (!isHeld || elapsedMs() > SILENT_MS) void this.#claim()
      await sleep(this.#clock, KNOCK_MS, this.#options.signal)
      if (this.#isOver()) throw unavailable(this.url, 'closed the connection')
      if (this.#answer === 'full')
        throw new RoomFullError(`the room at ${this.url} is full: wait for a peer to leave, then retry`)
      const others = this.#members.some(({ peer }) => peer !== this.#options.peer)
      if (this.#answer === 'here' && (others || elapsedMs() >= listenMs)) break
      if (elapsedMs() > timeoutMs) throw unavailable(this.url, `passed nothing on within ${timeoutMs} ms`)
    }
    this.#judge()
    this.peers = this.#members.filter(({ session }) => session !== this.#options.session).map(addressOf)
    this.#phase = 'attached'
    this.#keepUp()
  }

  send(to: SignalAddress, body: string): void {
    if (this.#phase !== 'attached') return
    const listed = this.#members.find(({ peer, session }) => peer === to.peer && session === to.session)
    const id = listed?.id ?? this.#callers.get(keyOf(to))
    if (id !== undefined) this.#say(this.#peer, id, { kind: 'signal', from: this.#self(), body })
  }

  /** PeerServers relay nothing but words. */
  relay(): void {}

  turnServers(): Promise<readonly []> {
    return Promise.resolve([])
  }

  close(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#clock.clearTimeout(this.#timer)
    this.#say(this.#peer, this.#beaconName.id, { kind: 'bye' })
    const beacon = this.#beacon
    this.#dropBeacon(beacon?.room.leave() ?? [])
    this.#desk.close(this.url, this.#peer)
    // Connections with others outlive it: they have last words of their own to say.
    this.#peer.disconnect()
  }

  #judge(): void {
    const { create, peer: self } = this.#options
    const others = this.#members.some(({ peer }) => peer !== self)
    if (create === 'new' && others)
      throw new RoomTakenError(`the room exists already at ${this.url}: join it, or host under another key`)
    if (create === 'no' && !others)
      throw new RoomNotFoundError(`nobody is in the room at ${this.url}: check the invite, or try the next server`)
  }

  /* ── A member ──────────────────────────────────────────────────────────────────────────────── */

  #keepUp(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#sayHello()
      const silentMs = this.#clock.now() - this.#answeredAtMs
      if (silentMs > SILENT_MS + this.#rank() * HEIR_MS) void this.#claim()
      this.#keepUp()
    }, HELLO_MS)
  }

  /** How many come before it when a beacon has to be replaced. */
  #rank(): number {
    const { session } = this.#options
    return this.#members.filter((member) => member.session < session).length
  }

  #sayHello(): void {
    this.#say(this.#peer, this.#beaconName.id, { kind: 'hello', at: this.#self(), maxPeers: this.maxPeers })
  }

  #onMessage(message: unknown): void {
    const heard = decodeWords(message)
    if (heard === null || this.#isOver()) return
    const { src, words } = heard
    if (words.kind === 'signal') this.#onSignal(src, words.from, words.body)
    else if (src !== this.#beaconName.id) this.malformed++
    else if (words.kind === 'here') this.#onHere(words)
    else if (words.kind === 'full') this.#answer = 'full'
    else if (words.kind === 'gone') this.#onGone()
  }

  #onSignal(src: string, from: SignalAddress, body: string): void {
    const listed = this.#members.find(({ peer, session }) => peer === from.peer && session === from.session)
    if (listed !== undefined && listed.id !== src) {
      this.malformed++
      return
    }
    if (listed === undefined && this.#callers.size < MAX_CALLERS) this.#callers.set(keyOf(from), src)
    if (this.#phase === 'attached') this.#options.handlers.onSignal?.(from, body)
  }

  #onHere({ beacon, members, maxPeers }: BeaconWords & { kind: 'here' }): void {
    const { session, handlers } = this.#options
    if (!members.some((member) => member.session === session)) return
    if (beacon !== session) this.#dropBeacon([])
    const former = this.#members
    this.#members = members
    this.maxPeers = maxPeers
    this.#answer = 'here'
    this.#answeredAtMs = this.#clock.now()
    this.#callers.clear()
    if (this.#phase !== 'attached') return
    for (const member of members) {
      if (member.session !== session && !former.some((one) => one.session === member.session))
        handlers.onJoined?.(addressOf(member))
    }
    for (const member of former)
      if (!members.some((one) => one.session === member.session)) handlers.onLeft?.(addressOf(member), 'gone')
  }

  /** Who comes first claims the id at once; the others hear from it before it is their turn. */
  #onGone(): void {
    if (this.#phase !== 'attached') return
    const goneAtMs = this.#clock.now()
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => {
      if (this.#answeredAtMs <= goneAtMs) void this.#claim()
      this.#keepUp()
    }, this.#rank() * HEIR_MS)
  }

  #onLost(): void {
    if (this.#phase === 'over') return
    const attached = this.#phase === 'attached'
    this.#phase = 'over'
    this.#clock.clearTimeout(this.#timer)
    this.#dropBeacon([])
    this.#desk.close(this.url, this.#peer)
    if (attached) this.#options.handlers.onLost?.(unavailable(this.url, 'dropped the connection'))
  }

  /* ── The beacon ────────────────────────────────────────────────────────────────────────────── */

  /** Whether it is the beacon now, its own hello tells: whoever has the id answers it. */
  async #claim(): Promise<void> {
    if (this.#beacon !== null || this.#isClaiming) return
    this.#isClaiming = true
    try {
      const peer = await startPeer({ url: this.url, ...this.#beaconName })
      if (this.#isOver()) {
        peer.destroy()
        return
      }
      const known = this.#members.filter(({ id }) => id !== this.#peer.id)
      const { session } = this.#options
      const room = new RoomBeacon({ session, maxPeers: this.maxPeers, known, nowMs: this.#clock.now() })
      this.#beacon = { peer, room }
      peer.socket.on('message', (message: unknown) => this.#onBeaconMessage(peer, message))
      // Somebody else's, or cut off: the next hello that nobody answers claims it again.
      peer.on('error', () => this.#onBeaconLost(peer))
      peer.on('disconnected', () => this.#onBeaconLost(peer))
      this.#knock(peer, this.#clock.now())
    } finally {
      this.#isClaiming = false
    }
  }

  /** A server says nothing to who takes over an id: the first own hello that comes in tells, and then all are told. */
  #knock(peer: Peer, sinceMs: number): void {
    if (this.#beacon?.peer !== peer || this.#answeredAtMs > sinceMs) return
    this.#sayHello()
    if (this.#clock.now() - sinceMs < HELLO_MS) this.#clock.setTimeout(() => this.#knock(peer, sinceMs), KNOCK_MS)
  }

  #onBeaconMessage(peer: Peer, message: unknown): void {
    const heard = decodeWords(message)
    if (heard === null || this.#beacon?.peer !== peer) return
    this.#answerAll(peer, this.#beacon.room.hear(heard.src, heard.words, this.#clock.now()))
  }

  #onBeaconLost(peer: Peer): void {
    if (this.#beacon?.peer === peer) this.#dropBeacon([])
  }

  #dropBeacon(lastWords: readonly BeaconReply[]): void {
    const beacon = this.#beacon
    this.#beacon = null
    if (beacon === null) return
    this.#answerAll(beacon.peer, lastWords)
    beacon.peer.destroy()
  }

  #answerAll(peer: Peer, replies: readonly BeaconReply[]): void {
    for (const { to, words } of replies) this.#say(peer, to, words)
  }

  #say(peer: Peer, to: string, words: BeaconWords): void {
    peer.socket.send(encodeWords(to, words))
  }

  #self(): SignalAddress {
    const { peer, session } = this.#options
    return { peer, session }
  }

  #isOver(): boolean {
    return this.#phase === 'over'
  }
}

/** How long a PeerServer may take unless the caller says otherwise. */
const ATTACH_TIMEOUT_MS = 10_000

/** Who comes says hello so often until it is answered. */
const KNOCK_MS = 50

/** Members say hello once in {@link HELLO_MS}: who finds the beacon's id free hears of them within this. */
const LISTEN_MS = 1_200

/** A beacon that has not answered for so long is replaced. */
const SILENT_MS = 3_000

/** Between those who may replace it. */
const HEIR_MS = 400

/** Callers that are not on the list yet. */
const MAX_CALLERS = 64

const DEFAULT_MAX_PEERS = 8

function addressOf({ peer, session }: RoomMember): SignalAddress {
  return { peer, session }
}

function keyOf({ peer, session }: SignalAddress): string {
  return JSON.stringify([peer, session])
}
