/**
 * The part of the standard WebSocket that the client uses (WHATWG WebSockets, section 3.1): a browser's own
 * class fits, Node's since 22 and that of `ws`.
 */
export interface SignalSocket {
  /** Bytes handed to `send` and not yet to the network. */
  readonly bufferedAmount: number
  /** `arraybuffer` for binary frames as such. */
  binaryType: string
  send(data: string | Uint8Array<ArrayBuffer>): void
  /** Also ends a connection that is still being made. */
  close(code?: number): void
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number }) => void): void
}

export type SignalSocketConstructor = new (url: string) => SignalSocket
