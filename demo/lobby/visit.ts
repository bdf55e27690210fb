import { announcePage, type Member, type Room, type Seam, SeamRoomFactory, systemClock } from 'selvage'
import { openPlace, type Place } from 'selvage/indexeddb'
import { type SignalTag, WebRtcLoom } from 'selvage/webrtc'
import { placeNameOf } from '../invitation.ts'
import type { Settings } from '../settings.ts'
import { Chat, type SaidMessage } from './chat.ts'
import { type Facts, isPlaceGivenUp, type Over, overOf, type Person } from './facts.ts'
import { type Keepsake, KeepsakeBox, lastName } from './keepsake.ts'

/**
 * One person's stay in one room: everything the library does for the page, in the order in which it happens. A place in
 * this browser (who I am), a seam to the others, a room over it, and a channel of the room. Each change is told as facts.
 */
export class Visit {
  readonly #events: VisitEvents
  readonly #invitation: SignalTag
  readonly #settings: Settings
  readonly #closing = new AbortController()
  readonly #toClose: (() => unknown)[] = []
  readonly #names: Map<string, string> = new Map()
  #place: Place | null = null
  #box: KeepsakeBox | null = null
  #inside: Inside | null = null

  constructor(invitation: SignalTag, settings: Settings, events: VisitEvents) {
    this.#invitation = invitation
    this.#settings = settings
    this.#events = events
  }

  /** Opens the place; who was a member comes back at once, who was not and gives no name is asked for one. */
  arrive(name?: string): Promise<void> {
    return this.#attempt(async () => {
      const kept = (await this.#openPlace()).read()
      if (kept !== null) await this.#comeBack(kept)
      else if (name !== undefined) await this.#join(name, null)
      else this.#tell({ stage: 'door', name: lastName.read() })
    })
  }

  /** A new room, and this member hosts it. */
  create(name: string): Promise<void> {
    return this.#attempt(async () => {
      await this.#openPlace()
      lastName.write(name)
      await this.#open(name, 'create')
    })
  }

  join(name: string): Promise<void> {
    return this.#attempt(async () => {
      lastName.write(name)
      await this.#join(name, null)
    })
  }

  /** Opens a room again that everybody has gone from. */
  reopen(): Promise<void> {
    return this.#attempt(async () => {
      const kept = (await this.#openPlace()).read()
      await this.#open(kept?.name ?? lastName.read(), 'return', kept)
    })
  }

  say(text: string): void {
    const { chat, room } = this.#inside ?? {}
    const members = [...(room?.roster.get().values() ?? [])]
    chat?.say(
      text,
      members.map(({ id, name }) => ({ id, name })),
    )
  }

  kick(peer: string): void {
    this.#asHost((room) => room.kick(peer))
  }

  lock(locked: boolean): void {
    this.#asHost((room) => room.setPolicy({ locked }))
  }

  /** Tells the others, and gives the place up. */
  async leave(): Promise<void> {
    await this.#inside?.room.leave()
  }

  /** Gives the page's part back: to the others it is away, its place held. */
  close(): void {
    this.#closing.abort()
    for (const close of this.#toClose.splice(0).reverse()) close()
  }

  /* ── The way in ────────────────────────────────────────────────────────────────────────────── */

  async #openPlace(): Promise<KeepsakeBox> {
    this.#tell({ stage: 'opening' })
    const name = await placeNameOf(this.#invitation)
    this.#place = await openPlace(name, { signal: this.#closing.signal })
    this.#onClose(() => this.#place?.close())
    this.#tell({ isForgetful: this.#place.status.kind === 'page-only' })
    this.#box = new KeepsakeBox(name, this.#place.number)
    return this.#box
  }

  /** With the token as the same member; as a newcomer where the place was given up; as host where nobody is left. */
  async #comeBack(kept: Keepsake): Promise<void> {
    this.#tell({ name: kept.name, errand: 'return' })
    try {
      await this.#join(kept.name, kept)
    } catch (error) {
      if (isPlaceGivenUp(error)) {
        await this.#join(kept.name, { ...kept, token: null })
        this.#tell({ cameAnew: true })
      } else if (kept.hosted && overOf(error) === 'room-not-found') await this.#open(kept.name, 'return', kept)
      else throw error
    }
  }

  async #open(name: string, errand: Facts['errand'], kept: Keepsake | null = null): Promise<void> {
    this.#tell({ stage: 'looking', name, errand })
    const loom = this.#loom()
    const seam = await loom.reopen(this.#invitation, { signal: this.#closing.signal, maxPeers: MAX_PEERS })
    const { roomId } = kept?.token ?? {}
    await this.#comeIn(loom, seam, { role: 'host', memberName: name, roomId }, kept)
  }

  async #join(name: string, kept: Returning | null): Promise<void> {
    this.#tell({ stage: 'looking', name, errand: kept === null ? 'join' : 'return' })
    const loom = this.#loom()
    const seam = await loom.join(this.#invitation, { signal: this.#closing.signal })
    this.#tell({ stage: 'knocking' })
    await this.#comeIn(loom, seam, { role: 'joiner', memberName: name, token: kept?.token ?? undefined }, kept)
  }

  #loom(): WebRtcLoom {
    const { servers, iceServers } = this.#settings
    return new WebRtcLoom({
      app: 'selvage lobby',
      servers: [...servers],
      peerIdentity: this.#placed().peerIdentity,
      ...(iceServers === undefined ? {} : { iceServers }),
    })
  }

  async #comeIn(loom: WebRtcLoom, seam: Seam, how: Entry, kept: Returning | null): Promise<void> {
    const { peerIdentity: identity } = this.#placed()
    const factory = new SeamRoomFactory(loom, { identity, windowMs: this.#settings.windowMs })
    const room = await factory.adopt(seam, { ...how, signal: this.#closing.signal })
    this.#onClose(announcePage(room))
    this.#inhabit({ room, seam, loom }, how.memberName, kept)
  }

  /* ── Inside ────────────────────────────────────────────────────────────────────────────────── */

  #inhabit({ room, seam, loom }: Omit<Inside, 'chat'>, name: string, kept: Returning | null): void {
    const show = (): void => this.#tell(peopleIn(room, loom, seam, this.#names))
    const memory: Memory = { name, said: kept?.said ?? [] }
    for (const { from, name: theirs } of memory.said) this.#names.set(from, theirs)
    this.#names.set(room.selfId, name)
    const chat = new Chat(
      room.channel('chat'),
      memory.said,
      (peer) => this.#names.get(peer) ?? 'Somebody',
      (said) => {
        memory.said = said
        this.#remember(room, memory)
        this.#events.said(said)
      },
    )
    this.#inside = { room, seam, loom, chat }
    this.#tell({ stage: 'inside', hostedBefore: kept?.hosted === true && room.role.get() === 'joiner' ? 'me' : null })
    this.#events.said(memory.said)
    const stops = [
      room.roster.subscribe(show),
      loom.links(seam).subscribe(show),
      room.role.subscribe(() => {
        this.#remember(room, memory)
        show()
      }),
      room.host.listen((host, before) => this.#onHost(room, host, before ?? null)),
      room.policy.subscribe(({ locked }) => this.#tell({ isLocked: locked })),
      room.localFabric.subscribe((fabric) => this.#tell({ isCutOff: fabric === 'lost' })),
      room.status.subscribe((status) => {
        if (status.kind === 'ended') this.#end(status.reason)
        else this.#tell({ isReturning: status.kind === 'rejoining' })
      }),
      loom.signalling(seam).subscribe(({ kind }) => this.#tell({ signalling: kind })),
    ]
    const ticking = setInterval(show, 500)
    const isStopped = this.#onClose(() => {
      clearInterval(ticking)
      for (const stop of stops) stop()
      chat.close()
      // A room that ended says its last words first, and closes the seam itself.
      if (room.status.get().kind !== 'ended') void seam.close()
    })
    if (!isStopped) void this.#followEvents(room)
  }

  async #followEvents(room: Room): Promise<void> {
    for await (const event of room.events) {
      // What has changed since is news no longer.
      if (event.kind === 'joined' || event.kind === 'left') this.#tell({ hostedBefore: null, cameAnew: false })
      else if (event.kind === 'missed') this.#events.missed(this.#names.get(event.peer) ?? 'somebody')
    }
  }

  #onHost(room: Room, host: string | null, before: string | null): void {
    if (host === null || before === null) return
    const isGone = !room.roster.get().has(before)
    const name = this.#names.get(before) ?? 'Somebody'
    // After the events of the same change, which put earlier news aside.
    setTimeout(() => this.#tell({ hostedBefore: before === room.selfId ? 'me' : { name, isGone } }))
  }

  /** The token is renewed as it ages, so each change of what is said or of who hosts writes it anew. */
  #remember(room: Room, { name, said }: Memory): void {
    const token = room.resumeToken
    if (token !== null && room.status.get().kind !== 'ended') {
      this.#box?.write({ name, token, hosted: room.role.get() === 'host', said })
    }
  }

  #asHost(act: (room: Room) => void): void {
    const { room } = this.#inside ?? {}
    if (room?.role.get() === 'host') act(room)
  }

  /* ── Ends ──────────────────────────────────────────────────────────────────────────────────── */

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (this.#closing.signal.aborted) return
      const over = overOf(error)
      if (over === 'unknown') console.error(error)
      this.#end(over)
    }
  }

  #end(over: Over): void {
    if (this.#closing.signal.aborted) return
    if (over === 'left' || over === 'kicked' || over === 'banned') this.#box?.forget()
    this.#tell({ stage: 'over', over, signalling: 'none', people: [] })
    this.close()
  }

  #placed(): Place {
    if (this.#place === null) throw new TypeError('a visit begins with a place')
    return this.#place
  }

  /** Once closing, whatever still arrives is of a room that the page has left. */
  #tell(facts: Partial<Facts>): void {
    if (!this.#closing.signal.aborted) this.#events.change(facts)
  }

  /** Whether it was too late, and `close` has run at once. */
  #onClose(close: () => unknown): boolean {
    const isOver = this.#closing.signal.aborted
    if (isOver) close()
    else this.#toClose.push(close)
    return isOver
  }
}

export interface VisitEvents {
  change(facts: Partial<Facts>): void
  said(said: readonly SaidMessage[]): void
  /** Some of what the member of this name said did not fit and is lost. */
  missed(name: string): void
}

interface Inside {
  readonly room: Room
  readonly seam: Seam
  readonly loom: WebRtcLoom
  readonly chat: Chat
}

interface Entry {
  readonly role: 'host' | 'joiner'
  readonly memberName: string
  readonly roomId?: string | undefined
  readonly token?: Keepsake['token'] | undefined
}

type Returning = Omit<Keepsake, 'token'> & { readonly token: Keepsake['token'] | null }

interface Memory {
  readonly name: string
  said: readonly SaidMessage[]
}

/** More than the room has places, so that who finds it full hears so from its host. */
const MAX_PEERS = 16

/** The others, as the room and the links show them now. Names are noted for when their owners are gone. */
function peopleIn(room: Room, loom: WebRtcLoom, seam: Seam, names: Map<string, string>): Partial<Facts> {
  const links = loom.links(seam).get()
  const people = [...room.roster.get().values()].map((member): Person => {
    names.set(member.id, member.name)
    return personOf(member, links.get(member.id)?.state === 'connecting')
  })
  return { people, isHost: room.role.get() === 'host' }
}

function personOf({ id, name, isHost, hidden, liveness }: Member, isConnecting: boolean): Person {
  if (liveness.kind === 'connected') {
    return { id, name, isHost, presence: hidden ? 'looks-away' : 'here', wentAway: false, heldForS: null }
  }
  const heldForS = Math.max(0, Math.ceil((liveness.returnByMs - systemClock.now()) / 1000))
  const wentAway = liveness.reason === 'announced'
  return { id, name, isHost, presence: isConnecting ? 'returning' : 'away', wentAway, heldForS }
}
