import { type GameSession, gameHost, gameJoin, json, type Seam, systemClock, TurnSequencer } from 'selvage'
import { openPlace, type Place } from 'selvage/indexeddb'
import type { SignalTag } from 'selvage/webrtc'
import { Attendance } from './attendance.ts'
import { MAX_MESSAGE, type Message } from './chat-view.ts'
import { type Facts, failureOf, isPassing } from './facts.ts'
import { type DemoLoom, loomOf, LOST_AFTER_MS } from './fabric.ts'
import { founderNote, placeNameOf } from './invitation.ts'
import { LinkWatch, noLink } from './link-watch.ts'
import { moveSchema } from './move-schema.ts'
import type { Settings } from './settings.ts'
import { markOfSeat, type Move, newGame, play } from './tic-tac-toe.ts'

/**
 * One player at one table: everything the library does for the page, in the order in which it happens.
 * A place in this browser (who I am, and the log), a seam to the other player, a game agreed over it, and
 * two channels beside the game. Each change is told as facts; the page draws them.
 */
export class Table {
  readonly #events: TableEvents
  readonly #invitation: SignalTag
  readonly #settings: Settings
  readonly #closing = new AbortController()
  readonly #toClose: (() => unknown)[] = []
  readonly #turns: { readonly move: Move; readonly proposer: string }[] = []
  #seated: Seated | null = null

  constructor(invitation: SignalTag, settings: Settings, events: TableEvents) {
    this.#invitation = invitation
    this.#settings = settings
    this.#events = events
  }

  /** Resolves when seated. Whatever goes wrong, then or later, ends as the fact `failure` and a closed table. */
  async open(errand: 'create' | 'open'): Promise<void> {
    try {
      await this.#takeSeat(errand)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Puts our mark; the board shows it as agreed when it is. */
  mark(cell: number, round: number): void {
    this.#tell({ pending: cell })
    this.#propose({ kind: 'mark', round, cell })
  }

  nextRound(round: number): void {
    this.#tell({ asked: true })
    this.#propose({ kind: 'next', round })
  }

  say(text: string): void {
    const { chat, friend } = this.#seated ?? {}
    if (chat === undefined) return
    const sent = chat.sendTo(friend ?? '', new TextEncoder().encode(text))
    this.#events.message({ from: 'me', text, sent })
  }

  /** Gives place and connection back. The seat and the log stay. */
  close(): void {
    this.#closing.abort()
    for (const close of this.#toClose.splice(0).reverse()) close()
  }

  async #takeSeat(errand: 'create' | 'open'): Promise<void> {
    const { signal } = this.#closing
    this.#tell({ stage: 'opening' })
    const name = await placeNameOf(this.#invitation)
    const place = await openPlace(name, { signal })
    this.#onClose(() => place.close())
    this.#onClose(place.persistence.subscribe((storage) => this.#tell({ storage })))
    const founds = foundsHere(errand, name, place)
    const returns = errand === 'open' && (founds || ((await place.storage.load())?.entries.length ?? 0) > 0)
    this.#tell({
      stage: 'reaching',
      errand: errand === 'create' ? 'create' : returns ? 'return' : 'join',
      ...(founds ? { mine: markOfSeat(0), seatsTaken: 1 } : {}),
    })
    const seam = await this.#weave(place, founds || returns)
    const options = { storage: place.storage, raftConfig: RAFT_TIMING, signal }
    const session = founds
      ? await gameHost(seam, { ...options, peerCount: 2 })
      : await gameJoin(seam, { ...options, joinAdmissionTimeoutMs: 20_000 })
    this.#onClose(() => session.close())
    this.#sitDown(session, seam)
  }

  /** Who founded the table, or has played at it, opens it even where nobody is there yet; others look for it. */
  async #weave(place: Place, reopens: boolean): Promise<Seam> {
    const { signal } = this.#closing
    const loom = await loomOf('selvage tic-tac-toe', this.#settings, place.peerIdentity)
    const seam = reopens
      ? await loom.reopen(this.#invitation, { signal })
      : await loom.join(this.#invitation, { signal })
    this.#onClose(() => seam.close())
    this.#tell({ stage: 'entering' })
    this.#followWiring(loom, seam)
    this.#onClose(
      seam.state.subscribe((state) => {
        if (state.kind === 'torn')
          this.#fail(state.reason.kind === 'error' ? state.reason.cause : { code: 'SeamTornError' })
      }),
    )
    return seam
  }

  /** Who is reached, and how. While a link is interrupted its seconds are counted. */
  #followWiring(loom: DemoLoom, seam: Seam): void {
    const watch = new LinkWatch(LOST_AFTER_MS)
    let isCounting = false
    const show = (): void => {
      const links = watch.of(loom.links(seam).get(), systemClock.now())
      const { friend } = this.#seated ?? {}
      const link = (friend == null ? [...links.values()][0] : links.get(friend)) ?? noLink
      isCounting = link.interruption !== null
      this.#tell({ link })
    }
    const counting = setInterval(() => isCounting && show(), 500)
    this.#onClose(() => clearInterval(counting))
    this.#onClose(loom.links(seam).subscribe(show))
    this.#onClose(loom.servers(seam).subscribe((servers) => this.#tell({ servers })))
    this.#onClose(
      loom.signalling(seam).subscribe((status) => {
        this.#tell({ signalling: status.kind, server: status.kind === 'attached' ? status.url : null })
      }),
    )
  }

  #sitDown(session: GameSession, seam: Seam): void {
    const seated: Seated = {
      session,
      sequencer: new TurnSequencer(session.node, json<Move>(moveSchema)),
      chat: session.appChannel('chat'),
      friend: null,
    }
    this.#seated = seated
    const attendance = new Attendance(session.appChannel('attendance'), () =>
      this.#tell({ friend: this.#friend(seam, attendance) }),
    )
    this.#onClose(() => attendance.close())
    this.#onClose(
      session.seats.subscribe((seats) => {
        const mine = seats.find((seat) => seat.peer === seam.selfId)
        seated.friend = seats.find((seat) => seat.peer !== null && seat.peer !== seam.selfId)?.peer ?? null
        this.#tell({
          mine: mine === undefined ? null : markOfSeat(mine.number),
          seatsTaken: seats.filter((seat) => seat.peer !== null).length,
          friend: this.#friend(seam, attendance),
          game: this.#foldTurns(),
        })
      }),
    )
    this.#onClose(session.node.leader.subscribe((leader) => this.#tell({ settled: leader !== null })))
    this.#tell({ stage: 'seated' })
    void this.#followTurns(seated)
    void this.#followChat(seated)
  }

  #friend(seam: Seam, attendance: Attendance): Facts['friend'] {
    const friend = this.#seated?.friend ?? null
    if (friend === null) return 'awaited'
    if (!seam.peers.get().has(friend)) return 'gone'
    return attendance.isAway(friend) ? 'away' : 'here'
  }

  async #followTurns({ sequencer, session }: Seated): Promise<void> {
    for await (const event of sequencer.events) {
      if (event.kind !== 'committed') continue
      const { action, proposer } = event.indexed
      this.#turns.push({ move: action, proposer })
      this.#tell({ game: this.#foldTurns(), ...(proposer === session.node.id ? SETTLED : {}) })
    }
    this.#fail(session.node.failure.get() ?? { code: 'ClosedError' })
  }

  /** From the first turn on: the seats, which say whose mark a turn is, may become known after it. */
  #foldTurns(): Facts['game'] {
    const seats = this.#seated?.session.seats.get() ?? []
    return this.#turns.reduce((game, { move, proposer }) => {
      const seat = seats.find(({ peer }) => peer === proposer)
      return seat === undefined ? game : play(game, move, markOfSeat(seat.number))
    }, newGame)
  }

  /** Waits for the friend where it has to; a mark that is lost is taken back, and can be made again. */
  #propose(move: Move): void {
    const { signal } = this.#closing
    this.#seated?.sequencer.propose(move, { signal }).catch((error: unknown) => {
      if (isPassing(error)) this.#tell(SETTLED)
      else this.#fail(error)
    })
  }

  async #followChat(seated: Seated): Promise<void> {
    for await (const { sender, payload } of seated.chat.incoming) {
      if (sender !== seated.friend) continue
      const text = new TextDecoder().decode(payload).slice(0, MAX_MESSAGE).trim()
      if (text !== '') this.#events.message({ from: 'friend', text, sent: Promise.resolve() })
    }
  }

  /** Once closing, whatever still arrives is of a table that the page has left. */
  #tell(facts: Partial<Facts>): void {
    if (!this.#closing.signal.aborted) this.#events.change(facts)
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return
    const failure = failureOf(error)
    if (failure === 'unknown') console.error(error)
    this.#tell({ stage: 'failed', failure, signalling: 'none', server: null })
    this.close()
  }

  #onClose(close: () => unknown): void {
    if (this.#closing.signal.aborted) close()
    else this.#toClose.push(close)
  }
}

export interface TableEvents {
  change(facts: Partial<Facts>): void
  message(message: Message): void
}

interface Seated {
  readonly session: GameSession
  readonly sequencer: TurnSequencer<Move>
  readonly chat: Seam
  /** The other player, once the seat is taken. */
  friend: string | null
}

/** Nothing of ours is under way. */
const SETTLED: Partial<Facts> = { pending: null, asked: false }

/**
 * Where a hidden tab has no worker to keep time, its timers ring once a second: heartbeats come late by that much, and
 * half a second more on the way, without an election. Longer is what a reload waits for.
 */
const RAFT_TIMING = { heartbeatIntervalMs: 250, electionTimeoutMinMs: 1500, electionTimeoutMaxMs: 2500 }

function foundsHere(errand: 'create' | 'open', name: string, place: Place): boolean {
  if (errand === 'create') founderNote.write(name, place.number)
  else if (place.status.kind !== 'stored') return false
  return errand === 'create' || founderNote.holds(name, place.number)
}
