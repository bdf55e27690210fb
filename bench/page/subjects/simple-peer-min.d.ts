declare module 'simple-peer/simplepeer.min.js' {
  export default class SimplePeer {
    readonly _channel: RTCDataChannel
    constructor(options: { initiator: boolean; config: RTCConfiguration })
    on(event: 'signal', listener: (note: unknown) => void): void
    on(event: 'connect', listener: () => void): void
    on(event: 'data', listener: (data: Uint8Array) => void): void
    on(event: 'error', listener: (error: Error) => void): void
    signal(note: unknown): void
    send(frame: Uint8Array<ArrayBuffer>): void
    destroy(): void
  }
}
