import { renderSVG } from 'uqr'
import { byId, setText } from './dom.ts'

/** The link to hand over: to copy, or to scan from the screen. */
export class InviteView {
  readonly #section: HTMLElement = byId('invite')
  readonly #link: HTMLInputElement = byId('invite-link', HTMLInputElement)
  readonly #copy: HTMLButtonElement = byId('copy', HTMLButtonElement)
  readonly #qr: HTMLElement = byId('qr')
  readonly #note: string
  #shown: string | null = null

  /** `note`: a sentence to go under the link. */
  constructor(note: string) {
    this.#note = note
    this.#copy.addEventListener('click', () => void this.#copyLink())
    this.#link.addEventListener('focus', () => this.#link.select())
  }

  draw(invite: string | null): void {
    this.#section.hidden = invite === null
    if (invite === null || invite === this.#shown) return
    this.#shown = invite
    this.#link.value = invite
    this.#drawQr(invite)
    setText(this.#copy, 'Copy')
  }

  /** Where the page may not write to the clipboard, the link is selected for the person to copy. */
  async #copyLink(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#link.value)
      setText(this.#copy, 'Copied')
      setText(byId('announcer'), 'The link is copied.')
    } catch {
      this.#link.focus()
      this.#link.select()
      setText(this.#copy, 'Copy by hand')
      setText(byId('announcer'), 'This browser does not let the page copy. The link is selected: copy it by hand.')
    }
  }

  /** An address may be longer than a QR code can hold: then there is none. */
  #drawQr(invite: string): void {
    const code = qrCode(invite)
    this.#qr.hidden = code === null
    this.#qr.replaceChildren(...(code === null ? [] : [code]))
    setText(byId('scan-note'), `${code === null ? '' : 'Or let them scan it. '}${this.#note}`)
  }
}

/** Longest text drawn, bytes. A finer code could hold more, but no camera would read it from a screen. */
const MAX_QR_BYTES = 700

/** Dark on white in either theme: cameras read it so. Parsed as XML, so that nothing in it can run. */
function qrCode(text: string): Node | null {
  if (new TextEncoder().encode(text).length > MAX_QR_BYTES) return null
  const parsed = new DOMParser().parseFromString(renderSVG(text, { border: 1 }), 'image/svg+xml')
  return document.importNode(parsed.documentElement, true)
}
