import type { Seam } from 'selvage'

/** One message as a member's page knows it. */
export interface SaidMessage {
  /** The member's id. */
  readonly from: string
  readonly name: string
  readonly isMine: boolean
  /** Rises from each message of a sender to the next, also where its browser has forgotten the earlier ones. */
  readonly number: number
  readonly text: string
  /** Of one's own: who was a member then, and who of them has said that it came. */
  readonly to: readonly Addressee[]
  /** Ids. */
  readonly got: readonly string[]
}

export interface Addressee {
  readonly id: string
  readonly name: string
}

/** Longest message, characters; longer ones from others are cut. */
export const MAX_TEXT = 500
/** Messages kept; the oldest go first. */
export const MAX_SAID = 200

type Frame =
  | { readonly kind: 'say'; readonly number: number; readonly text: string }
  | { readonly kind: 'got'; readonly number: number }

/**
 * What the members say, over a kept channel of the room. The channel carries each message to who is away once it is back;
 * the chat adds what a channel cannot know: an answer for each message, so that the page can show who has it, and its
 * own memory, so that a reloaded page says again what its former self could not hand over.
 */
export class Chat {
  readonly #channel: Seam
  readonly #nameOf: (peer: string) => string
  readonly #onChange: (said: readonly SaidMessage[]) => void
  readonly #stopListening: () => void
  #said: readonly SaidMessage[]
  /** By message of our own: members that it has not been sent to. */
  readonly #unsent: Map<number, Set<string>> = new Map()

  /** `said`: as `onChange` told it to a former page of this member. `channel` becomes this object's to close. */
  constructor(
    channel: Seam,
    said: readonly SaidMessage[],
    nameOf: (peer: string) => string,
    onChange: (said: readonly SaidMessage[]) => void,
  ) {
    this.#channel = channel
    this.#said = said
    this.#nameOf = nameOf
    this.#onChange = onChange
    for (const { isMine, number, to, got } of said) {
      if (isMine) this.#unsent.set(number, new Set(idsOf(to).filter((id) => !got.includes(id))))
    }
    this.#stopListening = channel.peers.subscribe(() => this.#sendUnsent())
    void this.#read()
  }

  /** `to`: the members, those away included. */
  say(text: string, to: readonly Addressee[]): void {
    const { selfId } = this.#channel
    const number = Math.max(Date.now(), 1 + this.#highestOf(selfId))
    this.#unsent.set(number, new Set(idsOf(to)))
    this.#add({ from: selfId, isMine: true, number, text, to, got: [] })
    this.#sendUnsent()
  }

  close(): void {
    this.#stopListening()
    void this.#channel.close()
  }

  #sendUnsent(): void {
    const listed = this.#channel.peers.get()
    for (const { isMine, number, text } of this.#said) {
      const unsent = isMine ? this.#unsent.get(number) : undefined
      for (const peer of unsent ?? []) {
        if (!listed.has(peer)) continue
        unsent?.delete(peer)
        this.#send(peer, { kind: 'say', number, text }, () => unsent?.add(peer))
      }
    }
  }

  async #read(): Promise<void> {
    for await (const { sender, payload } of this.#channel.incoming) {
      const frame = decode(payload)
      if (frame?.kind === 'say') this.#onSay(sender, frame.number, frame.text)
      else if (frame?.kind === 'got') this.#onGot(sender, frame.number)
    }
  }

  #onSay(from: string, number: number, text: string): void {
    this.#send(from, { kind: 'got', number })
    // Said again by a page that did not know it had come.
    if (number <= this.#highestOf(from)) return
    this.#add({ from, isMine: false, number, text: text.trim(), to: [], got: [] })
  }

  #onGot(by: string, number: number): void {
    this.#change(
      this.#said.map((message) => {
        const isIt = message.isMine && message.number === number && !message.got.includes(by)
        return isIt ? { ...message, got: [...message.got, by] } : message
      }),
    )
  }

  #add(said: Omit<SaidMessage, 'name'>): void {
    const message = { ...said, name: this.#nameOf(said.from), text: said.text.slice(0, MAX_TEXT) }
    this.#change([...this.#said, message].slice(-MAX_SAID))
  }

  #change(said: readonly SaidMessage[]): void {
    this.#said = said
    this.#onChange(said)
  }

  #highestOf(from: string): number {
    return this.#said.reduce((highest, said) => (said.from === from ? Math.max(highest, said.number) : highest), 0)
  }

  #send(peer: string, frame: Frame, onLost: () => void = () => {}): void {
    this.#channel.sendTo(peer, new TextEncoder().encode(JSON.stringify(frame))).catch(onLost)
  }
}

function idsOf(addressees: readonly Addressee[]): string[] {
  return addressees.map(({ id }) => id)
}

/** `null` for anything that is no frame of a chat. */
function decode(payload: Uint8Array): Frame | null {
  try {
    const { kind, number, text } = Object(JSON.parse(new TextDecoder().decode(payload))) as Record<string, unknown>
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) return null
    if (kind === 'got') return { kind, number }
    return kind === 'say' && typeof text === 'string' ? { kind, number, text } : null
  } catch {
    return null
  }
}
