import { reportUncaught } from '../base/observable.ts'
import type { SendOptions } from './contract.ts'

/** How far one payload has been taken: of several peers, the one that is least far counts. */
export class SendProgress {
  readonly #totalBytes: number
  readonly #tell: (sentBytes: number, totalBytes: number) => void
  readonly #sent: number[] = []
  readonly #peers: number
  #toldBytes = -1

  private constructor(totalBytes: number, peers: number, tell: (sentBytes: number, totalBytes: number) => void) {
    this.#totalBytes = totalBytes
    this.#peers = peers
    this.#tell = tell
  }

  /** `null` where nobody wants to hear of it. */
  static of(payload: Uint8Array, peers: number, { onProgress }: SendOptions): SendProgress | null {
    return onProgress === undefined ? null : new SendProgress(payload.length, peers, onProgress)
  }

  /** What one peer's lane tells how many bytes it has handed over. */
  ofOne(): (bytes: number) => void {
    const index = this.#sent.push(0) - 1
    return (bytes) => {
      this.#sent[index] = bytes
      if (this.#sent.length === this.#peers) this.#say(Math.min(...this.#sent))
    }
  }

  /** Every peer has all of it, or has left. */
  end(): void {
    this.#say(this.#totalBytes)
  }

  #say(bytes: number): void {
    if (bytes <= this.#toldBytes || (bytes === 0 && this.#totalBytes > 0)) return
    this.#toldBytes = bytes
    try {
      this.#tell(bytes, this.#totalBytes)
    } catch (error) {
      reportUncaught(error)
    }
  }
}
