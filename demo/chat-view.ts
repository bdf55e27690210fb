import { byId, make, setText } from './dom.ts'

export interface Message {
  readonly from: 'me' | 'friend'
  readonly text: string
  /** Rejects where nobody was there to receive it. */
  readonly sent: Promise<void>
}

/** Longest message, characters; longer ones from a friend are cut. */
export const MAX_MESSAGE = 500
/** Messages kept on the page; the oldest go first. */
export const MAX_MESSAGES = 200

/** What the two say to each other. It is not part of the game: nobody keeps it, and a reload forgets it. */
export class ChatView {
  readonly #list: HTMLElement = byId('messages')
  readonly #section: HTMLElement = byId('chat')

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

  show(open: boolean): void {
    this.#section.hidden = !open
  }

  clear(): void {
    this.#list.replaceChildren()
  }

  add(message: Message): void {
    const who = message.from === 'me' ? 'You' : 'Friend'
    const undelivered = make('span', { class: 'undelivered' })
    // Of its own direction, so that nothing in it can turn the words around it.
    const text = make('span', { class: 'text', dir: 'auto' }, message.text.slice(0, MAX_MESSAGE))
    this.#list.append(
      make(
        'div',
        { class: 'message', 'data-from': message.from },
        make('span', { class: 'who' }, who),
        make('span', {}, text, undelivered),
      ),
    )
    message.sent.catch(() => setText(undelivered, 'Not delivered: your friend is not here.'))
    while (this.#list.childElementCount > MAX_MESSAGES) this.#list.firstElementChild?.remove()
    this.#list.scrollTop = this.#list.scrollHeight
  }
}
