import { byId, make, setText } from '../dom.ts'
import { InviteView } from '../invite-view.ts'
import { openOverWebRtc } from '../keep-settings.ts'
import { WiringView } from '../wiring-view.ts'
import type { SaidMessage } from './chat.ts'
import { ChatView } from './chat-view.ts'
import { type Facts, initialFacts } from './facts.ts'
import { PeopleView } from './people-view.ts'
import {
  ACTION_LABELS,
  headingOf,
  lockNoteOf,
  lookingOf,
  type NoticeAction,
  noticeOf,
  sentenceOf,
  storageNoteOf,
} from './words.ts'

export interface PageActions {
  enter(name: string): void
  again(): void
  open(): void
  say(text: string): void
  kick(peer: string): void
  lock(locked: boolean): void
  leave(): void
}

/** The whole page, drawn anew from the facts at every change. What it shows is also told by `<html data-…>`. */
export class Page {
  readonly #actions: PageActions
  readonly #name: HTMLInputElement = byId('name', HTMLInputElement)
  readonly #people: PeopleView
  readonly #invite: InviteView = new InviteView('Keep this tab open; a reload is fine, your place is kept.')
  readonly #chat: ChatView
  readonly #wiring: WiringView = new WiringView()
  #facts: Facts = initialFacts

  constructor(actions: PageActions) {
    this.#actions = actions
    this.#people = new PeopleView(byId('people'), (peer) => actions.kick(peer))
    this.#chat = new ChatView((text) => actions.say(text))
    byId('enter').addEventListener('submit', (event) => {
      event.preventDefault()
      const name = this.#name.value.trim()
      if (name !== '') actions.enter(name)
    })
    byId('lock').addEventListener('click', () => actions.lock(!this.#facts.isLocked))
    byId('leave').addEventListener('click', () => actions.leave())
  }

  draw(facts: Facts): void {
    const before = this.#facts
    const focused = document.activeElement
    this.#facts = facts
    drawRoot(facts)
    this.#drawDoor(before, facts)
    byId('room').hidden = facts.stage === 'door' || facts.stage === 'over'
    byId('inside').hidden = facts.stage !== 'inside'
    this.#drawNotice(before, facts)
    this.#drawState(facts)
    this.#people.draw(facts)
    this.#invite.draw(facts.stage === 'inside' && !facts.isLocked ? facts.invite : null)
    this.#chat.show(facts)
    this.#wiring.draw(facts.servers, facts.fabric)
    if (focused?.closest('[hidden]') != null || focused?.isConnected === false) this.#refocus(facts)
  }

  showSaid(said: readonly SaidMessage[]): void {
    this.#chat.showSaid(said)
  }

  showMissed(name: string): void {
    this.#chat.showMissed(name)
  }

  /** What had the focus is gone: it goes to what is to be done next, not back to the top of the page. */
  #refocus({ stage }: Facts): void {
    if (stage === 'over') byId('notice').focus()
    else if (stage === 'door') this.#name.focus()
    else byId('state').focus()
  }

  #drawDoor(before: Facts, facts: Facts): void {
    const isHere = facts.stage === 'door'
    byId('door').hidden = !isHere
    setText(byId('door-title'), facts.invited ? 'You are invited.' : 'A room, and nobody’s server.')
    setText(byId('enter-button'), facts.invited ? 'Come in' : 'Open a room')
    if (isHere && this.#name.value === '' && (before.name !== facts.name || before.stage !== 'door')) {
      this.#name.value = facts.name
    }
  }

  #drawState(facts: Facts): void {
    const { text, countdownS } = sentenceOf(facts)
    setText(byId('sentence'), text)
    setText(byId('countdown'), countdownS === null ? '' : ` ${countdownS}\u{a0}s`)
    setText(byId('heading'), headingOf(facts))
    show(byId('storage-note'), storageNoteOf(facts))
    show(byId('lock-note'), lockNoteOf(facts))
    const lock = byId('lock')
    lock.hidden = !facts.isHost
    setText(lock, facts.isLocked ? 'Unlock the room' : 'Lock the room')
  }

  #drawNotice(before: Facts, facts: Facts): void {
    const { over, errand } = facts
    const section = byId('notice')
    section.hidden = facts.stage !== 'over'
    show(byId('looking'), facts.stage === 'over' ? lookingOf(facts) : null)
    if (over === null || facts.stage !== 'over' || (before.over === over && before.stage === 'over')) return
    const { title, text, actions } = noticeOf(over, errand)
    setText(byId('notice-title'), title)
    setText(byId('notice-text'), text)
    byId('notice-actions').replaceChildren(...actions.map((action, index) => this.#noticeButton(action, index === 0)))
    section.focus()
  }

  #noticeButton(action: NoticeAction, first: boolean): HTMLElement {
    const look = first ? 'button primary' : 'button'
    const button = make('button', { type: 'button', class: look }, ACTION_LABELS[action])
    button.addEventListener('click', () => {
      if (action === 'open') this.#actions.open()
      else if (action === 'webrtc') openOverWebRtc()
      else if (action !== 'new') this.#actions.again()
      else location.assign(location.pathname + location.search)
    })
    return button
  }
}

/** For stylesheets, and for tests that wait for a state rather than for a time. */
function drawRoot(facts: Facts): void {
  const { dataset } = document.documentElement
  const { state, text } = sentenceOf(facts)
  dataset['stage'] = facts.stage
  dataset['state'] = state
  dataset['fabric'] = facts.fabric
  dataset['over'] = facts.stage === 'over' ? (facts.over ?? '') : ''
  dataset['role'] = facts.stage === 'inside' ? (facts.isHost ? 'host' : 'joiner') : ''
  dataset['looking'] = typeof facts.looking === 'number' ? 'soon' : (facts.looking ?? '')
  const title = facts.stage === 'over' && facts.over !== null ? noticeOf(facts.over, facts.errand).title : text
  document.title = title === '' ? 'Lobby · selvage' : `${title} · Lobby`
}

function show(element: HTMLElement, text: string | null): void {
  element.hidden = text === null
  setText(element, text ?? '')
}
