import { type Member, type Room, systemClock } from 'selvage'
import { type Link, noLink } from '../link-watch.ts'
import type { Facts, Person } from './facts.ts'

/** The others as the room shows them now, and how each is reached. */
export function peopleIn(room: Room, links: ReadonlyMap<string, Link>): Person[] {
  return [...room.roster.get().values()].map((member) => personOf(member, links.get(member.id) ?? noLink))
}

function personOf({ id, name, isHost, hidden, liveness }: Member, link: Link): Person {
  if (liveness.kind === 'connected') {
    return { id, name, isHost, presence: hidden ? 'looks-away' : 'here', wentAway: false, link, heldForS: null }
  }
  const heldForS = Math.max(0, Math.ceil((liveness.returnByMs - systemClock.now()) / 1000))
  const wentAway = liveness.reason === 'announced'
  const presence = link.state === 'connecting' ? 'returning' : 'away'
  return { id, name, isHost, presence, wentAway, link, heldForS }
}

/** What has changed and is worth a sentence, until somebody else comes or goes. */
export class News {
  readonly #selfId: string
  #host: string | null
  #others: string
  #before: string | null

  /** `hosted`: whether this member hosted when it was last here. */
  constructor(room: Room, hosted: boolean) {
    this.#selfId = room.selfId
    this.#host = room.host.get()
    this.#others = othersOf(room)
    this.#before = hosted && this.#host !== room.selfId ? room.selfId : null
  }

  /** To be asked at every change of the roster. */
  of(room: Room, nameOf: (peer: string) => string): Pick<Facts, 'hostedBefore'> & Partial<Facts> {
    const [host, others] = [room.host.get(), othersOf(room)]
    const isOld = others !== this.#others
    if (host !== this.#host) this.#before = this.#host
    else if (isOld) this.#before = null
    this.#host = host
    this.#others = others
    const id = this.#before
    const hostedBefore = id === null ? null : id === this.#selfId ? 'me' : { id, name: nameOf(id) }
    return isOld ? { hostedBefore, cameAnew: false } : { hostedBefore }
  }
}

function othersOf(room: Room): string {
  return [...room.roster.get().keys()].join(' ')
}
