/** As much of trystero as the bench uses: its packages are installed with the bench, not with the project. */
declare module 'trystero/nostr' {
  interface Action<T> {
    send(data: T, options: { readonly target: string }): Promise<void>
    onMessage: (data: ArrayBuffer) => void
  }

  interface Room {
    makeAction<T>(name: string): Action<T>
    onPeerJoin: (peer: string) => void
    leave(): Promise<void>
  }

  export function joinRoom(
    options: {
      readonly appId: string
      readonly relayConfig: { readonly urls: readonly string[] }
      readonly rtcConfig: RTCConfiguration
    },
    room: string,
  ): Room
}
