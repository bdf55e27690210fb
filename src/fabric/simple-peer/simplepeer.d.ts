/**
 * The part of simple-peer 9.11 that is used. Its ready-made browser build is imported, because the package's
 * own entry asks bundlers for Node's globals.
 */
declare module 'simple-peer/simplepeer.min.js' {
  export default class SimplePeer {
    constructor(options: {
      initiator: boolean
      config: RTCConfiguration
      objectMode?: boolean
      channelName?: string
      channelConfig?: RTCDataChannelInit
    })
    readonly bufferSize: number
    /** `null` once destroyed. */
    readonly _pc: RTCPeerConnection | null
    /** From `connect` on. */
    readonly _channel: RTCDataChannel
    signal(note: unknown): void
    send(frame: Uint8Array<ArrayBuffer>): void
    destroy(): void
    on(event: 'signal', listener: (note: unknown) => void): void
    on(event: 'connect' | 'close', listener: () => void): void
    /** A string where the other end sent text. */
    on(event: 'data', listener: (data: Uint8Array<ArrayBuffer>) => void): void
    on(event: 'error', listener: (error: Error) => void): void
    on(event: 'iceStateChange', listener: (state: RTCIceConnectionState) => void): void
  }
}
