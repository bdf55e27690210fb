import { createHmac } from 'node:crypto'
import type { ServerMessage } from '../signal/protocol.ts'

/** TURN servers that take coturn's `use-auth-secret` credentials (the "REST API" scheme of draft-uberti-behave-turn-rest). */
export interface TurnOptions {
  /** Shared with the TURN servers (`static-auth-secret`), at least 16 characters. */
  readonly secret: string
  /** `turn:` and `turns:` addresses, 1 to 8. */
  readonly urls: readonly string[]
  /** How long credentials let somebody begin to use them, seconds, 60 to 86,400. Default 3,600. */
  readonly ttlSeconds?: number | undefined
}

const DEFAULT_TTL_SECONDS = 3_600
const MAX_URLS = 8

/** Signs credentials, which nobody keeps: the TURN server works them out again. */
export class TurnCredentials {
  readonly #secret: string
  readonly #urls: readonly string[]
  readonly #ttlSeconds: number

  /** Throws a `RangeError` for options that cannot work. */
  constructor({ secret, urls, ttlSeconds = DEFAULT_TTL_SECONDS }: TurnOptions) {
    if (secret.length < 16) throw new RangeError('a TURN secret has at least 16 characters')
    if (urls.length === 0 || urls.length > MAX_URLS || !urls.every((url) => /^turns?:[^\s]{1,250}$/.test(url))) {
      throw new RangeError(`TURN takes 1 to ${MAX_URLS} addresses like turn:turn.example:3478`)
    }
    if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 60 || ttlSeconds > 86_400) {
      throw new RangeError(`TURN credentials last a whole number of seconds from 60 to 86,400: ${ttlSeconds}`)
    }
    this.#secret = secret
    this.#urls = urls
    this.#ttlSeconds = ttlSeconds
  }

  /** `peer` is what coturn counts its `user-quota` by. */
  grant(peer: string, wallNowMs: number): Extract<ServerMessage, { type: 'turn-credentials' }> {
    const username = `${Math.floor(wallNowMs / 1_000) + this.#ttlSeconds}:${encodeURIComponent(peer)}`
    const credential = createHmac('sha1', this.#secret).update(username).digest('base64')
    return { type: 'turn-credentials', urls: this.#urls, username, credential, ttlSeconds: this.#ttlSeconds }
  }
}
