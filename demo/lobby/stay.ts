import { type EndReason, type ResumeToken, type Room, type Seam, systemClock } from 'selvage'
import { type DemoLoom, LOST_AFTER_MS } from '../fabric.ts'
import { LinkWatch } from '../link-watch.ts'
import { Chat, type SaidMessage } from './chat.ts'
import type { Facts } from './facts.ts'
import type { Keepsake } from './keepsake.ts'
import { News, peopleIn } from './people.ts'

/** What an earlier page of the same member left; the token is `null` where it is good for nothing any more. */
export type Returning = Omit<Keepsake, 'token'> & { readonly token: ResumeToken | null }

/** One membership, from the moment of admission: what the room shows is told as facts, and kept for a later page. */
export class Stay {
  readonly #room: Room
  readonly #seam: Seam
  readonly #loom: DemoLoom
  readonly #name: string
  readonly #events: StayEvents
  readonly #news: News
  readonly #links: LinkWatch = new LinkWatch(LOST_AFTER_MS)
  readonly #names: Map<string, string> = new Map()
  readonly #chat: Chat
  readonly #stops: (() => void)[]
  #said: readonly SaidMessage[]
  #kept: Partial<Keepsake> = {}

  constructor(
    where: { room: Room; seam: Seam; loom: DemoLoom },
    name: string,
    kept: Returning | null,
    events: StayEvents,
  ) {
    const { room, seam, loom } = where
    this.#room = room
    this.#seam = seam
    this.#loom = loom
    this.#name = name
    this.#events = events
    this.#said = kept?.said ?? []
    this.#news = new News(room, kept?.hosted === true)
    for (const message of this.#said) this.#names.set(message.from, message.name)
    this.#names.set(room.selfId, name)
    const nameOf = (peer: string): string => this.#nameOf(peer)
    this.#chat = new Chat(room.channel('chat'), this.#said, nameOf, (said) => this.#onSaid(said))
    events.change({ stage: 'inside' })
    events.said(this.#said)
    this.#stops = this.#listen()
    void this.#readEvents()
  }

  say(text: string): void {
    const members = [...this.#room.roster.get().values()]
    this.#chat.say(
      text,
      members.map(({ id, name }) => ({ id, name })),
    )
  }

  /** Does nothing where this member does not host. */
  kick(peer: string): void {
    if (this.#room.role.get() === 'host') this.#room.kick(peer)
  }

  /** Does nothing where this member does not host. */
  lock(locked: boolean): void {
    if (this.#room.role.get() === 'host') this.#room.setPolicy({ locked })
  }

  /** Tells the others, and gives the place up. */
  async leave(): Promise<void> {
    await this.#room.leave()
  }

  /** Ends the page's part: to the others this member is away, its place held. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#chat.close()
    // A room that ended says its last words first, and closes the seam itself.
    if (this.#room.status.get().kind !== 'ended') void this.#seam.close()
  }

  #listen(): (() => void)[] {
    const room = this.#room
    const { change, ended } = this.#events
    const show = (): void => this.#show()
    const ticking = setInterval(show, 500)
    return [
      () => clearInterval(ticking),
      room.roster.subscribe(show),
      room.role.subscribe(show),
      this.#loom.links(this.#seam).subscribe(show),
      this.#loom.signalling(this.#seam).subscribe(({ kind }) => change({ signalling: kind })),
      this.#loom.servers(this.#seam).subscribe((servers) => change({ servers })),
      room.policy.subscribe(({ locked }) => change({ isLocked: locked })),
      room.localFabric.subscribe((fabric) => change({ isCutOff: fabric === 'lost' })),
      room.status.subscribe((status) => {
        if (status.kind === 'ended') ended(status.reason)
        else change({ isReturning: status.kind === 'rejoining' })
      }),
    ]
  }

  #show(): void {
    const room = this.#room
    const people = peopleIn(room, this.#links.of(this.#loom.links(this.#seam).get(), systemClock.now()))
    for (const { id, name } of people) this.#names.set(id, name)
    const isHost = room.role.get() === 'host'
    this.#events.change({ people, isHost, ...this.#news.of(room, (peer) => this.#nameOf(peer)) })
    if (this.#kept.token !== room.resumeToken || this.#kept.hosted !== isHost) this.#keep()
  }

  #onSaid(said: readonly SaidMessage[]): void {
    this.#said = said
    this.#keep()
    this.#events.said(said)
  }

  #keep(): void {
    const { resumeToken: token, role, status } = this.#room
    if (token === null || status.get().kind !== 'member') return
    const kept = { name: this.#name, token, hosted: role.get() === 'host', said: this.#said }
    this.#kept = kept
    this.#events.keep(kept)
  }

  async #readEvents(): Promise<void> {
    for await (const event of this.#room.events) {
      if (event.kind === 'missed') this.#events.missed(this.#nameOf(event.peer))
    }
  }

  #nameOf(peer: string): string {
    return this.#names.get(peer) ?? 'Somebody'
  }
}

export interface StayEvents {
  change(facts: Partial<Facts>): void
  said(said: readonly SaidMessage[]): void
  /** Some of what the member of this name said did not fit and is lost. */
  missed(name: string): void
  /** For the page that comes after this one. */
  keep(kept: Keepsake): void
  ended(reason: EndReason): void
}
