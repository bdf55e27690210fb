import { renderSVG } from 'uqr'
import { byId, setText } from './dom.ts'

/** The link to hand over: to copy, or to scan from the screen. */
export class InviteView {
  readonly #section: HTMLElement = byId('invite')
  readonly #link: HTMLInputElement = byId('invite-link', HTMLInputElement)
  readonly #copy: HTMLButtonElement = byId('copy', HTMLButtonElement)
  readonly #qr: HTMLElement = byId('qr')
  #shown: string | null = null

  constructor() {
    this.#copy.addEventListener('click', () => void this.#copyLink())
    this.#link.addEventListener('focus', () => this.#link.select())
  }

  draw(invite: string | null): void {
    this.#section.hidden = invite === null
    if (invite === null || invite === this.#shown) return
    this.#shown = invite
    this.#link.value = invite
    this.#qr.replaceChildren(qrCode(invite))
    setText(this.#copy, 'Copy')
  }

  /** Where the page may not write to the clipboard, the link is selected for the person to copy. */
  async #copyLink(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#link.value)
      setText(this.#copy, 'Copied')
    } catch {
      this.#link.focus()
      this.#link.select()
      setText(this.#copy, 'Press Ctrl+C')
    }
  }
}

/** Dark on white in either theme: cameras read it so. Parsed as XML, so that nothing in it can run. */
function qrCode(text: string): Node {
  const parsed = new DOMParser().parseFromString(renderSVG(text, { border: 1 }), 'image/svg+xml')
  return document.importNode(parsed.documentElement, true)
}
