import { ByteWriter, equalBytes } from '../base/bytes.ts'
import { withinMs } from '../base/abort.ts'
import type { PeerId } from '../seam/contract.ts'
import { lackingWebCrypto } from '../seam/peer-identity.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import type { AdmissionAnswer, RoomId } from './contract.ts'
import type { Vetting } from './core/admission.ts'
import { type Hello, PROTOCOL_VERSION } from './core/message.ts'
import type { RoomState } from './core/room-state.ts'
import { holdsByRight, issueToken, proofBytes, vetToken } from './resume-credential.ts'
import type { RoomSettings } from './seam-room.ts'

interface Exchange {
  readonly from: PeerId
  readonly to: PeerId
}

/** All that a room signs and checks, and what it asks its application before it lets a newcomer in. */
export class RoomKeys {
  readonly #settings: RoomSettings

  constructor(settings: RoomSettings) {
    this.#settings = settings
  }

  issue(roomId: RoomId, peerId: PeerId, ownerKey: Uint8Array): Promise<ResumeToken> {
    const { identity, clock, timing } = this.#settings
    const issuedAt = Math.floor(clock.wallNow())
    return issueToken(identity, { roomId, peerId, ownerKey, issuedAt, expiresAt: issuedAt + timing.tokenLifeMs })
  }

  async hello(
    exchange: Exchange & { roomId: RoomId; nonce: number; epoch: number; token: ResumeToken | null },
  ): Promise<Hello> {
    const { identity, password, profile } = this.#settings
    const { nonce, epoch, token } = exchange
    return {
      kind: 'hello',
      version: PROTOCOL_VERSION,
      nonce,
      epoch,
      profile,
      key: identity.publicKey,
      password: password === null ? new Uint8Array(0) : await passwordProof(password, exchange),
      token,
      proof: token === null ? new Uint8Array(0) : await identity.sign(proofBytes(exchange)),
    }
  }

  async vet(state: RoomState, hello: Hello, exchange: Exchange, isNewcomer: boolean): Promise<Vetting> {
    const { verify, clock } = this.#settings
    const token =
      hello.token === null ? 'none' : await vetToken(verify, state, hello, { ...exchange, wallNowMs: clock.wallNow() })
    if (!isNewcomer) return { token, passwordKnown: true, answer: null }
    const { password } = state.policy
    const asked = { ...exchange, roomId: state.roomId, nonce: hello.nonce }
    const passwordKnown = password === null || equalBytes(hello.password, await passwordProof(password, asked))
    const answer: AdmissionAnswer = passwordKnown ? await this.#ask(hello, exchange.from) : { kind: 'refuse' }
    return { token, passwordKnown, answer }
  }

  isRightful(state: RoomState, host: PeerId, mine: ResumeToken): Promise<boolean> {
    return holdsByRight(this.#settings.verify, state, host, mine)
  }

  async #ask(hello: Hello, id: PeerId): Promise<AdmissionAnswer> {
    const { admit, clock, timing } = this.#settings
    try {
      const answering = Promise.resolve(admit({ ...hello.profile, id }))
      return await withinMs(clock, timing.admitTimeoutMs, answering, () => new Error('the application did not answer'))
    } catch {
      return { kind: 'refuse' }
    }
  }
}

/** Shows to who knows the password that the sender does, in this exchange alone. */
async function passwordProof(
  password: string,
  { roomId, nonce, from, to }: Exchange & { roomId: RoomId; nonce: number },
): Promise<Uint8Array> {
  const bytes = new ByteWriter().text('selvage room password').text(roomId).varint(nonce).text(from).text(to)
  const lacking = lackingWebCrypto()
  if (lacking !== null) throw lacking
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.text(password).finish()))
}
