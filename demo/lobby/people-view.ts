import { make, setText } from '../dom.ts'
import type { Facts, Person } from './facts.ts'
import { pathOf, presenceOf } from './words.ts'
import { noLink } from '../link-watch.ts'

/** Who is in the room: a woven label for each, oneself first. A label stays the same element for as long as its person does. */
export class PeopleView {
  readonly #list: HTMLElement
  readonly #onKick: (peer: string) => void
  readonly #labels: Map<string, Label> = new Map()

  constructor(list: HTMLElement, onKick: (peer: string) => void) {
    this.#list = list
    this.#onKick = onKick
  }

  draw(facts: Facts): void {
    const { name, isHost, people, stage } = facts
    const me: Person = { id: 'me', name, isHost, presence: 'here', wentAway: false, link: noLink, heldForS: null }
    const shown = stage === 'inside' ? [me, ...people] : []
    for (const [id, label] of this.#labels) {
      if (shown.some((person) => person.id === id)) continue
      label.item.remove()
      this.#labels.delete(id)
    }
    for (const person of shown) this.#drawLabel(person, facts)
  }

  #drawLabel(person: Person, facts: Facts): void {
    const { id, name } = person
    const label = this.#labels.get(id) ?? this.#add(id)
    label.item.dataset['presence'] = person.presence
    label.item.dataset['name'] = name
    label.item.dataset['link'] = person.link.state
    setText(label.name, name)
    setText(label.how, id === 'me' ? 'you' : presenceOf(person))
    setText(label.path, pathOf(person, facts))
    label.badge.hidden = !person.isHost
    label.out.hidden = !facts.isHost || id === 'me'
    label.out.setAttribute('aria-label', `Send ${name} out`)
  }

  #add(id: string): Label {
    // Of its own direction, so that nothing in it can turn the words around it.
    const name = make('span', { class: 'name', dir: 'auto' })
    const how = make('span', { class: 'how' })
    const path = make('span', { class: 'path' })
    const badge = make('span', { class: 'badge' }, 'host')
    const out = make('button', { class: 'out', type: 'button' }, 'Send out')
    out.addEventListener('click', () => this.#onKick(id))
    const item = make('li', { class: 'label' }, make('span', { class: 'woven' }, name, badge), how, out, path)
    this.#list.append(item)
    const label = { item, name, how, path, badge, out }
    this.#labels.set(id, label)
    return label
  }
}

interface Label {
  readonly item: HTMLElement
  readonly name: HTMLElement
  readonly how: HTMLElement
  readonly path: HTMLElement
  readonly badge: HTMLElement
  readonly out: HTMLElement
}
