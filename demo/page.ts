import { BoardView } from './board-view.ts'
import { ChatView, type Message } from './chat-view.ts'
import { byId, make, setText } from './dom.ts'
import { type Facts, initialFacts, isMyTurn } from './facts.ts'
import { InviteView } from './invite-view.ts'
import { openOverWebRtc } from './keep-settings.ts'
import { embroider } from './stitches.ts'
import { type Mark, newGame, otherMark, play } from './tic-tac-toe.ts'
import { WiringView } from './wiring-view.ts'
import {
  ACTION_LABELS,
  announcementOf,
  connectionOf,
  countdownOf,
  friendOf,
  headlineOf,
  lookingOf,
  nextRoundOf,
  type NoticeAction,
  noticeOf,
  storageNoteOf,
  tallyOf,
  wiringOf,
} from './words.ts'

export interface PageActions {
  create(): void
  retry(): void
  mark(cell: number): void
  nextRound(): void
  say(text: string): void
}

/** The whole page, drawn anew from the facts at every change. What it shows is also told by `<html data-…>`. */
export class Page {
  readonly #actions: PageActions
  readonly #board: BoardView
  readonly #invite: InviteView = new InviteView('Keep this tab open; a reload is fine, your seat is kept.')
  readonly #chat: ChatView
  readonly #wiring: WiringView = new WiringView()
  #facts: Facts = initialFacts

  constructor(actions: PageActions) {
    this.#actions = actions
    this.#board = new BoardView(byId('board'), (cell) => actions.mark(cell))
    this.#chat = new ChatView((text) => actions.say(text))
    byId('create').addEventListener('click', () => actions.create())
    byId('next-round').addEventListener('click', () => actions.nextRound())
    drawSample(byId('sample'), [4, 0, 2, 6, 3])
    drawSample(byId('cut-cloth'), [])
  }

  draw(facts: Facts): void {
    const before = this.#facts
    const focused = document.activeElement
    this.#facts = facts
    drawRoot(facts)
    byId('lobby').hidden = facts.stage !== 'lobby'
    byId('table').hidden = facts.stage === 'lobby' || facts.stage === 'failed'
    this.#drawNotice(before, facts)
    this.#drawState(facts)
    drawPlayers(facts)
    this.#board.draw(facts)
    this.#invite.draw(facts.mine !== null && facts.seatsTaken === 1 ? facts.invite : null)
    this.#drawWiring(facts)
    this.#chat.show(facts.stage === 'seated' && facts.seatsTaken === 2)
    const announcement = announcementOf(before, facts)
    if (announcement !== '' || before.stage !== facts.stage) setText(byId('announcer'), announcement)
    if (focused?.closest('[hidden]') != null || focused?.isConnected === false) this.#refocus(facts)
  }

  /** What had the focus is gone: it goes to what is to be done next, not back to the top of the page. */
  #refocus(facts: Facts): void {
    if (facts.stage === 'failed') byId('notice').focus()
    else if (facts.seatsTaken === 2) this.#board.focus()
    else byId('headline').focus()
  }

  addMessage(message: Message): void {
    this.#chat.add(message)
  }

  clearMessages(): void {
    this.#chat.clear()
  }

  #drawState(facts: Facts): void {
    setText(byId('headline'), headlineOf(facts))
    const { state, text } = connectionOf(facts)
    setText(byId('connection'), text)
    setText(byId('countdown'), state === 'interrupted' ? countdownOf(facts) : '')
    show(byId('storage-note'), storageNoteOf(facts))
    show(byId('tally'), tallyOf(facts))
    show(byId('next-round'), nextRoundOf(facts))
    byId('next-round').setAttribute('aria-disabled', String(facts.asked))
  }

  #drawWiring(facts: Facts): void {
    byId('wiring').hidden = facts.stage !== 'entering' && facts.stage !== 'seated'
    show(byId('friend-link'), wiringOf(facts))
    this.#wiring.draw(facts.servers, facts.fabric)
  }

  #drawNotice(before: Facts, facts: Facts): void {
    const notice = facts.failure === null ? null : noticeOf(facts.failure)
    const section = byId('notice')
    section.hidden = notice === null
    show(byId('looking'), notice === null ? null : lookingOf(facts))
    if (notice === null || before.failure === facts.failure) return
    setText(byId('notice-title'), notice.title)
    setText(byId('notice-text'), notice.text)
    byId('notice-actions').replaceChildren(
      ...notice.actions.map((action, index) => this.#noticeButton(action, index === 0)),
    )
    section.focus()
  }

  #noticeButton(action: NoticeAction, first: boolean): HTMLElement {
    const look = first ? 'button primary' : 'button'
    const button = make('button', { type: 'button', class: look }, ACTION_LABELS[action])
    button.addEventListener('click', () => {
      if (action === 'retry') this.#actions.retry()
      else if (action === 'new') this.#actions.create()
      else openOverWebRtc()
    })
    return button
  }
}

/** For stylesheets, and for tests that wait for a state rather than for a time. */
function drawRoot(facts: Facts): void {
  const { dataset } = document.documentElement
  dataset['stage'] = facts.stage
  dataset['connection'] = connectionOf(facts).state
  dataset['fabric'] = facts.fabric
  dataset['signalling'] = facts.signalling
  dataset['server'] = facts.server ?? ''
  dataset['friend'] = facts.friend
  dataset['link'] = facts.link.state
  dataset['storage'] = facts.storage ?? ''
  dataset['seat'] = facts.stage === 'seated' ? (facts.mine ?? '') : ''
  dataset['turn'] = isMyTurn(facts) ? 'mine' : facts.game.result.kind === 'open' ? 'theirs' : 'none'
  dataset['result'] = facts.game.result.kind
  dataset['round'] = String(facts.game.round)
  dataset['failure'] = facts.failure ?? ''
  dataset['looking'] = typeof facts.looking === 'number' ? 'soon' : (facts.looking ?? '')
  const title = facts.stage === 'failed' && facts.failure !== null ? noticeOf(facts.failure).title : headlineOf(facts)
  document.title = facts.stage === 'lobby' ? 'Tic-tac-toe · selvage' : `${title} · Tic-tac-toe`
}

function drawPlayers(facts: Facts): void {
  const { mine, game } = facts
  const open = facts.stage === 'seated' && facts.seatsTaken === 2 && game.result.kind === 'open'
  drawPlayer(byId('me'), 'You', 'here', mine, open && game.turn === mine)
  drawPlayer(
    byId('friend'),
    'Friend',
    friendOf(facts),
    mine === null ? null : otherMark(mine),
    open && game.turn !== mine,
  )
}

function drawPlayer(item: HTMLElement, name: string, how: string, mark: Mark | null, current: boolean): void {
  const drawing = `${name} ${how} ${mark ?? ''}`
  item.setAttribute('aria-current', String(current))
  if (item.dataset['drawing'] === drawing) return
  item.dataset['drawing'] = drawing
  const text = make('span', {}, make('span', { class: 'name' }, name), make('span', { class: 'how' }, how))
  if (mark === null) {
    item.replaceChildren(text)
    return
  }
  const sign = make('span', { class: 'sign', role: 'img', 'aria-label': `plays ${mark}` })
  sign.append(embroider(mark))
  item.replaceChildren(sign, text)
}

/** A board to look at: in mid-game for the lobby, bare beside a notice. */
function drawSample(place: HTMLElement, cells: readonly number[]): void {
  const cloth = make('div', { class: 'cloth' })
  const sample = new BoardView(cloth, () => {})
  const game = cells.reduce((before, cell) => play(before, { kind: 'mark', round: 0, cell }, before.turn), newGame)
  sample.draw({ ...initialFacts, game })
  for (const button of cloth.querySelectorAll('button')) button.disabled = true
  const thread = make(
    'div',
    { class: 'arch' },
    make('span', { class: 'half mine' }),
    make('span', { class: 'half theirs' }),
  )
  place.append(thread, cloth)
}

function show(element: HTMLElement, text: string | null): void {
  element.hidden = text === null
  setText(element, text ?? '')
}
