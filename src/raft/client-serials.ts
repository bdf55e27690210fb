import type { Random } from '../base/random.ts'
import type { ClientIdentity, DedupKey, NodeId } from './contract.ts'
import { AUTO_PREFIX, isAutomatic } from './core/sessions.ts'
import { checkId } from './id.ts'

/** Stamps this process's proposals: who asks, and for the how-manieth time. Serials rise, and are never reused. */
export class ClientSerials {
  readonly #identity: ClientIdentity
  readonly #clientId: string
  readonly #automaticId: () => string
  #last = 0
  #lastAutomatic = 0

  /** An automatic id is new for every process: its serials start again, and must not meet old ones. */
  constructor(identity: ClientIdentity, id: NodeId, random: Random) {
    this.#identity = identity
    let automaticId: string | null = null
    this.#automaticId = () => (automaticId ??= `${AUTO_PREFIX}${id}-${randomHex(random)}`)
    this.#clientId = identity.kind === 'auto' ? this.#automaticId() : identity.clientId
    if (identity.kind === 'auto') return
    checkId('a durable client id', this.#clientId)
    if (isAutomatic(this.#clientId)) {
      throw new RangeError(`a durable client id may not begin with ${AUTO_PREFIX}: such ids are made, not chosen`)
    }
  }

  /** A key that no caller can have chosen, whatever the identity: for what a layer proposes on its own account. */
  automaticKey(): DedupKey {
    if (this.#identity.kind === 'auto') return this.keyOf(undefined)
    return { clientId: this.#automaticId(), requestId: ++this.#lastAutomatic }
  }

  /** Throws `TypeError` where a durable client names no request, `RangeError` for what is no serial. */
  keyOf(requestId: number | undefined): DedupKey {
    if (requestId === undefined) {
      if (this.#identity.kind === 'durable') throw new TypeError('a durable client names each request: pass requestId')
      return { clientId: this.#clientId, requestId: ++this.#last }
    }
    if (!Number.isSafeInteger(requestId) || requestId < 0) {
      throw new RangeError(`requestId ${requestId} is not a whole number from 0 to 2^53 - 1`)
    }
    this.#last = Math.max(this.#last, requestId)
    return { clientId: this.#clientId, requestId }
  }
}

/** 64 bits, as 16 lower-case hexadecimal digits. */
function randomHex(random: Random): string {
  let text = ''
  for (let i = 0; i < 16; i++) text += Math.floor(random() * 16).toString(16)
  return text
}
