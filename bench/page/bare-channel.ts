/** First byte of a frame: whether the other end stores it before it answers. */
const PLAIN = 0
const STORED = 1

/** A bare RTCDataChannel to another page; descriptions are carried by the harness, candidates inside them. */
export class BareChannel {
  readonly #connection = new RTCPeerConnection()
  readonly #channel = this.#connection.createDataChannel('bench', { negotiated: true, id: 0 })
  #heard: (() => void) | null = null

  constructor() {
    this.#channel.binaryType = 'arraybuffer'
  }

  offer(): Promise<RTCSessionDescriptionInit> {
    this.#channel.onmessage = () => this.#heard?.()
    return this.#described()
  }

  /** `store` is run for frames that ask for it. */
  async answer(
    offer: RTCSessionDescriptionInit,
    store: (bytes: number) => Promise<void>,
  ): Promise<RTCSessionDescriptionInit> {
    this.#channel.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      if (new Uint8Array(data)[0] === PLAIN) this.#channel.send(data)
      else void store(data.byteLength).then(() => this.#channel.send(data))
    }
    await this.#connection.setRemoteDescription(offer)
    return this.#described()
  }

  async accept(answer: RTCSessionDescriptionInit): Promise<void> {
    const open = new Promise((resolve) => (this.#channel.onopen = resolve))
    await this.#connection.setRemoteDescription(answer)
    await open
  }

  /** To the other end and back. */
  roundTrip(bytes: number, stored = false): Promise<void> {
    const back = new Promise<void>((resolve) => (this.#heard = resolve))
    const frame = crypto.getRandomValues(new Uint8Array(bytes))
    frame[0] = stored ? STORED : PLAIN
    this.#channel.send(frame)
    return back
  }

  close(): void {
    this.#connection.close()
  }

  async #described(): Promise<RTCSessionDescriptionInit> {
    const gathered = new Promise<void>((resolve) => {
      this.#connection.onicegatheringstatechange = () => {
        if (this.#connection.iceGatheringState === 'complete') resolve()
      }
    })
    await this.#connection.setLocalDescription()
    await gathered
    return this.#connection.localDescription?.toJSON() as RTCSessionDescriptionInit
  }
}
