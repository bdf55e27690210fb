import { ByteWriter, equalBytes, wellFormed } from '../../base/bytes.ts'
import type { PeerId } from '../../seam/contract.ts'
import { CUT_OFF_BYTES, MIN_FRAME_COST } from '../../seam/credit.ts'
import { decodeLinkFrame, encodeHello, encodeProof, LINK_VERSION, NONCE_BYTES, type Hello } from './link-frames.ts'

/**
 * How two ends of an open channel prove to each other who they are, before either lists the other.
 *
 * Each says HELLO (version, session, public key, fresh nonce) and, knowing the other's, PROOF: a
 * signature over everything both said, the room they meet in and the certificates of the encrypted
 * channel they talk through. So a proof is worth nothing in another room, another session, another
 * channel, the other direction or at another time, and a signalling server that puts itself between
 * two peers has to show each of them a certificate that the other did not sign.
 *
 * A pure machine: feed {@link LinkHandshake.step} what happens, carry out the effects it returns, in
 * order. Signing and verifying are effects because WebCrypto takes its time.
 */
export class LinkHandshake {
  readonly #self: HandshakeSelf
  readonly #expected: { readonly peer: PeerId; readonly session: string }
  #phase: 'idle' | 'greeting' | 'proving' | 'proved' | 'over' = 'idle'
  #fingerprints: Fingerprints | null = null
  #theirs: Hello | null = null
  #proofSent = false
  #proofArrived = false
  #verifiedPeer: PeerId | null = null
  #held: Uint8Array[] = []
  #heldBytes = 0

  /** `expected` is what signalling says of the other end. */
  constructor(self: HandshakeSelf, expected: { readonly peer: PeerId; readonly session: string }) {
    if (self.nonce.length !== NONCE_BYTES)
      throw new RangeError(`a nonce of ${self.nonce.length} bytes, not ${NONCE_BYTES}`)
    this.#self = self
    this.#expected = expected
  }

  step(input: HandshakeInput): HandshakeEffect[] {
    if (this.#phase === 'over' || this.#phase === 'proved') return []
    switch (input.kind) {
      case 'open':
        return this.#open(input.fingerprints)
      case 'frame':
        return this.#frame(input.bytes)
      case 'signed':
        return this.#signed(input.signature)
      case 'verified':
        return this.#verified(input.peer)
      case 'deadline':
        return this.#refuse('timeout')
    }
  }

  #open(fingerprints: Fingerprints): HandshakeEffect[] {
    if (this.#phase !== 'idle') return []
    if (fingerprints.local.length === 0 || fingerprints.remote.length === 0) return this.#refuse('no-fingerprint')
    this.#phase = 'greeting'
    this.#fingerprints = fingerprints
    return [{ kind: 'send', bytes: encodeHello(this.#hello()) }]
  }

  #frame(bytes: Uint8Array): HandshakeEffect[] {
    if (this.#phase === 'idle') return this.#refuse('out-of-order')
    if (this.#proofArrived) return this.#hold(bytes)
    const frame = wellFormed(() => decodeLinkFrame(bytes))
    if (frame === null) return this.#refuse('malformed')
    if (frame.kind === 'hello' && this.#phase === 'greeting') return this.#greeted(frame)
    if (frame.kind === 'proof' && this.#phase === 'proving') return this.#proofReceived(frame.signature)
    if (frame.kind === 'goodbye') return this.#refuse('left')
    return this.#refuse('out-of-order')
  }

  #greeted(hello: Hello): HandshakeEffect[] {
    if (hello.version !== LINK_VERSION) return this.#refuse('version')
    if (hello.session === this.#self.session || equalBytes(hello.publicKey, this.#self.publicKey))
      return this.#refuse('self')
    if (equalBytes(hello.nonce, this.#self.nonce)) return this.#refuse('reflected')
    if (hello.session !== this.#expected.session) return this.#refuse('wrong-session')
    this.#phase = 'proving'
    // Views on a network buffer: kept past this step, so copied.
    this.#theirs = { ...hello, publicKey: hello.publicKey.slice(), nonce: hello.nonce.slice() }
    return [{ kind: 'sign', bytes: this.#transcript('own') }]
  }

  #proofReceived(signature: Uint8Array): HandshakeEffect[] {
    this.#proofArrived = true
    const { publicKey } = this.#theirs as Hello
    return [{ kind: 'verify', publicKey, bytes: this.#transcript('theirs'), signature: signature.slice() }]
  }

  #signed(signature: Uint8Array): HandshakeEffect[] {
    if (this.#phase !== 'proving' || this.#proofSent) return []
    this.#proofSent = true
    return [{ kind: 'send', bytes: encodeProof(signature) }, ...this.#settled()]
  }

  #verified(peer: PeerId | null): HandshakeEffect[] {
    if (!this.#proofArrived || this.#verifiedPeer !== null) return []
    if (peer === null) return this.#refuse('forged')
    if (peer !== this.#expected.peer) return this.#refuse('wrong-peer')
    this.#verifiedPeer = peer
    return this.#settled()
  }

  /** Proved when theirs is verified and ours is on its way: nothing of ours may overtake our proof. */
  #settled(): HandshakeEffect[] {
    if (this.#verifiedPeer === null || !this.#proofSent) return []
    this.#phase = 'proved'
    const held = this.#held
    this.#held = []
    const { publicKey, session } = this.#theirs as Hello
    return [{ kind: 'proved', peer: this.#verifiedPeer, publicKey, session, held }]
  }

  /** What the other end sends once it trusts us may be here before we trust it. */
  #hold(bytes: Uint8Array): HandshakeEffect[] {
    this.#heldBytes += bytes.length
    if (this.#held.length >= MAX_HELD_FRAMES || this.#heldBytes > MAX_HELD_BYTES) return this.#refuse('flooded')
    this.#held.push(bytes)
    return []
  }

  #refuse(reason: RefusalReason): HandshakeEffect[] {
    this.#phase = 'over'
    this.#held = []
    return [{ kind: 'refused', reason }]
  }

  #hello(): Hello {
    const { session, publicKey, nonce } = this.#self
    return { version: LINK_VERSION, session, publicKey, nonce }
  }

  /** The signer's part comes first, so that a proof sent back to its maker proves nothing. */
  #transcript(signer: 'own' | 'theirs'): Uint8Array<ArrayBuffer> {
    const { local, remote } = this.#fingerprints as Fingerprints
    const own = { hello: this.#hello(), fingerprints: local }
    const theirs = { hello: this.#theirs as Hello, fingerprints: remote }
    const writer = new ByteWriter(512).text(TRANSCRIPT_DOMAIN).u8(LINK_VERSION).text(this.#self.room)
    for (const side of signer === 'own' ? [own, theirs] : [theirs, own]) {
      writer.text(side.hello.session).block(side.hello.publicKey).block(side.hello.nonce)
      const sorted = [...new Set(side.fingerprints)].sort()
      writer.varint(sorted.length)
      for (const fingerprint of sorted) writer.text(fingerprint)
    }
    return writer.finish()
  }
}

/** Separates these signatures from anything else the same key ever signs. */
const TRANSCRIPT_DOMAIN = 'selvage link proof'

/**
 * Bytes, and frames, that wait while the other end's proof is being verified. Who keeps to its credit
 * never meets either, be its frames as small as they may.
 */
export const MAX_HELD_BYTES: number = CUT_OFF_BYTES
export const MAX_HELD_FRAMES: number = CUT_OFF_BYTES / MIN_FRAME_COST

export interface HandshakeSelf {
  /** Address of the room on the servers. */
  readonly room: string
  readonly session: string
  readonly publicKey: Uint8Array
  /** {@link NONCE_BYTES} random bytes, never used before. */
  readonly nonce: Uint8Array
}

/** Certificate fingerprints of the channel's encryption, as the two session descriptions state them. */
export interface Fingerprints {
  readonly local: readonly string[]
  readonly remote: readonly string[]
}

export type HandshakeInput =
  | { readonly kind: 'open'; readonly fingerprints: Fingerprints }
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  | { readonly kind: 'signed'; readonly signature: Uint8Array }
  /** `peer`: the id of the key, or `null` where the signature does not hold. */
  | { readonly kind: 'verified'; readonly peer: PeerId | null }
  | { readonly kind: 'deadline' }

export type HandshakeEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'sign'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'verify'
      readonly publicKey: Uint8Array
      readonly bytes: Uint8Array
      readonly signature: Uint8Array
    }
  /** The last effect of a good handshake. `held` came after the proof and goes on through the link, in order. */
  | {
      readonly kind: 'proved'
      readonly peer: PeerId
      readonly publicKey: Uint8Array
      readonly session: string
      readonly held: readonly Uint8Array[]
    }
  /** The last effect of a failed one: close the channel, list nobody. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason }

export type RefusalReason =
  | 'timeout'
  | 'malformed'
  | 'out-of-order'
  | 'version'
  | 'self'
  | 'reflected'
  | 'wrong-session'
  | 'wrong-peer'
  | 'forged'
  | 'flooded'
  | 'no-fingerprint'
  | 'left'
