import { byId, make, setText } from '../dom.ts'
import type { SaidMessage } from './chat.ts'
import { type Facts, initialFacts } from './facts.ts'
import { deliveryOf, missedOf } from './words.ts'

/** What was said, and under each message of one's own who has still to get it. */
export class ChatView {
  readonly #section: HTMLElement = byId('chat')
  readonly #list: HTMLElement = byId('messages')
  readonly #lines: Map<string, Line> = new Map()
  #said: readonly SaidMessage[] = []
  #facts: Facts = initialFacts

  constructor(onSay: (text: string) => void) {
    const form = byId('say', HTMLFormElement)
    const words = byId('words', HTMLInputElement)
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const text = words.value.trim()
      if (text === '') return
      words.value = ''
      onSay(text)
    })
  }

  show(facts: Facts): void {
    this.#facts = facts
    this.#section.hidden = facts.stage !== 'inside'
    for (const message of this.#said) this.#drawDelivery(message)
  }

  /** All that is known to have been said, oldest first. */
  showSaid(said: readonly SaidMessage[]): void {
    this.#said = said
    const keys = new Set(said.map(keyOf))
    for (const [key, { item }] of this.#lines) {
      if (keys.has(key)) continue
      item.remove()
      this.#lines.delete(key)
    }
    for (const message of said) {
      if (!this.#lines.has(keyOf(message))) this.#add(message)
      this.#drawDelivery(message)
    }
  }

  showMissed(name: string): void {
    this.#list.append(make('div', { class: 'message missed' }, missedOf(name)))
    this.#list.scrollTop = this.#list.scrollHeight
  }

  #add(message: SaidMessage): void {
    const { isMine } = message
    const delivery = make('span', { class: 'delivery' })
    const text = make('span', { class: 'text', dir: 'auto' }, message.text)
    const who = make('span', { class: 'who', dir: 'auto' }, isMine ? 'You' : message.name)
    const item = make(
      'div',
      { class: 'message', 'data-from': isMine ? 'me' : message.name },
      who,
      make('span', {}, text, delivery),
    )
    this.#lines.set(keyOf(message), { item, delivery })
    this.#list.append(item)
    this.#list.scrollTop = this.#list.scrollHeight
  }

  #drawDelivery(message: SaidMessage): void {
    const line = this.#lines.get(keyOf(message))
    if (line === undefined) return
    const missing = message.to.filter(({ id }) => !message.got.includes(id))
    const { people } = this.#facts
    const waiting = missing.filter(({ id }) => people.some((person) => person.id === id && person.heldForS !== null))
    const without = missing.filter(({ id }) => !people.some((person) => person.id === id))
    const namesOf = (addressees: typeof missing): string[] => addressees.map(({ name }) => name)
    setText(line.delivery, deliveryOf(namesOf(waiting), namesOf(without)))
    line.item.dataset['waits'] = String(missing.length - without.length)
  }
}

interface Line {
  readonly item: HTMLElement
  readonly delivery: HTMLElement
}

function keyOf({ from, number }: SaidMessage): string {
  return `${from} ${number}`
}
