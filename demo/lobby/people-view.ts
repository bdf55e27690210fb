import { make, setText } from '../dom.ts'
import type { Facts, Person } from './facts.ts'
import { presenceOf } from './words.ts'

/** Who is in the room: a woven label for each, oneself first. A label stays the same element for as long as its person does. */
export class PeopleView {
  readonly #list: HTMLElement
  readonly #onKick: (peer: string) => void
  readonly #labels: Map<string, Label> = new Map()

  constructor(list: HTMLElement, onKick: (peer: string) => void) {
    this.#list = list
    this.#onKick = onKick
  }

  draw({ name, isHost, people, stage }: Facts): void {
    const me: Person = { id: 'me', name, isHost, presence: 'here', wentAway: false, heldForS: null }
    const shown = stage === 'inside' ? [me, ...people] : []
    for (const [id, label] of this.#labels) {
      if (shown.some((person) => person.id === id)) continue
      label.item.remove()
      this.#labels.delete(id)
    }
    for (const person of shown) this.#drawLabel(person, isHost)
  }

  #drawLabel(person: Person, byHost: boolean): void {
    const { id, name } = person
    const label = this.#labels.get(id) ?? this.#add(id)
    label.item.dataset['presence'] = person.presence
    label.item.dataset['name'] = name
    setText(label.name, name)
    setText(label.how, id === 'me' ? 'you' : presenceOf(person))
    label.badge.hidden = !person.isHost
    label.out.hidden = !byHost || id === 'me'
    label.out.setAttribute('aria-label', `Send ${name} out`)
  }

  #add(id: string): Label {
    // Of its own direction, so that nothing in it can turn the words around it.
    const name = make('span', { class: 'name', dir: 'auto' })
    const how = make('span', { class: 'how' })
    const badge = make('span', { class: 'badge' }, 'host')
    const out = make('button', { class: 'out', type: 'button' }, 'Send out')
    out.addEventListener('click', () => this.#onKick(id))
    const item = make('li', { class: 'label' }, make('span', { class: 'woven' }, name, badge), how, out)
    this.#list.append(item)
    const label = { item, name, how, badge, out }
    this.#labels.set(id, label)
    return label
  }
}

interface Label {
  readonly item: HTMLElement
  readonly name: HTMLElement
  readonly how: HTMLElement
  readonly badge: HTMLElement
  readonly out: HTMLElement
}
