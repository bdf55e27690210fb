import { LOSSY_MARK_BYTES } from './link-driver.ts'

/**
 * The second channel of a WebRTC link: without order, and nothing is sent again. Both ends open it under id 1
 * beside the first one, and no end waits for it: what is sent before it is open is dropped. An end that does
 * not open it never hears what is sent there.
 */
export class LossyChannel {
  readonly #channel: RTCDataChannel

  /** `connection` negotiates no more for it than for the first channel alone. */
  constructor(connection: RTCPeerConnection, onMessage: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#channel = connection.createDataChannel('selvage lossy', {
      negotiated: true,
      id: LOSSY_CHANNEL_ID,
      ordered: false,
      maxRetransmits: 0,
    })
    this.#channel.binaryType = 'arraybuffer'
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) =>
      // Text is no frame of ours: it goes up as an empty message, which is refused there.
      onMessage(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array())
  }

  /** False: dropped, since the channel is not open, or more than {@link LOSSY_MARK_BYTES} wait there. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    const channel = this.#channel
    if (channel.readyState !== 'open' || channel.bufferedAmount > LOSSY_MARK_BYTES) return false
    try {
      channel.send(bytes)
      return true
    } catch {
      return false
    }
  }

  /** What is queued goes with it or not. */
  close(): void {
    this.#channel.onmessage = null
    this.#channel.close()
  }
}

/** Stream id of the channel, agreed beforehand. */
const LOSSY_CHANNEL_ID = 1
