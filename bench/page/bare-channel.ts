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

  async answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    this.#channel.onmessage = (event: MessageEvent<ArrayBuffer>) => this.#channel.send(event.data)
    await this.#connection.setRemoteDescription(offer)
    return this.#described()
  }

  async accept(answer: RTCSessionDescriptionInit): Promise<void> {
    const open = new Promise((resolve) => (this.#channel.onopen = resolve))
    await this.#connection.setRemoteDescription(answer)
    await open
  }

  /** To the other end and back. */
  roundTrip(bytes: number): Promise<void> {
    const back = new Promise<void>((resolve) => (this.#heard = resolve))
    this.#channel.send(crypto.getRandomValues(new Uint8Array(bytes)))
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
