import type { BackplaneRequest, ConnectionId } from './backplane.ts'
import type { ServerMessage, SignalErrorCode } from './protocol.ts'

export type HubEffect =
  | { readonly kind: 'send'; readonly connections: readonly ConnectionId[]; readonly message: ServerMessage }
  /** Dropped where the connection leaves `maxRelayUnreadBytes` unread. */
  | { readonly kind: 'relay'; readonly connection: ConnectionId; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Read nothing of it for so long. */
  | { readonly kind: 'pause'; readonly connection: ConnectionId; readonly ms: number }
  /** The connection is forgotten already: nothing it still says counts. */
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly code: number }
  /** Give it TURN credentials in the name of `peer`. */
  | { readonly kind: 'turn'; readonly connection: ConnectionId; readonly peer: string }
  /** For the backplane; a hub that is alone answers itself and asks nobody. */
  | { readonly kind: 'ask'; readonly request: BackplaneRequest }

/** Since the start. */
export interface HubCounts {
  readonly attached: number
  readonly signals: number
  readonly refusals: ReadonlyMap<SignalErrorCode, number>
}

/** Where the parts of a hub put what is to be done, in order. */
export class HubOutbox {
  #effects: HubEffect[] = []
  #attached = 0
  #signals = 0
  readonly #refusals: Map<SignalErrorCode, number> = new Map()

  get counts(): HubCounts {
    return { attached: this.#attached, signals: this.#signals, refusals: this.#refusals }
  }

  /** What has been put here since the last call. */
  take(): readonly HubEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  send(connections: readonly ConnectionId[], message: ServerMessage): void {
    if (message.type === 'attached') this.#attached++
    else if (message.type === 'signal') this.#signals++
    if (connections.length > 0) this.#effects.push({ kind: 'send', connections, message })
  }

  error(connection: ConnectionId, code: SignalErrorCode, message: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1)
    this.send([connection], { type: 'error', code, message })
  }

  relay(connection: ConnectionId, bytes: Uint8Array<ArrayBuffer>): void {
    this.#effects.push({ kind: 'relay', connection, bytes })
  }

  pause(connection: ConnectionId, ms: number): void {
    this.#effects.push({ kind: 'pause', connection, ms })
  }

  turn(connection: ConnectionId, peer: string): void {
    this.#effects.push({ kind: 'turn', connection, peer })
  }

  close(connection: ConnectionId, code: number): void {
    this.#effects.push({ kind: 'close', connection, code })
  }

  ask(request: BackplaneRequest): void {
    this.#effects.push({ kind: 'ask', request })
  }
}
