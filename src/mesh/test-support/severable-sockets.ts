import type { SignalSocket, SignalSocketConstructor } from '../../signal/signal-socket.ts'

/** The WebSockets of one peer, which can be cut: without a word, and for good. */
export class SeverableSockets {
  readonly WebSocket: SignalSocketConstructor
  readonly #open: Set<SignalSocket> = new Set()
  #severed = false

  constructor(Base: SignalSocketConstructor) {
    const made = (socket: SignalSocket): void => {
      if (this.#severed) socket.close()
      else this.#open.add(socket)
    }
    this.WebSocket = class extends (Base as new (url: string) => SignalSocket) {
      constructor(url: string) {
        super(url)
        made(this)
      }
    }
  }

  sever(): void {
    this.#severed = true
    for (const socket of this.#open) socket.close()
  }
}
