import { concatBytes, equalBytes, fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { PeerIdentity } from '../../seam/contract.ts'
import { importPublicKey, type PublicKey } from '../../seam/peer-identity.ts'
import type { SignalAddress } from '../../signal/protocol.ts'
import { ReplayWindow } from './replay-window.ts'
import type { RoomAddress } from './room-address.ts'
import {
  decodeSealedSignal,
  encodeSealedSignal,
  MAX_BATCH_BODIES,
  SEAL_VERSION,
  sealContext,
  type OpenedSignal,
} from './sealed-signal.ts'
import { WorkLines } from './work-lines.ts'

/**
 * Seals what this weave hands to others before they are linked, and opens what they hand to it, whoever
 * carries it: a server, or another member. Signed by the sender's identity key, then sealed (AES-GCM)
 * under the room's key, each signal is good once, in one room, from one session to one other. What is
 * refused is counted by its gate.
 *
 * Order is kept between each two. Bodies that come while one is being sealed travel in one signal.
 */
export class SignalSeal {
  readonly #options: SignalSealOptions
  readonly #context: Uint8Array<ArrayBuffer>
  readonly #outgoing: WorkLines<Outgoing>
  readonly #incoming: WorkLines<Incoming>
  /** Whose signals were opened, the one heard last at the end. */
  readonly #senders: Map<string, Sender> = new Map()
  readonly #refused: Map<SealGate, number> = new Map()
  #counter = 0
  #over = false

  constructor(options: SignalSealOptions) {
    this.#options = options
    this.#context = sealContext(options.room)
    const bounds = { clock: options.clock, maxLineCost: MAX_LINE_LENGTH, maxCost: MAX_WAITING_LENGTH }
    this.#outgoing = new WorkLines({
      ...bounds,
      costOf: ({ body }) => Math.max(body.length, MIN_COST),
      share: batchOf,
      work: (items) => this.#seal(items),
    })
    this.#incoming = new WorkLines({
      ...bounds,
      costOf: ({ text }) => Math.max(text.length, MIN_COST),
      share: () => 1,
      work: ([item]) => this.#open(item as Incoming),
    })
  }

  /** Signals refused since the weave began. */
  get refused(): ReadonlyMap<SealGate, number> {
    return new Map(this.#refused)
  }

  /** Seals `body`, and hands it on by {@link SignalSealEvents.onSealed}. */
  seal(to: SignalAddress, body: string): void {
    if (!this.#outgoing.add(lineOf(to), { to, body })) this.#unsent(to, 'too much waits to be sealed')
  }

  /** Opens what `from` is said to have sent, and hands it on by {@link SignalSealEvents.onOpened}. */
  open(from: SignalAddress, text: string): void {
    if (text.length > MAX_SEALED_LENGTH) this.#refuse('malformed')
    else if (!this.#incoming.add(lineOf(from), { from, text })) this.#refuse('flooded')
  }

  /** No event comes after it. Idempotent. */
  close(): void {
    this.#over = true
    this.#outgoing.close()
    this.#incoming.close()
  }

  /* ── Out ───────────────────────────────────────────────────────────────────────────────────── */

  async #seal(items: readonly Outgoing[]): Promise<void> {
    const { to } = items[0] as Outgoing
    const { identity, session, key, events } = this.#options
    const counter = ++this.#counter
    try {
      const bodies = items.map(({ body }) => body)
      const signed = encodeSealedSignal({ publicKey: identity.publicKey, session, to, counter, bodies })
      const signature = await identity.sign(concatBytes(this.#context, signed))
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const algorithm = { name: 'AES-GCM', iv, additionalData: this.#context }
      const sealed = await crypto.subtle.encrypt(algorithm, key, concatBytes(signature, signed))
      const text = toBase64Url(concatBytes(Uint8Array.of(SEAL_VERSION), iv, new Uint8Array(sealed)))
      if (!this.#over) events.onSealed(to, text)
    } catch (error) {
      this.#unsent(to, String(error))
    }
  }

  #unsent(to: SignalAddress, why: string): void {
    if (!this.#over) this.#options.events.onUnsent(to, why)
  }

  /* ── In ────────────────────────────────────────────────────────────────────────────────────── */

  async #open({ from, text }: Incoming): Promise<void> {
    const opened = await this.#judge(from, text)
    if (this.#over) return
    if (typeof opened === 'string') this.#refuse(opened)
    else for (const body of opened.bodies) if (this.#isOpen()) this.#options.events.onOpened(from, body)
  }

  /** What it says, or the gate that refused it. What costs least is asked first. */
  async #judge(from: SignalAddress, text: string): Promise<OpenedSignal | SealGate> {
    const bytes = fromBase64Url(text)
    if (bytes === null || bytes.length < MIN_SEALED_BYTES) return 'malformed'
    if (bytes[0] !== SEAL_VERSION) return 'version'
    const plain = await this.#decrypted(bytes)
    if (plain === null) return 'unsealed'
    const signal = decodeSealedSignal(plain)
    if (signal === null) return 'malformed'
    const misdirected = this.#misdirected(from, signal)
    if (misdirected !== null) return misdirected
    const sender = this.#senders.get(lineOf(from)) ?? (await this.#newSender(signal))
    if (sender === null) return 'forged'
    if (sender.key.id !== from.peer || !equalBytes(sender.key.bytes, signal.publicKey)) return 'misattributed'
    const verdict = sender.window.judge(signal.counter)
    if (verdict !== 'fresh') return verdict
    if (!(await sender.key.verify(concatBytes(this.#context, signal.signed), signal.signature))) return 'forged'
    sender.window.take(signal.counter)
    this.#remember(lineOf(from), sender)
    return signal
  }

  async #decrypted(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
    const iv = bytes.subarray(1, 1 + IV_BYTES)
    const algorithm = { name: 'AES-GCM', iv, additionalData: this.#context }
    try {
      const sealed = bytes.subarray(1 + IV_BYTES)
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, this.#options.key, sealed))
    } catch {
      return null
    }
  }

  #misdirected(from: SignalAddress, { session, to, publicKey }: OpenedSignal): SealGate | null {
    const { identity, session: own } = this.#options
    if (equalBytes(publicKey, identity.publicKey)) return 'reflected'
    if (to.peer !== identity.id || to.session !== own) return 'misaddressed'
    return session === from.session ? null : 'misattributed'
  }

  async #newSender({ publicKey }: OpenedSignal): Promise<Sender | null> {
    const key = await importPublicKey(publicKey.slice())
    return key === null ? null : { key, window: new ReplayWindow() }
  }

  #remember(line: string, sender: Sender): void {
    this.#senders.delete(line)
    this.#senders.set(line, sender)
    const [oldest] = this.#senders.keys()
    if (this.#senders.size > MAX_SENDERS && oldest !== undefined) this.#senders.delete(oldest)
  }

  #refuse(gate: SealGate): void {
    this.#refused.set(gate, (this.#refused.get(gate) ?? 0) + 1)
  }

  #isOpen(): boolean {
    return !this.#over
  }
}

/**
 * Why a signal was refused. `malformed`, `version`: it is none, or another version's. `unsealed`: not under
 * this room's key, or changed on the way. `reflected`: this peer's own. `misaddressed`: for another peer, or
 * another session of this one. `misattributed`: from another than it was said to be. `forged`: not signed by
 * its sender. `replayed`: opened before. `stale`: {@link REPLAY_WINDOW} behind. `flooded`: too much waits.
 */
export type SealGate =
  | 'malformed'
  | 'version'
  | 'unsealed'
  | 'reflected'
  | 'misaddressed'
  | 'misattributed'
  | 'forged'
  | 'replayed'
  | 'stale'
  | 'flooded'

export interface SignalSealOptions {
  /** Of {@link sealKeyOf}. */
  readonly key: CryptoKey
  readonly room: RoomAddress
  readonly identity: PeerIdentity
  /** This weave's own, drawn for it: what was sealed for another weave is no use here. */
  readonly session: string
  readonly clock: Clock
  readonly events: SignalSealEvents
}

export interface SignalSealEvents {
  /** `text` is for `to`, whoever carries it. */
  onSealed(to: SignalAddress, text: string): void
  /** `from` wrote `body`, as is proved. */
  onOpened(from: SignalAddress, body: string): void
  /** A body was dropped; `why` is for people. */
  onUnsent(to: SignalAddress, why: string): void
}

/** Longest sealed signal taken, characters: a session description of the largest size fits. */
export const MAX_SEALED_LENGTH = 131_072

/** Characters that wait between two peers, and in all; what is shorter than the least counts as that. */
export const MAX_LINE_LENGTH = 524_288
export const MAX_WAITING_LENGTH = 8_388_608
const MIN_COST = 1_024

/** Characters of one signal's bodies, unless there is but one: what fits alone must not fail together. */
export const MAX_BATCH_LENGTH = 2_048

/**
 * Sessions whose count is known. Beyond it the one not heard longest is forgotten; what it said could
 * then be opened once more.
 */
export const MAX_SENDERS = 4_096

const IV_BYTES = 12
const TAG_BYTES = 16
const MIN_SEALED_BYTES = 1 + IV_BYTES + TAG_BYTES

interface Outgoing {
  readonly to: SignalAddress
  readonly body: string
}

interface Incoming {
  readonly from: SignalAddress
  readonly text: string
}

interface Sender {
  readonly key: PublicKey
  readonly window: ReplayWindow
}

function batchOf(items: readonly Outgoing[]): number {
  let length = 0
  let count = 0
  for (const { body } of items.slice(0, MAX_BATCH_BODIES)) {
    length += body.length
    if (length > MAX_BATCH_LENGTH) break
    count++
  }
  return count
}

function lineOf(at: SignalAddress): string {
  return JSON.stringify([at.peer, at.session])
}
