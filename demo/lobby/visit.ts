import { announcePage, type Seam, SeamRoomFactory } from 'selvage'
import { openPlace, type Place } from 'selvage/indexeddb'
import type { SignalTag } from 'selvage/webrtc'
import { type DemoLoom, loomOf } from '../fabric.ts'
import { placeNameOf } from '../invitation.ts'
import type { Settings } from '../settings.ts'
import { type Facts, isPlaceGivenUp, type Over, overOf } from './facts.ts'
import { type Keepsake, KeepsakeBox, lastName } from './keepsake.ts'
import { type Returning, Stay, type StayEvents } from './stay.ts'

/**
 * One person's way into one room, in the order in which it happens: a place in this browser (who I am), a seam to the
 * others, a room over it. What is found on the way, and every end, is told as facts; what is inside is the {@link Stay}'s.
 */
export class Visit {
  readonly #events: VisitEvents
  readonly #invitation: SignalTag
  readonly #settings: Settings
  readonly #closing = new AbortController()
  readonly #toClose: (() => unknown)[] = []
  #place: Place | null = null
  #box: KeepsakeBox | null = null
  #stay: Stay | null = null

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

  /** The membership, once there is one. */
  get stay(): Stay | null {
    return this.#stay
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
    const loom = await this.#loom()
    const seam = await loom.reopen(this.#invitation, { signal: this.#closing.signal, maxPeers: MAX_PEERS })
    const { roomId } = kept?.token ?? {}
    await this.#comeIn(loom, seam, { role: 'host', memberName: name, roomId }, kept)
  }

  async #join(name: string, kept: Returning | null): Promise<void> {
    this.#tell({ stage: 'looking', name, errand: kept === null ? 'join' : 'return' })
    const loom = await this.#loom()
    const seam = await loom.join(this.#invitation, { signal: this.#closing.signal })
    this.#tell({ stage: 'knocking' })
    await this.#comeIn(loom, seam, { role: 'joiner', memberName: name, token: kept?.token ?? undefined }, kept)
  }

  #loom(): Promise<DemoLoom> {
    return loomOf('selvage lobby', this.#settings, this.#placed().peerIdentity)
  }

  async #comeIn(loom: DemoLoom, seam: Seam, how: Entry, kept: Returning | null): Promise<void> {
    const { peerIdentity: identity } = this.#placed()
    const factory = new SeamRoomFactory(loom, { identity, windowMs: this.#settings.windowMs })
    const room = await factory.adopt(seam, { ...how, signal: this.#closing.signal })
    this.#onClose(announcePage(room))
    const { change, said, missed } = this.#events
    this.#stay = new Stay({ room, seam, loom }, how.memberName, kept, {
      change: (facts) => this.#whileOpen(() => change(facts)),
      said: (all) => this.#whileOpen(() => said(all)),
      missed: (name) => this.#whileOpen(() => missed(name)),
      keep: (keepsake) => this.#box?.write(keepsake),
      ended: (reason) => this.#end(reason),
    })
    this.#onClose(() => this.#stay?.close())
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

  #tell(facts: Partial<Facts>): void {
    this.#whileOpen(() => this.#events.change(facts))
  }

  /** Once closing, whatever still arrives is of a room that the page has left. */
  #whileOpen(tell: () => void): void {
    if (!this.#closing.signal.aborted) tell()
  }

  #onClose(close: () => unknown): void {
    if (this.#closing.signal.aborted) close()
    else this.#toClose.push(close)
  }
}

export type VisitEvents = Pick<StayEvents, 'change' | 'said' | 'missed'>

interface Entry {
  readonly role: 'host' | 'joiner'
  readonly memberName: string
  readonly roomId?: string | undefined
  readonly token?: Keepsake['token'] | undefined
}

/** More than the room has places, so that who finds it full hears so from its host. */
const MAX_PEERS = 16
