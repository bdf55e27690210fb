import type { Peer } from 'peerjs'
import type { Clock } from '../../base/clock.ts'
import { SignalingUnavailableError } from '../../base/errors.ts'
import { newRoomSecret } from '../../mesh/seal/room-address.ts'
import { toHex } from './beacon-words.ts'

/** Opens `id` at a PeerServer. `null` where the id is taken. Else rejects with {@link SignalingUnavailableError}, or the signal's reason. */
export async function openPeer(options: OpenPeerOptions): Promise<Peer | null> {
  const { url, clock, signal, timeoutMs } = options
  const peer = await startPeer(options)
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clock.clearTimeout(bound)
      signal?.removeEventListener('abort', onAbort)
      peer.removeAllListeners()
      act()
    }
    const fail = (reason: unknown): void =>
      settle(() => {
        peer.destroy()
        reject(reason)
      })
    const onAbort = (): void => fail(signal?.reason)
    const bound = clock.setTimeout(() => fail(unavailable(url, `did not answer within ${timeoutMs} ms`)), timeoutMs)
    peer.on('open', () => settle(() => resolve(peer)))
    peer.on('disconnected', () => fail(unavailable(url, 'could not be reached, or closed the connection')))
    peer.on('error', (error) => {
      if (error.type !== 'unavailable-id') fail(unavailable(url, `refused: ${error.message}`, error))
      else
        settle(() => {
          peer.destroy()
          resolve(null)
        })
    })
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A peer that opens `id`; it tells how that goes. The package is loaded with the first one. */
export async function startPeer({ url, id, token }: PeerName): Promise<Peer> {
  const { Peer: PeerClass } = await import('peerjs')
  const { hostname, port, pathname, protocol, searchParams } = new URL(url)
  const secure = protocol === 'wss:'
  return new PeerClass(id, {
    host: hostname,
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    path: pathname,
    secure,
    key: searchParams.get('key') ?? 'peerjs',
    token,
    debug: 0,
  })
}

/** 128 random bits in the letters that every PeerServer takes. */
export function newPeerName(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)))
}

export function newPeerToken(): string {
  return newRoomSecret()
}

export function unavailable(url: string, what: string, cause?: unknown): SignalingUnavailableError {
  const message = `PeerServer ${url} ${what}; nothing is attached there: retry, or try the next server`
  return new SignalingUnavailableError(message, cause === undefined ? {} : { cause })
}

export interface PeerName {
  readonly url: string
  readonly id: string
  /** Who repeats it takes the id over. */
  readonly token: string
}

export interface OpenPeerOptions extends PeerName {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}
