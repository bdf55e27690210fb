import type { Clock } from '../../base/clock.ts'
import { PayloadTooLargeError } from '../../base/errors.ts'
import type { Delivery } from '../../seam/contract.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import { encodeIntroduction, type Introduction } from '../link/introduction-frames.ts'
import { Introductions, type IntroductionGate, type IntroductionInput } from './introductions.ts'

/** Carries out what {@link Introductions} decide: over the links of one weave, and its presence. */
export class Introducer {
  readonly #options: IntroducerOptions
  readonly #introductions: Introductions

  constructor(options: IntroducerOptions) {
    this.#options = options
    this.#introductions = new Introductions(options.selfId)
  }

  get refused(): ReadonlyMap<IntroductionGate, number> {
    return this.#introductions.refused
  }

  /** Whether a linked peer is linked with this member. */
  knows(at: SignalAddress): boolean {
    return this.#introductions.knows(at)
  }

  /** Who reaches whom, for who asks. */
  get ways(): Pick<Introductions, 'carriersOf' | 'isCarrying' | 'wayOn'> {
    return this.#introductions
  }

  linked(link: string, at: SignalAddress, carries: boolean): void {
    this.tell({ kind: 'linked', link, at, carries, nowMs: this.#options.clock.now() })
  }

  heard(link: string, said: Introduction): void {
    this.tell({ kind: 'heard', link, said, nowMs: this.#options.clock.now() })
  }

  tell(input: IntroductionInput): void {
    const { serve, deliver, reach } = this.#options
    for (const effect of this.#introductions.step(input)) {
      switch (effect.kind) {
        case 'say':
          this.#say(effect.link, effect.say)
          break
        case 'serve':
          this.#send(effect.to, () => serve(effect.to, effect.body))
          break
        case 'deliver':
          deliver(effect.from, effect.body)
          break
        case 'introduced':
        case 'withdrawn':
          reach(effect)
      }
    }
  }

  #say(id: string, say: Introduction): void {
    const link = this.#options.link(id)
    if (link === undefined) return
    if (say.kind === 'roster') return link.send(encodeIntroduction(say), 'reliable')
    this.#send(say.address, () => {
      const frame = encodeIntroduction(say)
      // Words for others wait for nobody: whoever misses them tries again.
      if (link.hasRoom(frame.length)) link.send(frame, 'reliable')
      else this.tell({ kind: 'unsaid' })
    })
  }

  #send(to: SignalAddress, send: () => void): void {
    try {
      send()
    } catch (error) {
      if (!(error instanceof PayloadTooLargeError)) throw error
      this.#options.onTooLarge(to)
    }
  }
}

export interface IntroducerOptions {
  readonly selfId: string
  readonly clock: Clock
  /** The link of that name, while it is open. */
  readonly link: (id: string) => SayingLink | undefined
  /** Hands `body` to the server. */
  readonly serve: (to: SignalAddress, body: string) => void
  /** What another member handed to this one. */
  readonly deliver: (from: SignalAddress, body: string) => void
  /** Whom the mesh may dial on the word of linked peers. */
  readonly reach: (input: { readonly kind: 'introduced' | 'withdrawn'; readonly at: SignalAddress }) => void
  readonly onTooLarge: (to: SignalAddress) => void
}

/** What it needs of a link whose key is proved. */
export interface SayingLink {
  hasRoom(bytes: number): boolean
  send(frame: Uint8Array, delivery: Delivery): void
}
